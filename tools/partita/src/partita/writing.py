"""Changes to several files as one: planned first, shown on request, then applied all or nothing.

Whoever is killed half-way leaves a journal (see `partita.journal`), and the next write undoes it before it begins:
then the tree is exactly what it was before or after, never between. Only while the new files are renamed into place
(microseconds a file), and from a kill in that moment until the next write, does a reader see some of them old and
some new: a file system has no rename of several files at once. Each single file is old or new at every moment.

What is not guarded against: a program that does not ask for the lock and saves a planned file between its last
comparison and its renaming, which follow each other directly.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from partita import journal as journals
from partita.disk import create_file, describe, keep_file, read_file, resolve, sync_folder
from partita.errors import PartitaError
from partita.journal import Entry, Journal, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping


class Change(NamedTuple):
    """One file of a plan, its path relative to the root. None stands for no file: it is created or removed."""

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False


class Plan(NamedTuple):
    """What is to become of a tree. `changes` are sorted by path; what would not change is not among them."""

    root: str
    changes: tuple[Change, ...]


def write(root: str, make_plan: Callable[[], Plan], *, dry_run: bool = False, force: bool = False) -> Plan:
    """Make a plan and carry it out, or only print it as a patch: what every command that writes calls.

    Other writers are kept out from before the plan is made until it is applied, and what a killed run left is undone
    first, so a plan never rests on a half-changed tree. `force` overwrites what no commit has.
    Raises PartitaError; then the tree is as before.
    """
    root = os.path.abspath(root)
    if dry_run:
        refuse_pending(root)
        from partita.patch import render_plan

        plan = make_plan()
        sys.stdout.write(render_plan(plan))
        return plan
    with open_writer(root) as writer:
        for sentence in writer.recovered:
            print(f"partita: {sentence}", file=sys.stderr)
        plan = make_plan()
        for sentence in writer.apply(plan, force=force):
            print(f"partita: {sentence}", file=sys.stderr)
        return plan


def refuse_pending(root: str) -> None:
    """Raise PartitaError when a run was cut off here and not undone yet: the tree is no ground to plan on."""
    if journals.is_pending(root):
        raise PartitaError(
            f"{root}: an earlier run was cut off here and is not undone yet; "
            "`partita scaffold --recover` undoes it, and so does any command that writes"
        )


def plan_changes(
    root: str,
    contents: Mapping[str, bytes | None],
    *,
    executable: Collection[str] = (),
    based_on: Mapping[str, bytes | None] | None = None,
) -> Plan:
    """The plan that gives these files these contents; None removes a file.

    What stands there now is read here, and `Writer.apply` refuses a file that is no longer the same. `based_on` is
    what the planner has read of these files before, so that a change in between is not lost either. `executable` are
    the paths that can be run, when they are new. Raises PartitaError with every path that is no plain file inside the
    root, cannot be read, or has changed.
    """
    root = os.path.abspath(root)
    changes: list[Change] = []
    problems: list[str] = []
    for path in sorted(contents):
        try:
            before = read_file(resolve(root, path))
        except PartitaError as error:
            problems += error.problems
        except OSError as error:
            problems.append(describe(error, root))
        else:
            if based_on is not None and before != based_on.get(path, before):
                problems.append(_changed_sentence(path))
            elif before != contents[path]:
                changes.append(Change(path, before, contents[path], path in executable))
    if problems:
        raise PartitaError(*problems)
    return Plan(root, tuple(changes))


class Writer:
    """The right to write below one root; `open_writer` gives it and takes it back.

    `recovered` says what a run that was cut off had left, and what became of it.
    """

    def __init__(self, root: str, recovered: tuple[str, ...]) -> None:
        self.root = root
        self.recovered = recovered

    def apply(self, plan: Plan, *, force: bool = False) -> tuple[str, ...]:
        """Make every change of a plan or none, and return sentences about what is left to know.

        Raises PartitaError, with the tree as before, when a file is not as planned, holds what no commit has
        (unless `force`), or the disk refuses.
        """
        if not plan.changes:
            return ()
        _refuse_changed(plan)
        if not force:
            _refuse_dirty(plan)
        journal = _create_journal(plan)
        try:
            _make_changes(plan, journal)
        except BaseException as error:
            raise _undo_after(self.root, error) from error
        try:
            journals.finish(self.root, journal)
        except OSError as error:
            return (f"all is written, but helper files stay until the next write: {describe(error, self.root)}",)
        return ()


@contextmanager
def open_writer(root: str) -> Iterator[Writer]:
    """Keep other writers out of a tree, undo what a killed one left, and give the right to write.

    Raises PartitaError when another process is writing there, or what is left cannot be undone.
    """
    root = os.path.abspath(root)
    descriptor = _lock(root)
    try:
        yield Writer(root, _recover(root))
    finally:
        os.close(descriptor)


def _lock(root: str) -> int:
    """A lock on the root folder itself: it leaves no file behind and ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError as error:
        raise PartitaError("writing needs file locks (flock), which this platform does not have") from error
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise PartitaError(f"{root}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise PartitaError(f"{root}: another run of Partita is writing here; let it end, then try again") from error
        raise PartitaError(
            f"{root}: the folder cannot be locked, so two writers could not be kept apart: {error.strerror}"
        ) from error
    return descriptor


def _recover(root: str) -> tuple[str, ...]:
    try:
        return journals.undo(root)
    except OSError as error:
        raise PartitaError(
            f"{describe(error, root)}; an earlier run was cut off and cannot be undone yet, the next run tries again"
        ) from error


def _refuse_changed(plan: Plan) -> None:
    changed = [change.path for change in plan.changes if not _is_as_planned(plan.root, change)]
    if changed:
        raise PartitaError(*map(_changed_sentence, changed))


def _changed_sentence(path: str) -> str:
    return f"{path} has changed since it was read; run the command again"


def _is_as_planned(root: str, change: Change) -> bool:
    try:
        return read_file(resolve(root, change.path)) == change.before
    except OSError as error:
        raise PartitaError(describe(error, root)) from error


def _refuse_dirty(plan: Plan) -> None:
    existing = [change.path for change in plan.changes if change.before is not None]
    if not existing or not _is_versioned(plan.root):
        return
    from partita.git import dirty_files

    try:
        dirty = dirty_files(plan.root, existing)
    except PartitaError as error:
        raise PartitaError(f"{error}; --force writes without asking git what no commit has") from error
    if dirty:
        raise PartitaError(*(f"{path} holds what no commit has; commit it, or write with --force" for path in dirty))


def _is_versioned(folder: str) -> bool:
    """Whether git might know this folder: nothing is started to find out that it does not."""
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, name = os.path.split(folder)
        if not name:
            return False
    return True


def _create_journal(plan: Plan) -> Journal:
    entries = tuple(Entry(change.path, digest(change.before), digest(change.after)) for change in plan.changes)
    return Journal(os.urandom(8).hex(), _missing_folders(plan), entries)


def _missing_folders(plan: Plan) -> tuple[str, ...]:
    """Folders that do not exist yet, each after the one it stands in."""
    found: dict[str, None] = {}
    for change in plan.changes:
        parts = change.path.split("/")[:-1] if change.after is not None else []
        for count in range(1, len(parts) + 1):
            folder = "/".join(parts[:count])
            if not os.path.lexists(os.path.join(plan.root, folder)):
                found[folder] = None
    return tuple(found)


def _make_changes(plan: Plan, journal: Journal) -> None:
    """Steps 1 to 4 of the protocol in `partita.journal`."""
    root = plan.root
    journals.begin(root, journal)
    for folder in journal.folders:
        os.mkdir(os.path.join(root, folder))
    for index, change in enumerate(plan.changes):
        place = os.path.join(root, change.path)
        if change.after is not None:
            like = "" if change.before is None else place
            new = os.path.join(root, journal.new_file(index))
            create_file(new, change.after, executable=change.executable, like=like)
        if change.before is not None:
            keep_file(place, os.path.join(root, journal.old_file(index)), change.before)
    _sync_touched(root, journal)
    for index, change in enumerate(plan.changes):
        if not _is_as_planned(root, change):
            raise PartitaError(_changed_sentence(change.path))
        place = os.path.join(root, change.path)
        if change.after is None:
            os.unlink(place)
        else:
            os.replace(os.path.join(root, journal.new_file(index)), place)
    _sync_touched(root, journal)
    journals.commit(root)


def _sync_touched(root: str, journal: Journal) -> None:
    for folder in journal.touched_folders():
        sync_folder(os.path.join(root, folder))


def _undo_after(root: str, error: BaseException) -> BaseException:
    """Undo a write that failed; what to raise then. An error that is no matter of the disk stays what it is."""
    told = describe(error, root) if isinstance(error, OSError) else str(error)
    try:
        journals.undo(root)
    except (OSError, PartitaError) as second:
        why = describe(second, root) if isinstance(second, OSError) else str(second)
        return PartitaError(f"{told}; what was begun cannot be undone now ({why}), the next run that writes undoes it")
    return PartitaError(f"{told}; nothing was changed") if isinstance(error, OSError) else error
