"""Proof that a write is all or nothing: run it once for every call it makes that changes the disk, and break that call.

For the tests of whatever writes through `partita.writing`::

    report = break_every_call(prepare, run, undo_interrupted, tmp_path)
    assert report.failures == ()

`prepare(root)` fills a folder, `run(root)` is the write and returns an exit code, `undo_interrupted(root)` is what the
next run does first. Every run is a forked process in which the functions of `os` that change a disk are counted; file
objects are made of those same functions. One call is then killed, before it or in the middle of what it writes, or
fails with an error of the disk. A change that went past the counted calls is a failure of its own, so nothing slips by.
"""

from __future__ import annotations

import builtins
import errno
import gc
import io
import os
import shutil
import signal
import stat
import sys
import tempfile
import traceback
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What a tree looks like: path -> kind, permissions and content.
Snapshot = dict[str, tuple[str, int, bytes]]


class Fault(NamedTuple):
    """What happens at one call. No `error` means the end of the process; `lasting` ones go on from that call."""

    name: str
    error: int = 0
    halfway: bool = False
    lasting: bool = False


KILLED = Fault("killed before")
TORN = Fault("killed in the middle of", halfway=True)
IO_ERROR = Fault("EIO at", errno.EIO)
FULL_DISK = Fault("ENOSPC from", errno.ENOSPC, lasting=True)
READ_ONLY = Fault("EROFS from", errno.EROFS, lasting=True)
ALL_FAULTS = (KILLED, TORN, IO_ERROR, FULL_DISK, READ_ONLY)


class Ran(NamedTuple):
    """How a run ended: exit code (or minus the signal), the calls that change the disk, what was printed."""

    code: int
    calls: tuple[str, ...]
    output: str


class Report(NamedTuple):
    """How a write stood it: the calls of one whole run, how many runs were broken, and every promise not kept."""

    calls: tuple[str, ...]
    runs: int
    failures: tuple[str, ...]


def break_every_call(
    prepare: Callable[[str], object],
    run: Callable[[str], int],
    undo: Callable[[str], object],
    folder: str | os.PathLike[str],
    faults: Sequence[Fault] = ALL_FAULTS,
) -> Report:
    """Break each call of `run` in each way, and tell where the tree ended neither as before nor as after.

    After a kill the tree must be exactly the one or the other once `undo` has run; after an error it must be as before
    with exit code 2, or as after with exit code 0, and `undo` is only needed where a journal still stands. Trees are
    made below `folder`. What `run` prints is kept out of the way, and told where it fails.
    """
    before, after = _observe(prepare, run, os.path.join(folder, "whole"))
    root = os.path.join(folder, "broken")
    whole = _attempt(prepare, run, root, KILLED, 0)
    failures = [] if whole.code == 0 else [f"unbroken: exit code {whole.code}: {whole.output}"]
    runs = 0
    for fault in faults:
        for number, call in enumerate(whole.calls, 1):
            if not _can_happen(fault, call):
                continue
            runs += 1
            broken = _attempt(prepare, run, root, fault, number)
            failure = _judge(broken.code, root, undo, before, after, fault)
            if failure:
                failures.append(f"{fault.name} call {number} ({call}): {failure} {broken.output}".rstrip())
    shutil.rmtree(root)
    return Report(whole.calls, runs, tuple(failures))


def run_broken(run: Callable[[str], int], root: str, fault: Fault, number: int) -> Ran:
    """Run a write in a process of its own with a fault at this call, counted from 1; 0 breaks none."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output, tempfile.TemporaryFile("w+") as calls:
        process = os.fork()
        if not process:
            _be_the_child(run, root, _Breaker(root, fault, number), output, calls)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        printed, counted = (_read_again(file) for file in (output, calls))
        return Ran(code, tuple(counted.split()), " ".join(printed.split()))


def undo_interrupted(root: str) -> None:
    """What every command that writes does first."""
    from partita.writing import open_writer

    with open_writer(root):
        pass


def take_snapshot(root: str) -> Snapshot:
    """Everything below a folder, by path relative to it."""
    found: Snapshot = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            place = os.path.join(folder, name)
            status = os.lstat(place)
            if stat.S_ISLNK(status.st_mode):
                content = ("link", 0, os.fsencode(os.readlink(place)))
            elif stat.S_ISDIR(status.st_mode):
                content = ("folder", stat.S_IMODE(status.st_mode), b"")
            else:
                with open(place, "rb") as file:
                    content = ("file", stat.S_IMODE(status.st_mode), file.read())
            found[os.path.relpath(place, root)] = content
    return found


_TRACEBACK, _UNCOUNTED = 70, 71  # exit codes of a run that no command uses
_DEADLINE = 60  # seconds a run may take
_NEEDS_SPACE = frozenset({"open", "write", "fsync", "mkdir", "link", "symlink", "replace", "rename", "setxattr"})
_CALLS = (
    *("open", "write", "pwrite", "writev", "sendfile", "copy_file_range", "truncate", "ftruncate", "posix_fallocate"),
    *("fsync", "fdatasync", "rename", "replace", "link", "symlink", "unlink", "remove", "mkdir", "rmdir"),
    *("chmod", "fchmod", "chown", "fchown", "lchown", "setxattr", "removexattr", "utime", "mkfifo", "mknod"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = frozenset(
    {
        *("os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"),
        *("os.chmod", "os.chown", "os.setxattr", "os.removexattr", "os.utime"),
    }
)


def _observe(prepare: Callable[[str], object], run: Callable[[str], int], root: str) -> tuple[Snapshot, Snapshot]:
    """The tree before and after a run in this very process, which also loads every module a run needs."""
    os.mkdir(root)
    prepare(root)
    before = take_snapshot(root)
    run(root)
    after = take_snapshot(root)
    shutil.rmtree(root)
    return before, after


def _can_happen(fault: Fault, call: str) -> bool:
    if fault.halfway:
        return call == "write"
    return fault.error != errno.ENOSPC or call in _NEEDS_SPACE


def _judge(code: int, root: str, undo: Callable[[str], object], before: Snapshot, after: Snapshot, fault: Fault) -> str:
    """Why this is not what was promised; empty when it is."""
    if code == _TRACEBACK:
        return "a traceback instead of a sentence:"
    if code == _UNCOUNTED:
        return "a change that was not counted:"
    if code != -signal.SIGKILL if not fault.error else code not in (0, 2):
        return f"exit code {code}"
    left = take_snapshot(root)
    undo(root)
    undone = take_snapshot(root)
    expected = {0: (after,), 2: (before,)}.get(code, (before, after))
    if undone not in expected:
        nearest = min(expected, key=lambda wanted: len(_differences(wanted, undone)))
        return f"neither before nor after: {', '.join(_differences(nearest, undone))}"
    if fault.error and left not in expected and not any(path.startswith(".partita") for path in left):
        return f"nothing tells the next run of what is left: {', '.join(_differences(expected[0], left))}"
    return ""


def _differences(wanted: Snapshot, found: Snapshot) -> list[str]:
    return sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))


def _attempt(prepare: Callable[[str], object], run: Callable[[str], int], root: str, fault: Fault, number: int) -> Ran:
    shutil.rmtree(root, ignore_errors=True)
    os.mkdir(root)
    prepare(root)
    return run_broken(run, root, fault, number)


def _be_the_child(run: Callable[[str], int], root: str, breaker: _Breaker, output: IO[str], calls: IO[str]) -> NoReturn:
    code = _TRACEBACK
    try:
        signal.alarm(_DEADLINE)
        gc.disable()  # a collection would copy every page that the child shares
        sys.stdout = sys.stderr = output
        breaker.install()
        code = _run_as_command(run, root)
        breaker.active = False
        if breaker.uncounted:
            print(*breaker.uncounted)
            code = _UNCOUNTED
        print(*breaker.calls, file=calls, flush=True)
        output.flush()
    finally:
        os._exit(code)


def _read_again(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _run_as_command(run: Callable[[str], int], root: str) -> int:
    try:
        return run(root)
    except PartitaError as error:
        print(error)
        return 2
    except BaseException:  # noqa: BLE001 - whatever it is, a person would have seen it
        traceback.print_exc()
        return _TRACEBACK


class _Breaker:
    """Counts the calls that change the tree below a root, and breaks one of them."""

    def __init__(self, root: str, fault: Fault, number: int) -> None:
        self.root = os.path.realpath(root)
        self.fault = fault
        self.number = number
        self.calls: list[str] = []
        self.uncounted: list[str] = []
        self.active = True
        self._inside = False
        self._descriptors: set[int] = set()

    def install(self) -> None:
        """Replace the functions of `os`, for the rest of this process, and `open` by one that is made of them."""
        import _io
        import _pyio  # type: ignore[import-not-found] # the standard library's, without a stub

        for name in _CALLS:
            if hasattr(os, name):
                setattr(os, name, self._counted(name, getattr(os, name)))
        builtins.open = io.open = _io.open = _pyio.open  # Python's own twin of open, made of calls of os
        sys.dont_write_bytecode = True
        sys.addaudithook(self._audit)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._inside or not self.active or not self._matters(name, arguments):
                return self._perform(name, function, arguments, options)
            self.calls.append(name)
            count = len(self.calls)
            if count == self.number or (self.fault.lasting and 0 < self.number < count):
                self._break(name, function, arguments)
            return self._perform(name, function, arguments, options)

        return call

    def _perform(self, name: str, function: Callable[..., Any], arguments: Any, options: Any) -> Any:
        outer, self._inside = self._inside, True
        try:
            result = function(*arguments, **options)
        finally:
            self._inside = outer
        if name == "open":
            (self._descriptors.add if self._is_inside(arguments[0]) else self._descriptors.discard)(result)
        return result

    def _break(self, name: str, function: Callable[..., Any], arguments: Any) -> None:
        if not _can_happen(self.fault, name):
            return
        if self.fault.error:
            path = arguments[0] if isinstance(arguments[0], str) else None
            raise OSError(self.fault.error, os.strerror(self.fault.error), path)
        if self.fault.halfway:
            function(arguments[0], arguments[1][: len(arguments[1]) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    def _matters(self, name: str, arguments: Any) -> bool:
        if name == "open" and not arguments[1] & _WRITING:
            return False
        if isinstance(arguments[0], int):
            return arguments[0] in self._descriptors
        return any(self._is_inside(argument) for argument in arguments[:2])

    def _is_inside(self, path: Any) -> bool:
        """Whether this is a path of the root or of something below it; the last part of a path is not followed."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        return f"{os.path.join(os.path.realpath(folder), name)}/".startswith(f"{self.root}/")

    def _audit(self, event: str, arguments: Any) -> None:
        """Hears of every change from the interpreter itself, whichever way it was asked for."""
        if self._inside or not self.active:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if (writes or event in _EVENTS) and self._is_inside(arguments[0]):
            self.uncounted.append(f"{event} {arguments[0]!r}")
