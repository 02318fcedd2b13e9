"""The leak check finds one planted leak of each kind, and nothing when nothing was left."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from botserver_stack.leaks import Snapshot, differences, look
from botserver_stack.processes import find_process, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

LIBC = ctypes.CDLL(None, use_errno=True)
PRIVATE, CREATE = 0, 0o1600


def plant_process(root: str) -> Callable[[], object]:
    sleeper = subprocess.Popen(["sleep", "60"], cwd=root)

    def remove() -> None:
        sleeper.kill()
        sleeper.wait()

    return remove


def plant_grandchild(root: str) -> Callable[[], object]:
    """One that has left its session and its parent."""
    program = f"import subprocess; print(subprocess.Popen(['setsid', 'sleep', '60'], cwd={root!r}, stdout=2).pid)"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    sleeper = find_process(int(done.stdout))
    assert sleeper is not None

    def remove() -> None:
        os.kill(sleeper.pid, 9)
        assert wait_gone([sleeper], 30) == []  # it is no child of ours, and takes a moment to die

    return remove


def plant_child(_root: str) -> Callable[[], object]:
    """Elsewhere, but a child of ours that nobody has waited for."""
    child = subprocess.Popen(["true"], cwd="/")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return child.wait


def plant_listener(_root: str) -> Callable[[], object]:
    server = socket.create_server(("127.0.0.1", 0))
    return server.close


def plant_unix_socket(_root: str) -> Callable[[], object]:
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0planted-{os.getpid()}")
    return server.close


def plant_file(root: str) -> Callable[[], object]:
    path = os.path.join(root, "left")
    os.close(os.open(path, os.O_CREAT, 0o600))
    return lambda: os.remove(path)


def plant_folder(root: str) -> Callable[[], object]:
    path = os.path.join(root, "folder")
    os.mkdir(path)
    return lambda: os.rmdir(path)


def plant_shared_memory(_root: str) -> Callable[[], object]:
    number = LIBC.shmget(PRIVATE, 4096, CREATE)
    return lambda: LIBC.shmctl(number, 0, None)


def plant_semaphore(_root: str) -> Callable[[], object]:
    number = LIBC.semget(PRIVATE, 1, CREATE)
    return lambda: LIBC.semctl(number, 0, 0)


def plant_queue(_root: str) -> Callable[[], object]:
    number = LIBC.msgget(PRIVATE, CREATE)
    return lambda: LIBC.msgctl(number, 0, None)


def plant_posix_memory(_root: str) -> Callable[[], object]:
    path = f"/dev/shm/planted-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT, 0o600))
    return lambda: os.remove(path)


def plant_lock(root: str) -> Callable[[], object]:
    import fcntl

    descriptor = os.open(root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return lambda: os.close(descriptor)


def plant_descriptor(_root: str) -> Callable[[], object]:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    return lambda: os.close(descriptor)


def plant_thread(_root: str) -> Callable[[], object]:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()

    def remove() -> None:
        over.set()
        thread.join()

    return remove


PLANTS = {
    plant_process: "processes",
    plant_grandchild: "processes",
    plant_child: "children",
    plant_listener: "listeners",
    plant_unix_socket: "unix_sockets",
    plant_file: "files",
    plant_folder: "files",
    plant_shared_memory: "shared_memory",
    plant_semaphore: "semaphores",
    plant_queue: "queues",
    plant_posix_memory: "posix_memory",
    plant_lock: "locks",
    plant_descriptor: "descriptors",
    plant_thread: "threads",
}


def test_each_kind_has_a_plant() -> None:
    assert set(PLANTS.values()) | {"zombies"} == set(Snapshot._fields)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda it: it.__name__)
def test_a_planted_leak_is_found_and_gone_when_it_is_gone(
    root: str, plant: Callable[[str], Callable[[], object]]
) -> None:
    before = look(root)
    remove = plant(root)
    try:
        planted = differences(before, look(root))[PLANTS[plant]]
    finally:
        remove()
    left = differences(before, look(root)).get(PLANTS[plant], [])
    assert not set(planted) <= set(left)  # others on this machine may make shared memory, too
