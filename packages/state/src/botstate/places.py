"""Where secrets lie: in the environment, in files, and in a Vault when there is one."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botlib import ForbiddenError, InvalidError, NotFoundError, Secret
from botstate.extras import needs_extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from botlib import Clock
    from botstate.secrets import Secrets, SecretsSettings

#: Where container engines put secrets. They make them readable for everybody within the container.
CONTAINER_FOLDER = "/run/secrets"
_LARGEST = 65_536  # bytes; a certificate chain fits


class CombinedSecrets:
    """Secrets of several places, told apart by what stands before the colon of a reference."""

    def __init__(self, places: Mapping[str, Secrets]) -> None:
        self._places = places

    async def get(self, reference: str) -> Secret:
        scheme = reference.partition(":")[0]
        if scheme in self._places:
            return await self._places[scheme].get(reference)
        if scheme == "vault":
            raise NotFoundError("There is no Vault for a secret that lies there.", remedy="Set secrets.vault_url.")
        # The text is left out: somebody may have written the secret itself here.
        known = ", ".join(f"{it}:…" for it in sorted(self._places))
        raise InvalidError("A reference to a secret is not understood.", remedy=f"Write one that begins {known}.")


@asynccontextmanager
async def open_secrets(
    settings: SecretsSettings, environment: Mapping[str, str], clock: Clock
) -> AsyncIterator[Secrets]:
    """What the settings choose: this environment and files always, and Vault when it has a URL."""
    local = LocalSecrets(environment)
    places: dict[str, Secrets] = {"env": local, "file": local}
    if not settings.vault_url:
        yield CombinedSecrets(places)
        return
    with needs_extra("vault", "secrets.vault_url"):
        from botstate.vault import open_vault_secrets
    async with open_vault_secrets(settings, local, clock) as vault:
        yield CombinedSecrets(places | {"vault": vault})


class LocalSecrets:
    """Secrets of this machine: `env:NAME` is a variable of this environment, `file:/PATH` the content of a file.

    A file must belong to its user alone (mode 0600 or less), unless it lies where container engines put secrets. One
    line end at its end does not count.
    """

    def __init__(self, environment: Mapping[str, str], *, container_folder: str = CONTAINER_FOLDER) -> None:
        self._environment = environment
        self._container_folder = container_folder

    async def get(self, reference: str) -> Secret:
        scheme, _, name = reference.partition(":")
        if scheme == "env" and name:
            return self._from_environment(name)
        if scheme == "file" and os.path.isabs(name):
            return Secret(await asyncio.to_thread(self._read, name))
        # The text is left out: somebody may have written the secret itself here.
        raise InvalidError("A reference to a secret is not understood.", remedy="Write env:NAME or file:/PATH.")

    def _from_environment(self, name: str) -> Secret:
        if name not in self._environment:
            raise NotFoundError(f"The secret env:{name} is not there.", remedy=f"Set the variable {name}.")
        return Secret(self._environment[name])

    def _read(self, path: str) -> str:
        try:
            with open(path, "rb", opener=_open_at_once) as file:
                self._check_mode(path, os.fstat(file.fileno()))
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise InvalidError(f"The secret file:{path} is larger than {_LARGEST} bytes.")
            return content.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise NotFoundError(f"The secret file:{path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise InvalidError(f"The secret file:{path} is not text in UTF-8.") from None

    def _check_mode(self, path: str, status: os.stat_result) -> None:
        in_container = os.path.normpath(path).startswith(f"{self._container_folder}/")
        refused = 0o022 if in_container else 0o077
        if not stat.S_ISREG(status.st_mode):
            raise InvalidError(f"The secret file:{path} is no file.")
        if status.st_mode & refused:
            raise ForbiddenError(f"The secret file:{path} is open to other users.", remedy=f"Run chmod 600 {path}")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for its other end
