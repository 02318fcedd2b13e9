"""Ports that no other stack takes meanwhile.

A port is reserved by a name in the abstract namespace of Unix sockets: it belongs to the same network namespace as the
port does, all users see it, no file is left, and the kernel drops it with the process that holds it.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from botlib import Randomness

HOST = "127.0.0.1"
_LOWEST = 10_200
_TRIES = 500


@dataclass(frozen=True)
class Port:
    """A reserved port. `close` gives it back."""

    number: int
    holder: socket.socket

    def close(self) -> None:
        self.holder.close()


def reserve_port(randomness: Randomness, preferred: Iterable[int] = ()) -> Port:
    """One of the preferred ports if it is free, else any. Nobody listens on it now, and no other stack will.

    The numbers lie below those that the kernel gives to outgoing connections. Programs that are not ours may still
    take it before the server does: then the server says so, and is started on another one.
    """
    for number in (*preferred, *_random_numbers(randomness)):
        port = take_port(number)
        if port is not None:
            return port
    raise StackError(f"All of {_TRIES} ports that were tried are taken.", remedy="End programs that hold them.")


def take_port(number: int) -> Port | None:
    """A port of this number, if no stack has reserved it and nobody listens on it."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0botserver-stack-port-{number}")
        if is_free(number):
            return Port(number, holder)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    holder.close()
    return None


def is_free(number: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return False
    return True


def _random_numbers(randomness: Randomness) -> Iterator[int]:
    highest = _first_ephemeral_port() - 1
    for _ in range(_TRIES):
        yield int(randomness.uniform(_LOWEST, highest))


def _first_ephemeral_port() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first = int(file.read().split()[0])
    except (OSError, ValueError):
        first = 32_768
    return first if first > _LOWEST + 1000 else 60_000
