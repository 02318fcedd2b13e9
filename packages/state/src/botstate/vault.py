"""Secrets in Vault's store of keys and values (version 2), through hvac. It needs the extra `vault`."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, Unauthorized, VaultError

from botlib import BotError, ForbiddenError, InvalidError, NotFoundError, Secret, UnavailableError
from botstate.secrets import resolve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from botlib import Clock
    from botstate.secrets import Secrets, SecretsSettings

R = TypeVar("R")

_log = logging.getLogger(__name__)

_REFERENCE = re.compile(r"vault:(?P<path>[\w.-]+(?:/[\w.-]+)*)#(?P<field>[\w.-]+)", re.ASCII)
_MOST = 1_000  # paths that are remembered
_LOOK_AGAIN = 600.0  # seconds after which a token that does not expire, or cannot be renewed, is looked at again
_AFTER_TROUBLE = 10.0  # seconds until the next try to renew


class VaultSecrets:
    """`Secrets` under references such as "vault:mail/relay#password": a path below the mount, and a field there.

    What was read counts for `vault_ttl` seconds. Made by `open_vault_secrets`, which also renews the token.
    """

    def __init__(self, settings: SecretsSettings, local: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._local = local
        self._clock = clock
        self._client = _create_client(settings)
        self._one_at_a_time = asyncio.Lock()
        self._known: dict[str, _Known] = {}

    async def get(self, reference: str) -> Secret:
        match = _REFERENCE.fullmatch(reference)
        if match is None or ".." in match["path"].split("/"):
            raise InvalidError("A reference to a secret is not understood.", remedy="Write vault:PATH#FIELD.")
        fields = await self._fields(match["path"])
        value = fields.get(match["field"])
        if value is None:
            raise NotFoundError(f"The secret {reference} is not there.", remedy="Write it into Vault.")
        return value

    async def keep_token(self) -> None:
        """Renew the token in time, until cancelled."""
        while True:
            try:
                pause = await self._renew()
            except BotError as error:
                _log.warning("the token for Vault was not renewed: %s", error)
                pause = _AFTER_TROUBLE
            await self._clock.sleep(pause)

    def close(self) -> None:
        self._client.adapter.close()

    async def _fields(self, path: str) -> dict[str, Secret]:
        if found := self._remembered(path):
            return found
        limit = self._settings.vault_timeout
        # One at a time, so that many who ask for the same at once cost one request; each waits no longer than its own.
        with _sentences(f"vault:{path}", limit):
            async with asyncio.timeout(limit), self._one_at_a_time:
                if found := self._remembered(path):
                    return found
                fields = await self._read(path)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[path] = _Known(fields, self._clock.monotonic() + self._settings.vault_ttl)
        return fields

    def _remembered(self, path: str) -> dict[str, Secret] | None:
        known = self._known.get(path)
        return known.fields if known is not None and known.until > self._clock.monotonic() else None

    async def _read(self, path: str) -> dict[str, Secret]:
        if not self._client.token:
            await self._load_token()
        try:
            return await self._ask(lambda: self._read_now(path), f"vault:{path}")
        except ForbiddenError:
            if not await self._load_token():
                raise
        # Whoever writes the token file, such as an agent of Vault, has put a new one there.
        return await self._ask(lambda: self._read_now(path), f"vault:{path}")

    def _read_now(self, path: str) -> dict[str, Secret]:
        answer = self._client.secrets.kv.v2.read_secret_version(
            path, mount_point=self._settings.vault_mount, raise_on_deleted_version=True
        )
        return {name: Secret(value) for name, value in answer["data"]["data"].items() if isinstance(value, str)}

    async def _load_token(self) -> bool:
        """Take the token that the settings lead to. Whether it is another one than before."""
        token = (await resolve(self._settings.vault_token, self._local)).reveal()
        changed: bool = token != self._client.token
        self._client.token = token
        return changed

    async def _renew(self) -> float:
        """Renew the token if that can be done; seconds until it is to be looked at again."""
        await self._load_token()
        found = await self._ask(lambda: self._client.auth.token.lookup_self()["data"], "its token")
        left = float(found.get("ttl") or 0)
        if left and found.get("renewable"):
            renewed = await self._ask(lambda: self._client.auth.token.renew_self()["auth"], "its token")
            left = float(renewed["lease_duration"])
            return left / 2
        if left:
            _log.warning("the token for Vault cannot be renewed and ends in %g seconds", left)
        return min(left / 2 or _LOOK_AGAIN, _LOOK_AGAIN)

    async def _ask(self, question: Callable[[], R], what: str) -> R:
        with _sentences(what, self._settings.vault_timeout):
            async with asyncio.timeout(self._settings.vault_timeout):
                return await asyncio.to_thread(question)


@asynccontextmanager
async def open_vault_secrets(settings: SecretsSettings, local: Secrets, clock: Clock) -> AsyncIterator[VaultSecrets]:
    """Secrets of the Vault at `settings.vault_url`. Nothing is asked before the first secret is wanted."""
    secrets = VaultSecrets(settings, local, clock)
    keeping = asyncio.create_task(secrets.keep_token(), name="token for Vault")
    try:
        yield secrets
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        secrets.close()


class _Known(NamedTuple):
    fields: dict[str, Secret]
    until: float


def _create_client(settings: SecretsSettings) -> Any:
    session = requests.Session()
    session.trust_env = False  # the settings alone say where Vault is, and which proxy is none
    return hvac.Client(
        url=settings.vault_url,
        token="",
        namespace=settings.vault_namespace or None,
        timeout=settings.vault_timeout,
        verify=settings.vault_ca or True,
        session=session,
    )


@contextmanager
def _sentences(what: str, seconds: float) -> Iterator[None]:
    # What Vault says is left out: it may repeat what was sent.
    try:
        yield
    except InvalidPath:
        raise NotFoundError(f"The secret {what} is not there.", remedy="Write it into Vault.") from None
    except (Forbidden, Unauthorized):
        raise ForbiddenError(
            f"Vault does not let us read {what}.",
            remedy="Look at the policy of secrets.vault_token, and whether it ended.",
        ) from None
    except TimeoutError:
        raise UnavailableError(
            f"Vault did not answer within {seconds:g} seconds.", remedy="Look whether secrets.vault_url can be reached."
        ) from None
    except (VaultError, requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"Vault did not tell {what} ({type(error).__name__}).",
            remedy="Look whether it is unsealed, and whether secrets.vault_url and secrets.vault_mount are right.",
        ) from None
