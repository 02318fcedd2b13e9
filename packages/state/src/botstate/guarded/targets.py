"""What a URL must look like before anything is done with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from httpx2 import URL, InvalidURL

from botlib import ForbiddenError, InvalidError
from botstate.guarded.addresses import parse_host

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 8_192
_PORTS = {"http": 80, "https": 443}
# Some parsers end the host at a backslash, some drop line ends: nobody needs either.
_DECEIVING = re.compile(r"[\x00-\x20\x7f\\]")
_END = re.compile(r"[/?#]")  # of the part that names the server
_REMEDY = "Write it as in https://example.org/path."


class Origin(NamedTuple):
    """Whom a request is for. Credentials stay with one of these."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        shown = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{shown}"


def parse_target(text: str, ports: Collection[int]) -> tuple[URL, Origin]:
    """The URL with its host in its one spelling, and its origin. There is one parser: what it reads is what is asked.

    `InvalidError` for what is no plain http or https URL, `ForbiddenError` for another port. The text itself stays out
    of the messages: it may hold a password.
    """
    if len(text) > _LONGEST or _DECEIVING.search(text):
        raise InvalidError("The URL is too long, or holds a space, a backslash or a control character.", remedy=_REMEDY)
    try:
        url = URL(text)
        scheme, userinfo, host = url.scheme, url.userinfo, url.raw_host.decode("ascii")
    except (InvalidURL, UnicodeError):
        raise InvalidError("The URL cannot be understood.", remedy=_REMEDY) from None
    if scheme not in _PORTS:
        raise InvalidError("The URL is not one of http or https.", remedy=_REMEDY)
    if userinfo or "@" in _END.split(text.partition("//")[2], maxsplit=1)[0]:
        raise InvalidError("The URL holds a user name or a password.", remedy="Send them in a header.")
    origin = Origin(scheme, parse_host(host), url.port or _PORTS[scheme])
    if origin.port not in ports:
        raise ForbiddenError(f"The port {origin.port} may not be used.", remedy="http.ports lists those that may.")
    return url.copy_with(host=origin.host, fragment=None), origin
