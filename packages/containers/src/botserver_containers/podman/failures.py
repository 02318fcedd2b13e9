"""What Podman means when it fails: by exit code first, by its words where codes say nothing. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botserver_containers.errors import (
    NameTakenError,
    NoSuchContainerError,
    PodmanError,
    PodmanMissingError,
    PodmanTimeoutError,
    PortTakenError,
)

if TYPE_CHECKING:
    from botserver_containers.podman.executor import Output

#: Podman itself failed, not the program inside; the only code whose words are looked at for a kind.
PODMAN_FAILED = 125
_KINDS: tuple[tuple[re.Pattern[str], type[PodmanError]], ...] = (
    (re.compile(r"no such container|no container with name or id", re.IGNORECASE), NoSuchContainerError),
    (re.compile(r"name .* (is in use|already in use)", re.IGNORECASE), NameTakenError),
    (re.compile(r"address already in use|port is already allocated", re.IGNORECASE), PortTakenError),
)
# A registry that knows the answer gives it again; so does a name that is none.
_PERMANENT = re.compile(
    r"unauthorized|authentication required|denied|manifest unknown|name unknown|repository .* not found"
    r"|invalid reference|does not match|unsupported",
    re.IGNORECASE,
)
_WORDS = 300


def failure_of(command: str, output: Output) -> PodmanError:
    """The error behind an exit code that is not zero."""
    said = summary_of(output.err)
    kind = PodmanError
    for pattern, candidate in _KINDS:
        if pattern.search(output.err):
            kind = candidate
            break
    return kind(f"podman {command} failed with {output.code}: {said}", exit_code=output.code, said=said)


def missing(program: str) -> PodmanMissingError:
    """There is no such program."""
    return PodmanMissingError(f"There is no {program} on this machine.", exit_code=127)


def timed_out(command: str, seconds: float) -> PodmanTimeoutError:
    """It did not come to an end."""
    return PodmanTimeoutError(f"podman {command} did not end within {seconds:g} seconds.")


def is_permanent(said: str) -> bool:
    """Whether another pull would fail in the same way."""
    return _PERMANENT.search(said) is not None


def summary_of(text: str) -> str:
    """The last error in one line; warnings, which Podman writes in front of it, are left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error:")] or [
        line for line in lines if not line.startswith("time=") or "level=error" in line
    ]
    said = (errors or lines or ["it said nothing"])[-1].removeprefix("Error:").strip()
    return "".join(character if character.isprintable() else " " for character in said)[:_WORDS]
