"""Whose request it is, as an address. Only what trusted proxies say counts; the rest is hearsay."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

_HEADER = b"x-forwarded-for"


class Addresses:
    """The rule of `WebSettings.proxies`.

    Each proxy adds the address it was asked by at the right end of X-Forwarded-For. With N proxies the Nth entry from
    the right was written by the outermost one; everything left of it was sent by the caller and proves nothing.
    """

    def __init__(self, proxies: int, networks: Iterable[str]) -> None:
        self._proxies = proxies
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def of(self, scope: MutableMapping[str, Any]) -> str:
        """The address of the caller, or "" when the server does not know one."""
        client = scope.get("client")
        peer: str = client[0] if client else ""
        return self._behind_proxies(peer, scope) if self._proxies else peer

    def _behind_proxies(self, peer: str, scope: MutableMapping[str, Any]) -> str:
        address = _parse(peer)
        if address is None or not any(address in network for network in self._networks):
            return peer
        lines = [value for name, value in scope["headers"] if name == _HEADER]
        entries = b",".join(lines).split(b",")
        if len(entries) < self._proxies:
            return peer
        told = _parse(entries[-self._proxies].decode("latin-1").strip().strip("[]"))
        return peer if told is None else str(told)


def counted_address(address: str) -> str:
    """What an address counts as: an IPv6 network of 64 bits is one household, which has all its addresses for free."""
    if ":" not in address:
        return address
    parsed = _parse(address)
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed) >> 64 << 64, 64)))


def _parse(text: str) -> Any:
    try:
        return ip_address(text)
    except ValueError:
        return None
