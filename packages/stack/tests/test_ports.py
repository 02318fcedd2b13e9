"""Ports: no two stacks get the same one, and a program that takes one first only costs another start."""

from __future__ import annotations

import random
import socket
import subprocess
import sys

import pytest

from botlib import SystemRandomness
from botserver_stack import BlockingStack, ports
from botserver_stack.ports import HOST, Port, is_free, reserve_port, take_port

WORKERS, ALLOCATIONS = 8, 60

WORKER = """
import random, sys, time
from botlib import SystemRandomness
from botserver_stack import ports
{broken}
held = []
for _ in range({allocations}):
    time.sleep(random.uniform(0, 0.002))
    held.append(ports.reserve_port(SystemRandomness()))
print(*(it.number for it in held))
sys.stdout.flush()
sys.stdin.read()
"""
#: Reserves nothing: asks whether the port is free, and hopes.
HOPE = """
import socket
narrow = SystemRandomness()
ports._random_numbers = lambda randomness: (int(randomness.uniform(20000, 20600)) for _ in range(500))
ports.take_port = lambda number: ports.Port(number, socket.socket()) if ports.is_free(number) else None
"""
NARROW = "ports._random_numbers = lambda randomness: (int(randomness.uniform(20000, 23000)) for _ in range(5000))"


def allocate(broken: str) -> list[int]:
    """Every number that some workers, which run at once, hold at the same time."""
    program = WORKER.format(allocations=ALLOCATIONS, broken=broken)
    command = [sys.executable, "-W", "ignore", "-c", program]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
    ]
    lines = [worker.stdout.readline() for worker in workers if worker.stdout is not None]
    for worker in workers:
        worker.communicate()
    return [int(word) for line in lines for word in line.split()]


def test_workers_that_run_at_once_never_get_the_same_port() -> None:
    numbers = allocate(NARROW)
    assert (len(numbers), len(set(numbers))) == (WORKERS * ALLOCATIONS, WORKERS * ALLOCATIONS)


def test_without_a_reservation_they_do() -> None:
    numbers = allocate(HOPE)
    assert len(set(numbers)) < len(numbers) == WORKERS * ALLOCATIONS


def test_a_reserved_port_can_be_taken_again_when_it_was_given_back() -> None:
    port = reserve_port(SystemRandomness())
    assert take_port(port.number) is None
    port.close()
    again = take_port(port.number)
    assert again is not None
    again.close()


def test_a_preferred_port_is_taken_only_when_it_is_free() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert not is_free(number)
        port = reserve_port(SystemRandomness(), (number,))
        assert port.number != number
        port.close()


@pytest.mark.parametrize("service", ["postgres", "redis", "s3-swift", "s3-moto"])
def test_a_thief_of_its_port_only_costs_a_server_another_start(
    service: str, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    thieves: list[socket.socket] = []

    def steal(number: int) -> Port | None:
        port = take_port(number)
        if port is not None and not thieves:
            thief = socket.socket()
            thief.bind((HOST, number))
            thief.listen()
            thieves.append(thief)
        return port

    monkeypatch.setattr(ports, "take_port", steal)
    with BlockingStack(services=(service,), root=root) as stack:
        number = thieves[0].getsockname()[1]
        assert str(number) not in dict(stack.stack.addresses)[stack.stack._recipes[0].title]
    thieves[0].close()


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    numbers = [*ports._random_numbers(SystemRandomness())]
    assert min(numbers) >= 10_200
    assert max(numbers) < ports._first_ephemeral_port()
    assert len(set(numbers)) > 400
    assert random.choice(numbers) > 0
