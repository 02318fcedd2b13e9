"""Who may ask: a session with a password, or this machine itself where none is set."""

from __future__ import annotations

import ipaddress
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botlib import ForbiddenError, LimitError, UnauthenticatedError
from botserver_containers.errors import SessionLimitError

if TYPE_CHECKING:
    from botlib import Clock, Randomness, Secret

SESSION_COOKIE = "session"
CSRF_COOKIE = "csrf_token"
CSRF_HEADER = "x-csrf-token"
#: So many sessions at once; so long a session lives, in seconds; and so many wrong passwords in a minute.
MOST = 50
LIFETIME = 7 * 86_400.0
MOST_FAILURES = 10


class Caller(NamedTuple):
    """What a request tells of who sent it. `address` is that of the connection; `origin` is "" outside of a browser."""

    address: str
    host: str
    origin: str = ""
    session: str = ""
    csrf: str = ""


class Sessions:
    """The sessions of one server; they end with it."""

    def __init__(self, clock: Clock, randomness: Randomness, password: Secret | None) -> None:
        self._clock = clock
        self._randomness = randomness
        self._password = password
        self._open: dict[str, tuple[str, float]] = {}
        self._failures: list[float] = []

    def admit(self, caller: Caller, *, public: bool = False, reads: bool = False) -> None:
        """Raise unless this caller may call. `public` methods need no session; what only `reads` needs no CSRF token.

        A page of somebody else's, shown by a browser on this machine, is never let in.
        """
        if caller.origin and urlsplit(caller.origin).netloc != caller.host:
            raise ForbiddenError("This page may not call here.", remedy="Open the page of this server itself.")
        if self._password is None:
            # Without a password a name that somebody let point to this machine would be enough to get in.
            if not (_is_loopback(caller.address) and _is_loopback(_host_of(caller.host))):
                raise UnauthenticatedError(
                    "Only this machine itself may call, as no password is set.", remedy="Set containers.password."
                )
            return
        if public:
            return
        token, until = self._open.get(caller.session, ("", 0.0))
        if self._clock.monotonic() >= until:
            raise UnauthenticatedError("There is no such session.", remedy="Call auth.login with the password.")
        if not reads and not compare_digest(token, caller.csrf):
            raise ForbiddenError(f"The header {CSRF_HEADER} does not repeat the cookie {CSRF_COOKIE}.")

    def log_in(self, password: str) -> tuple[str, str]:
        """A new session and its CSRF token. `UnauthenticatedError` when the password is wrong."""
        now = self._clock.monotonic()
        self._failures = [moment for moment in self._failures if moment > now - 60]
        if len(self._failures) >= MOST_FAILURES:
            raise LimitError("Too many wrong passwords.", remedy="Wait a minute.", retry_after=60)
        if self._password is None or not compare_digest(self._password.reveal().encode(), password.encode()):
            self._failures.append(now)
            raise UnauthenticatedError("The password is wrong.")
        self._open = {name: entry for name, entry in self._open.items() if entry[1] > now}
        if len(self._open) >= MOST:
            raise SessionLimitError(f"{MOST} sessions are open.", remedy="Log out of one.")
        session, token = (self._randomness.random_bytes(32).hex() for _ in range(2))
        self._open[session] = (token, now + LIFETIME)
        return session, token

    def log_out(self, session: str) -> None:
        """End a session; one that is not there has ended already."""
        self._open.pop(session, None)


def _host_of(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
