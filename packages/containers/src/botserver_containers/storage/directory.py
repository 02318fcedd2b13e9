"""The data directory: who runs here, what ran, what the user stopped, what was restarted, what is installed."""

from __future__ import annotations

import asyncio
import fcntl
import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions import tracker as trackers
from botserver_containers.decisions.names import is_name
from botserver_containers.decisions.recovery import Trace
from botserver_containers.errors import BusyError, StorageError
from botserver_containers.storage import files, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from botserver_containers.decisions.tracker import Tracker

PID_FILE = "archipelago.pid"
TRACE_FILE = "archipelago.pid.json"
SNAPSHOT = "running-containers.json"
USER_STOPPED = "user-stopped.json"
TRACKER = "restart-tracker.json"
SERVER = "server.json"
APPS = "apps"
SECRETS = "secrets"


@dataclass
class Contents:
    """What was found in the directory. `warnings` tell of files that were damaged."""

    trace: Trace | None
    snapshot: list[str]
    user_stopped: set[str]
    tracker: dict[str, trackers.History]
    records: dict[str, dict[str, Any]]
    warnings: list[str] = field(default_factory=list)
    server_name: str = ""


class Directory:
    """Reads and writes the files. Every write is whole, in the order of the calls, and on disk once it is awaited."""

    def __init__(self, path: str, writer: Executor | None = None) -> None:
        self.path = os.path.abspath(path)
        # One thread: writes of one file never overtake each other, also when whoever waited for one was cancelled.
        self._writer = writer or ThreadPoolExecutor(1, "containers-writer")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only one who uses the directory, or `BusyError`. The lock goes with the process, however it ends."""
        for folder in (self.path, self._at(APPS), self._at(SECRETS)):
            os.makedirs(folder, 0o700, exist_ok=True)
        descriptor = os.open(self._at("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    f"Another process manages the containers of {self.path}.",
                    remedy="Stop it, or choose another directory with containers.directory.",
                ) from None
            yield
        finally:
            os.close(descriptor)

    def node_name(self, make: Callable[[], str]) -> str:
        """The name of this node: made once, then always the same."""
        path = self._at("node")
        try:
            with open(path, encoding="ascii") as file:
                name = file.read().strip()
        except (FileNotFoundError, UnicodeDecodeError):
            name = ""
        if not is_name(name):
            name = make()
            files.write_atomic(path, name.encode())
        return name

    def load(self, stamp: str) -> Contents:
        """All of it. Whatever is damaged is put aside, and counts as empty."""
        found = {
            "snapshot": files.load_json(self._at(SNAPSHOT), _parse_snapshot, list[str](), stamp=stamp),
            "user_stopped": files.load_json(self._at(USER_STOPPED), _parse_names, list[str](), stamp=stamp),
            "tracker": files.load_json(
                self._at(TRACKER), trackers.from_document, dict[str, trackers.History](), stamp=stamp
            ),
            "pid": files.load_json(self._at(PID_FILE), _parse_pid, 0, stamp=stamp),
            "server": files.load_json(self._at(SERVER), _parse_server, "", stamp=stamp),
            "trace": files.load_json(self._at(TRACE_FILE), _parse_trace, None, stamp=stamp),
        }
        records, warnings = self._load_records(stamp)
        warnings += [it.warning for it in found.values() if it.warning]
        pid, trace = found["pid"].value, found["trace"].value
        return Contents(
            trace if trace is not None and trace.pid == pid else Trace(pid) if pid else None,
            found["snapshot"].value,
            set(found["user_stopped"].value),
            found["tracker"].value,
            records,
            warnings,
            found["server"].value,
        )

    def sign_in(self) -> None:
        """Write the PID file. The rest of it tells a later run whether the process is still this one."""
        pid = os.getpid()
        files.write_atomic(self._at(PID_FILE), str(pid).encode())
        files.write_json(
            self._at(f"{PID_FILE}.json"),
            {"pid": pid, "started": processes.started_at(pid), "boot": processes.boot_id()},
        )

    def sign_out(self) -> None:
        """Remove it: the end was in order."""
        files.remove(self._at(PID_FILE))
        files.remove(self._at(TRACE_FILE))

    def close(self) -> None:
        """Wait for the last write."""
        self._writer.shutdown()

    async def save_snapshot(self, moment: float, containers: Iterable[tuple[str, str]]) -> None:
        """Which containers run, each with its image."""
        listed = [{"name": name, "image": image} for name, image in containers]
        await self._write(SNAPSHOT, {"timestamp": int(moment), "containers": listed})

    async def save_user_stopped(self, names: Iterable[str]) -> None:
        """Which apps the user stopped."""
        await self._write(USER_STOPPED, sorted(names))

    async def save_tracker(self, tracker: Tracker) -> None:
        """How often each app was restarted."""
        await self._write(TRACKER, trackers.to_document(tracker))

    async def save_server_name(self, name: str) -> None:
        """How people call this machine."""
        await self._write(SERVER, {"name": name})

    async def save_record(self, name: str, record: dict[str, Any]) -> None:
        """What is known of an app: its manifest, and how far it came."""
        await self._write(f"{APPS}/{name}.json", record)

    async def remove_record(self, name: str) -> None:
        """Forget the app."""
        await self._run(files.remove, self._at(f"{APPS}/{name}.json"))

    async def read_secret(self, app: str, variable: str, make: Callable[[], str]) -> str:
        """A secret that was made for an app, made now if there is none. It stays until it is removed."""
        return str(await self._run(self._read_secret, app, variable, make))

    def has_secrets(self, app: str) -> bool:
        """Whether secrets that were made for an app are kept."""
        return os.path.isdir(self._at(f"{SECRETS}/{app}"))

    async def remove_secrets(self, app: str) -> None:
        """Forget the secrets that were made for an app."""
        await self._run(self._remove_secrets, app)

    def _read_secret(self, app: str, variable: str, make: Callable[[], str]) -> str:
        folder = self._at(f"{SECRETS}/{app}")
        os.makedirs(folder, 0o700, exist_ok=True)
        path = f"{folder}/{variable}"
        try:
            with open(path, encoding="ascii") as file:
                if text := file.read():
                    return text
        except FileNotFoundError:
            pass
        text = make()
        files.write_atomic(path, text.encode())
        return text

    def _remove_secrets(self, app: str) -> None:
        folder = self._at(f"{SECRETS}/{app}")
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                files.remove(f"{folder}/{name}")
            os.rmdir(folder)

    def _load_records(self, stamp: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
        records, warnings = {}, []
        for file_name in sorted(os.listdir(self._at(APPS))):
            name, extension = os.path.splitext(file_name)
            if extension != ".json" or not is_name(name):
                continue
            loaded = files.load_json(self._at(f"{APPS}/{file_name}"), _parse_record, None, stamp=stamp)
            if loaded.value is not None:
                records[name] = loaded.value
            if loaded.warning:
                warnings.append(loaded.warning)
        return records, warnings

    async def _write(self, name: str, document: object) -> None:
        await self._run(files.write_json, self._at(name), document)

    async def _run(self, function: Callable[..., object], *arguments: object) -> object:
        work = asyncio.get_running_loop().run_in_executor(self._writer, function, *arguments)
        try:
            # Shielded: a cancelled caller does not take a write out of the row that others wait for.
            return await asyncio.shield(work)
        except OSError as error:
            raise StorageError(
                f"Nothing can be kept in {self.path}: {error.strerror}.",
                remedy="Free some space there, or mend the disk.",
            ) from error

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name)


def _parse_snapshot(document: object) -> list[str]:
    if not isinstance(document, dict) or not isinstance(document.get("containers"), list):
        raise ValueError("it lists no containers")  # noqa: TRY004 - one kind of error for whatever is wrong with a file
    return _parse_names([item.get("name") if isinstance(item, dict) else None for item in document["containers"]])


def _parse_names(document: object) -> list[str]:
    if not isinstance(document, list) or not all(is_name(name) for name in document):
        raise ValueError("it is no list of names")
    return document


def _parse_record(document: object) -> dict[str, Any]:
    if not isinstance(document, dict) or not isinstance(document.get("manifest"), dict):
        raise ValueError("it holds no manifest")  # noqa: TRY004 - as above
    return document


def _parse_server(document: object) -> str:
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise ValueError("it holds no name")  # noqa: TRY004 - as above
    return str(document["name"])


def _parse_pid(document: object) -> int:
    if type(document) is not int or document <= 0:
        raise ValueError("it is no process id")
    return document


def _parse_trace(document: object) -> Trace:
    fields = document if isinstance(document, dict) else {}
    pid, started, boot = fields.get("pid"), fields.get("started"), fields.get("boot")
    if type(pid) is not int or type(started) not in {int, type(None)} or not isinstance(boot, str):
        raise ValueError("it does not tell which process ran")
    return Trace(pid, started, boot)
