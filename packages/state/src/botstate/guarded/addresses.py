"""Which addresses are public. Pure: nothing here asks the network.

The tables are our own because those of `ipaddress` differ between versions of Python. They follow the registries of
IANA for special purposes (RFC 6890 and its successors); IPv6 is refused outside of 2000::/3, where everything that is
globally routed lives.
"""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import NamedTuple

from botlib import InvalidError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind the NAT of a carrier; some clouds keep their metadata here
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them: it holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: it holds an IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(address: Address) -> bool:
    """Whether this address belongs to a machine somewhere on the Internet, and to nothing nearer."""
    address = without_wrapping(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def without_wrapping(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def parse_host(text: str) -> str:
    """The host of a URL in its one spelling: an address, or a name in lower case without the dot at its end.

    `InvalidError` for whatever somebody's resolver might take for an address: 127.1, 0x7f000001, 2130706433, 010.0.0.1.
    """
    host = text.lower().removesuffix(".")
    if ":" in host:
        return str(_parse_address(host))
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(_parse_address(host))
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise InvalidError("The host of the URL is not a name.", remedy="Write it as in https://example.org/.")
    return host


class Allowed(NamedTuple):
    """What an operator lets through although it is not public."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    def covers(self, address: Address) -> bool:
        """Whether the address lies in one of the networks."""
        plain = without_wrapping(address)
        return any(plain.version == network.version and plain in network for network in self.networks)


def parse_allowed(texts: tuple[str, ...]) -> Allowed:
    """Hosts and networks, as an operator writes them. `InvalidError` names the one that is neither."""
    hosts: set[str] = set()
    networks_4: list[IPv4Network] = []
    networks_6: list[IPv6Network] = []
    for text in texts:
        network = _network(text)
        if isinstance(network, IPv4Network):
            networks_4.append(network)
        elif network is not None:
            networks_6.append(network)
        else:
            hosts.add(_parse_name(text))
    return Allowed(frozenset(hosts), (*collapse_addresses(networks_4), *collapse_addresses(networks_6)))


def _parse_address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    if address is None or getattr(address, "scope_id", None) is not None:
        raise InvalidError(
            "The host of the URL is a number that is no plain address.",
            remedy="Write an address as in 192.0.2.1 or [2001:db8::1].",
        )
    return address


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _parse_name(text: str) -> str:
    try:
        host = parse_host(text)
    except InvalidError:
        host = ""
    if not host:
        raise InvalidError(
            f"{text!a} is neither a host nor a network.", remedy="Write it as in wiki.example or 10.1.0.0/16."
        )
    return host
