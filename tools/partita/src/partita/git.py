"""The only caller of git: it runs git, and answers what can be asked in one call.

Git is spawned directly and runs while the caller does other work; importing `subprocess` costs half of what git
itself needs. The repository is the one that holds the folder asked about: variables such as ``GIT_DIR``, which git
sets for hooks, are not passed on. Paths are relative to that folder, with ``/``; bytes that are no UTF-8 survive as
surrogates, as everywhere in Python.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Where work usually branches off, most telling first; ``origin/HEAD`` is the remote's own default branch.
_USUAL_BASES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
#: What would make git look at another repository, another index or half a history.
_LOCAL_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
        "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)  # fmt: skip
_SETTINGS = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_FEED = 30_000  # bytes: what fits into any pipe before somebody reads from it
_BLOCK = 1 << 16  # bytes


class Output(NamedTuple):
    """What a finished git has to say; `code` is its exit code, or minus the signal that ended it."""

    code: int
    content: bytes
    complaint: str


class Running:
    """A git that runs in a folder: `finish` waits for what it prints, `cancel` ends it unless it has finished.

    At most 30,000 bytes can be fed. Raises PartitaError when there is no git.
    """

    def __init__(self, folder: str, *arguments: str, feed: bytes = b"") -> None:
        self._process, feeding, *self._pipes = _spawn(["git", "-C", folder, *arguments])
        self._output: Output | None = None
        with open(feeding, "wb", buffering=0) as pipe:
            if feed:
                pipe.write(feed)

    def finish(self) -> Output:
        """Everything it printed."""
        if self._output is None:
            content, complaint = _read_all(self._pipes)
            self._output = Output(self._wait(), content, complaint.decode("utf-8", "replace").strip())
        return self._output

    def cancel(self) -> None:
        """End it, when it has not finished yet."""
        if self._output is None:
            for pipe in self._pipes:
                os.close(pipe)
            os.kill(self._process, 15)
            self._output = Output(self._wait(), b"", "cancelled")

    def _wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


def run(folder: str, *arguments: str, feed: bytes = b"") -> Output:
    """Run git in a folder and wait for it."""
    return Running(folder, *arguments, feed=feed).finish()


def explain(folder: str, output: Output) -> PartitaError:
    """The error for a git that failed: no repository, a repository of somebody else, a damaged one."""
    if "not a git repository" in output.complaint:
        return PartitaError(f"{folder}: not in a git repository; what a change affects is read from git's history")
    return PartitaError(f"{folder}: git cannot read this repository: {one_line(output.complaint)}")


def one_line(complaint: str) -> str:
    """The first sentence of what git complained about."""
    lines = complaint.splitlines() or ["it gave no reason"]
    return lines[0].removeprefix("fatal: ").removeprefix("error: ")


def find_usual_base(folder: str) -> str | None:
    """The branch that work in this repository branches off: the default one of ``origin``, ``main`` or ``master``."""
    found = run(folder, "for-each-ref", "--format=%(refname) %(symref)", *_USUAL_BASES)
    names = dict(line.split(" ", 1) for line in os.fsdecode(found.content).splitlines())
    reference = next((names[base] or base for base in _USUAL_BASES if base in names), None)
    return None if reference is None else reference.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def is_shallow(folder: str) -> bool:
    """Whether the history of this clone is cut off."""
    return run(folder, "rev-parse", "--is-shallow-repository").content.strip() == b"true"


def read_blobs(folder: str, ids: Iterable[str]) -> dict[str, bytes]:
    """Contents by id; an id that the repository does not hold is left out."""
    found: dict[str, bytes] = {}
    wanted = sorted(set(ids))
    size = _FEED // (len(wanted[0]) + 1) if wanted else 1
    for start in range(0, len(wanted), size):
        feed = "".join(f"{name}\n" for name in wanted[start : start + size]).encode()
        found.update(_parse_batch(run(folder, "cat-file", "--batch", feed=feed).content))
    return found


def dirty_files(folder: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the files that hold what no commit has: changed, staged, untracked or ignored ones.

    Outside a repository there are none. Raises PartitaError for a repository that git refuses to read.
    """
    if not paths:
        return ()
    inside = run(folder, "rev-parse", "--is-inside-work-tree")
    if inside.code and "not a git repository" not in inside.complaint:
        raise explain(folder, inside)
    if inside.content.strip() != b"true":
        return ()
    listed = run(
        folder, "--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "-uall", "--ignored", "--", *paths
    )
    if listed.code:
        raise explain(folder, listed)
    prefix = run(folder, "rev-parse", "--show-prefix").content.strip(b"\n")
    entries = (entry[3:].removeprefix(prefix) for entry in listed.content.split(b"\0") if entry)
    return tuple(sorted(os.fsdecode(entry) for entry in entries))


def _parse_batch(content: bytes) -> dict[str, bytes]:
    """What ``cat-file --batch`` prints: ``id type size``, that many bytes, a line end; or ``id missing``."""
    found = {}
    place = 0
    while place < len(content):
        end = content.index(b"\n", place)
        name, _, size = content[place:end].decode("ascii", "replace").partition(" ")
        place = end + 1
        if size != "missing":
            length = int(size.rpartition(" ")[2])
            found[name] = content[place : place + length]
            place += length + 1
    return found


def _spawn(command: list[str]) -> tuple[int, ...]:
    """Start a program: its id, then our ends of its standard input, output and error."""
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES} | _SETTINGS
    pipes = [os.pipe() for _ in range(3)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
    actions = [(os.POSIX_SPAWN_DUP2, pipe, number) for number, pipe in enumerate(theirs)]
    try:
        process = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    except FileNotFoundError as error:
        for pipe in ours:
            os.close(pipe)
        raise PartitaError("git is not installed; what a change affects is read from git's history") from error
    finally:
        for pipe in theirs:
            os.close(pipe)
    return process, *ours


def _read_all(pipes: Sequence[int]) -> list[bytes]:
    """What each pipe brings until it is closed. Reading one after the other could wait for ever."""
    import select  # only a caller of git needs it

    parts: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
    waiting = list(pipes)
    while waiting:
        for pipe in select.select(waiting, [], [])[0]:
            block = os.read(pipe, _BLOCK)
            parts[pipe].append(block)
            if not block:
                os.close(pipe)
                waiting.remove(pipe)
    return [b"".join(parts[pipe]) for pipe in pipes]
