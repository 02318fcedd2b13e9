"""By which names the server may be called. A page elsewhere that lets its own name point here does not get in."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(rb"(?:([A-Za-z0-9._-]{1,255})|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?")
# Hosts are few; whoever sends many different ones pays for the check each time.
_REMEMBERED = 256


class Hosts:
    """The rule of `WebSettings.hosts`. Answers about known hosts come from memory."""

    def __init__(self, allowed: Iterable[str]) -> None:
        names = [name.lower().strip("[]") for name in allowed]
        self._any = "*" in names
        self._exact = frozenset(name for name in names if "*" not in name)
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))
        self._is_default = not names
        self._known: dict[bytes, bool] = {}

    def allow(self, host: bytes) -> bool:
        """Whether a request with this Host header may be answered."""
        known = self._known.get(host)
        if known is not None:
            return known
        allowed = self._check(host)
        if len(self._known) < _REMEMBERED:
            self._known[host] = allowed
        return allowed

    def _check(self, host: bytes) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        if self._any:
            return True
        name = (match[1] or match[2]).decode().lower().rstrip(".")
        if self._is_default:
            return _is_address(name) or "." not in name or name.endswith(".localhost")
        return name in self._exact or name.endswith(self._endings)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
