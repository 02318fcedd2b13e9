"""What can go wrong in this service. The class of the platform that an error also is decides how it is told."""

from __future__ import annotations

from typing import ClassVar

from botlib import BotError, ConflictError, ForbiddenError, InvalidError, LimitError, NotFoundError, UnavailableError


class ContainersError(BotError):
    """The base of what this service raises."""

    code = "containers"


class ManifestError(ContainersError, InvalidError):
    """A manifest, or what was sent like one, cannot be used. One sentence a problem; no value is repeated."""

    code = "containers-manifest"

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class ParametersError(ManifestError):
    """The parameters of a method are not what it takes."""

    code = "containers-parameters"


class UnknownAppError(ContainersError, NotFoundError):
    """No such app is installed."""

    code = "containers-unknown-app"


class NotOfferedError(ContainersError, NotFoundError):
    """A method that others of this kind have, and this service does not on purpose."""

    code = "containers-not-offered"


class BusyError(ContainersError, ConflictError):
    """A job is at work on the app."""

    code = "containers-busy"


class WrongStateError(ContainersError, ConflictError):
    """The app is in no state for that."""

    code = "containers-wrong-state"


class MissingDependenciesError(ContainersError, ConflictError):
    """What the app needs is not installed; or others need what is to be removed."""

    code = "containers-dependencies"

    def __init__(self, message: str, names: list[str], *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.names = names


class ImageRefusedError(ContainersError, ForbiddenError):
    """The image is not on the allow-list, or is not pinned where it has to be."""

    code = "containers-image-refused"


class ImageMissingError(ContainersError, UnavailableError):
    """The pull went well and the image is not there all the same."""

    code = "containers-image-missing"


class PullError(ContainersError, UnavailableError):
    """An image could not be pulled. `permanent` when another try would fail in the same way."""

    code = "containers-pull"

    def __init__(self, message: str, *, permanent: bool = False, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.permanent = permanent


class StartError(ContainersError, UnavailableError):
    """A container did not start, or ended at once. `exit_code` is its own; `log` its last lines."""

    code = "containers-start"

    def __init__(self, message: str, *, exit_code: int = 0, log: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code
        self.log = log


class RemainsError(ContainersError, UnavailableError):
    """Something that was to be removed is still there."""

    code = "containers-remains"


class JobTimeoutError(ContainersError, UnavailableError):
    """A job took longer than it may."""

    code = "containers-timeout"


class PodmanError(ContainersError, UnavailableError):
    """Podman refused or failed. `exit_code` is that of the command, `said` what it wrote, in one line."""

    code = "containers-podman"
    remedy_text: ClassVar[str] = ""

    def __init__(self, message: str, *, exit_code: int = 125, said: str = "") -> None:
        super().__init__(message, remedy=self.remedy_text)
        self.exit_code = exit_code
        self.said = said


class NoSuchContainerError(PodmanError, NotFoundError):
    """Podman knows no container of this name."""

    code = "containers-no-container"


class NameTakenError(PodmanError, ConflictError):
    """Somebody else's container has the name."""

    code = "containers-name-taken"
    remedy_text = "Rename or remove the other container; this service only touches its own."


class PortTakenError(PodmanError, ConflictError):
    """Another program listens on a port that the app wants."""

    code = "containers-port-taken"
    remedy_text = "Stop the other program, or choose another host port."


class PodmanMissingError(PodmanError):
    """There is no Podman on this machine, or it does not work here."""

    code = "containers-no-podman"
    remedy_text = "Install it: apt-get install podman runc. Then start this service again."


class PodmanTimeoutError(PodmanError):
    """Podman did not answer in time."""

    code = "containers-podman-timeout"


class StorageError(ContainersError, UnavailableError):
    """A file of the data directory cannot be written or removed."""

    code = "containers-storage"


class SessionLimitError(ContainersError, LimitError):
    """Too many sessions are open."""

    code = "containers-sessions"
