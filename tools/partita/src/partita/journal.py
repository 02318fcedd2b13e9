"""The undo journal of a write to several files: what to put back when the write did not come to its end.

The protocol, each step on the disk (fsync) before the next begins:

1. `.partita/journal` says what is about to change. Nothing else in the tree has changed yet.
2. New folders are made; every new content is written to a file beside its target, ending in ``.new``; every old
   content gets a second name (a hard link) ending in ``.old``.
3. The new files are renamed over their targets. A reader sees some files old and some new for as long as this takes.
4. The journal is renamed to `.partita/committed`: from here on the write has happened. The ``.old`` names go.

A run that is killed before step 4 leaves a journal, and `undo` makes the tree what it was before; one that is killed
after it leaves only helper files, and `undo` removes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import NamedTuple

from partita.disk import create_file, read_file, remove_file, remove_folder, resolve, sync_folder
from partita.errors import PartitaError

FOLDER = ".partita"
_UNFINISHED = f"{FOLDER}/journal.new"
_JOURNAL = f"{FOLDER}/journal"
_COMMITTED = f"{FOLDER}/committed"
_TOKEN = re.compile(r"[0-9a-f]{16}\Z")


class Entry(NamedTuple):
    """One file of a write. `before` and `after` are digests of its content; None where there is no file."""

    path: str
    before: str | None
    after: str | None


class Journal(NamedTuple):
    """What one write changes. `token` names its helper files; `folders` are those it makes, outermost first."""

    token: str
    folders: tuple[str, ...]
    entries: tuple[Entry, ...]

    def new_file(self, index: int) -> str:
        """Where the new content of an entry waits, beside its target."""
        return self._beside(index, "new")

    def old_file(self, index: int) -> str:
        """The second name of an entry's old content."""
        return self._beside(index, "old")

    def touched_folders(self) -> tuple[str, ...]:
        """Every folder in which this write adds, renames or removes a name, each once; the root is empty."""
        parents = [os.path.dirname(path) for path in (*self.folders, *(entry.path for entry in self.entries))]
        return tuple(dict.fromkeys(parents))

    def _beside(self, index: int, ending: str) -> str:
        folder = os.path.dirname(self.entries[index].path)
        return os.path.join(folder, f".partita-{self.token}-{index}.{ending}")


def digest(content: bytes | None) -> str | None:
    """The SHA-256 of a content; None for no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def is_pending(root: str) -> bool:
    """Whether a write that was cut off waits to be undone here."""
    return any(os.path.lexists(os.path.join(root, path)) for path in (_JOURNAL, _COMMITTED, _UNFINISHED))


def begin(root: str, journal: Journal) -> None:
    """Step 1. Raises OSError; then nothing has changed, and `undo` removes what is left of this step."""
    folder = resolve(root, FOLDER)
    if not os.path.isdir(folder):
        os.mkdir(folder)
    content = json.dumps({"schema": 1, **journal._asdict()}, indent=1).encode()
    create_file(os.path.join(root, _UNFINISHED), content)
    os.replace(os.path.join(root, _UNFINISHED), os.path.join(root, _JOURNAL))
    sync_folder(folder)
    sync_folder(root)


def commit(root: str) -> None:
    """Step 4, the one moment from which on the write has happened. Raises OSError; then it has not."""
    os.replace(os.path.join(root, _JOURNAL), os.path.join(root, _COMMITTED))


def finish(root: str, journal: Journal) -> None:
    """Remove the helper files of a committed write. Raises OSError; `undo` takes it up again."""
    sync_folder(os.path.join(root, FOLDER))
    for index, entry in enumerate(journal.entries):
        if entry.before is not None:
            remove_file(os.path.join(root, journal.old_file(index)))
    _sync_touched(root, journal)
    _remove_journal(root, _COMMITTED)


def undo(root: str) -> tuple[str, ...]:
    """Bring the tree to where no write is under way, and say in sentences what was done; nothing when none was.

    The caller keeps other writers out. Raises OSError when the disk refuses, PartitaError when the journal cannot be
    believed; the journal stays then. Killed itself, it is simply called again.
    """
    if not os.path.lexists(resolve(root, FOLDER)):
        return ()
    unfinished = os.path.join(root, _UNFINISHED)
    told = ("an earlier run was cut off before it changed anything",) if os.path.lexists(unfinished) else ()
    remove_file(unfinished)
    if journal := _read(root, _COMMITTED):
        finish(root, journal)
        return ("an earlier run was cut off after its last change; its helper files were removed",)
    if journal := _read(root, _JOURNAL):
        return _roll_back(root, journal)
    remove_folder(os.path.join(root, FOLDER))
    return told


def _roll_back(root: str, journal: Journal) -> tuple[str, ...]:
    sentences = [_put_back(root, journal, index) for index in reversed(range(len(journal.entries)))]
    for folder in reversed(journal.folders):
        remove_folder(resolve(root, folder))
    _sync_touched(root, journal)
    _remove_journal(root, _JOURNAL)
    paths = ", ".join(entry.path for entry in journal.entries)
    return (f"an earlier run was cut off, and what it had begun was undone: {paths}", *filter(None, sentences))


def _put_back(root: str, journal: Journal, index: int) -> str:
    """Make one file what it was, unless somebody has changed it since: then it stays, and the sentence says so."""
    entry = journal.entries[index]
    place, old = resolve(root, entry.path), os.path.join(root, journal.old_file(index))
    remove_file(os.path.join(root, journal.new_file(index)))
    current = digest(read_file(place))
    if entry.before is None:
        if current == entry.after:
            remove_file(place)
        elif current is not None:
            return f"{entry.path} was changed since and stays as it is"
    elif os.path.lexists(old):
        if current == entry.before:
            remove_file(old)
        elif current == entry.after:
            os.replace(old, place)
        else:
            return f"{entry.path} was changed since and stays as it is; its content before is {journal.old_file(index)}"
    return ""


def _read(root: str, path: str) -> Journal | None:
    content = read_file(os.path.join(root, path))
    if content is None:
        return None
    try:
        journal = _parse(content)
        for place in (*journal.folders, *(entry.path for entry in journal.entries)):
            resolve(root, place)
    except (ValueError, KeyError, TypeError, AttributeError, PartitaError) as error:
        raise PartitaError(
            f"{path} cannot be followed ({error}); see what changed (git status), then remove that file"
        ) from error
    return journal


def _parse(content: bytes) -> Journal:
    fields = json.loads(content)
    if fields["schema"] != 1 or not _TOKEN.match(fields["token"]):
        raise ValueError("another version of Partita wrote it")
    return Journal(fields["token"], tuple(fields["folders"]), tuple(Entry(*entry) for entry in fields["entries"]))


def _remove_journal(root: str, path: str) -> None:
    remove_file(os.path.join(root, path))
    remove_folder(os.path.join(root, FOLDER))


def _sync_touched(root: str, journal: Journal) -> None:
    for folder in journal.touched_folders():
        place = os.path.join(root, folder)
        if os.path.isdir(place):
            sync_folder(place)
