"""What changed since a base: the difference between a work tree and the commit where it left another branch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Self

from partita import git
from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

# Without rename detection a rename is a deletion and an addition, so that both places count.
# One thread is enough: the listing takes longer, and its owner has work for the other cores.
_DIFFERENCE = ("-c", "core.preloadIndex=false", "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--relative")
_PLAIN = ("--no-color", "--ignore-submodules=none")
_LISTING = ("ls-files", "-t", "--stage", "--others", "--exclude-standard", "-z")
_LINK, _SUBMODULE = b"120000", b"160000"  # file modes of git


class Change(NamedTuple):
    """One place that differs from the base; a rename is two of them.

    `path` ends with ``/`` where git knows only that something below a folder differs: a submodule, or a repository
    of its own. `before` is the id of the content at the base, None when there was none.
    """

    path: str
    before: str | None


class Changes(NamedTuple):
    """How a work tree differs from the commit where it left `base`.

    `because` tells why that is unknown; the rest is empty then. `links` are symbolic links and what they lead to,
    as far as that lies within the folder; `unseen` are those of the paths asked about that git does not see.
    """

    base: str | None
    because: str | None
    files: tuple[Change, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    unseen: tuple[str, ...] = ()


#: The contents of a file at the base and now; None where it is not there.
Versions = tuple[bytes | None, bytes | None]


class Comparison:
    """A comparison that runs while its owner does other work. To be used as a context manager: no git outlives it.

    Committed, staged, unstaged and untracked differences count alike. Without a base it is the default branch of
    ``origin``, else ``main`` or ``master``.
    """

    def __init__(self, root: str, base: str | None) -> None:
        self.root = root
        self._listing = git.Running(root, *_LISTING)
        self.base = git.find_usual_base(root) if base is None else base
        self._difference = None if self.base is None else _start(root, "--merge-base", "--end-of-options", self.base)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listing.cancel()
        if self._difference is not None:
            self._difference.cancel()

    def changes(self, paths: Sequence[str] = ()) -> Changes:
        """Wait for the answer; `paths` are files of which it is asked whether git sees them at all.

        Raises PartitaError when there is no repository, or when a repository with its whole history does not know
        the base. What a shallow clone does not hold is told by `because`.
        """
        listing = self._listing.finish()
        if listing.code:
            raise git.explain(self.root, listing)
        if self.base is None or self._difference is None:
            return Changes(None, "there is no main branch to compare with: name a commit with --base")
        difference = self._difference.finish()
        if difference.code:
            difference = _compare_in_steps(self.root, self.base)
        if difference.code:
            return Changes(self.base, difference.complaint)
        links = tuple(_links(self.root, listing.content))
        unseen = tuple(_unseen(listing.content, paths, links))
        return Changes(self.base, None, _collect(difference.content, listing.content), links, unseen)


def read_versions(root: str, files: Iterable[Change]) -> dict[str, Versions]:
    """The contents of these files, by path. Raises PartitaError when git cannot bring an old one."""
    wanted = tuple(files)
    ids = {change.before for change in wanted if change.before is not None}
    blobs = git.read_blobs(root, ids)
    if len(blobs) < len(ids):
        paths = ", ".join(change.path for change in wanted if change.before and change.before not in blobs)
        raise PartitaError(f"git has lost, or cannot fetch, what was in {paths} at the base")
    return {change.path: (blobs.get(change.before or ""), _read(os.path.join(root, change.path))) for change in wanted}


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _start(root: str, *commit: str) -> git.Running:
    return git.Running(root, *_DIFFERENCE, *_PLAIN, *commit, "--")


def _compare_in_steps(root: str, base: str) -> git.Output:
    """The comparison, with one of several merge bases or with an older git; else the reason why there is none.

    Any merge base will do: each is a commit of the base branch that this work tree has all changes of.
    """
    if git.run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}").code:
        if git.is_shallow(root):
            return git.Output(1, b"", f"this shallow clone does not hold {base}")
        raise PartitaError(f"--base {base}: git knows no such commit; fetch it, or name a branch, a tag or a commit")
    found = git.run(root, "merge-base", "--end-of-options", base, "HEAD")
    commit = found.content.decode("ascii", "replace").strip()
    if found.code or not commit:
        told = f": {git.one_line(found.complaint)}" if found.complaint else ""
        shallow = " of which this shallow clone knows" if git.is_shallow(root) else ""
        return git.Output(1, b"", f"{base} and the work tree have no commit in common{shallow}{told}")
    difference = _start(root, "--end-of-options", commit).finish()
    return difference._replace(complaint=f"git cannot compare with {base}: {git.one_line(difference.complaint)}")


def _collect(difference: bytes, listing: bytes) -> tuple[Change, ...]:
    """One change a path: a file that is only gone from the index, for instance, is untracked and differs as well."""
    found = {path: Change(path, None) for path in _untracked(listing)}
    for change in _differing(difference):
        if change.before is not None or change.path not in found:
            found[change.path] = change
    return tuple(found[path] for path in sorted(found))


def _differing(content: bytes) -> Iterator[Change]:
    """What ``diff --raw -z`` prints: ``:mode mode id id status``, NUL, path, NUL."""
    fields = content.split(b"\0")
    for description, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, new_mode, before, _, _ = description[1:].split(b" ")
        folder = "/" if _SUBMODULE in (old_mode, new_mode) else ""
        known = before.strip(b"0") and old_mode != _SUBMODULE
        yield Change(os.fsdecode(path) + folder, before.decode("ascii") if known else None)


def _untracked(listing: bytes) -> Iterator[str]:
    """The entries marked ``?``; ``ls-files`` prints them before the many others."""
    place = 0
    while listing.startswith(b"? ", place):
        end = listing.index(b"\0", place)
        yield os.fsdecode(listing[place + 2 : end])
        place = end + 1


def _links(root: str, listing: bytes) -> Iterator[tuple[str, str]]:
    """Symbolic links that lead, in the end, to another place within the root."""
    for link in _tracked(listing, _LINK):
        real_root = os.path.realpath(root)
        target = os.path.realpath(os.path.join(real_root, link))
        if target.startswith(f"{real_root}/") and not f"{real_root}/{link}".startswith(f"{target}/"):
            yield link, target[len(real_root) + 1 :]


def _unseen(listing: bytes, paths: Sequence[str], links: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Paths that are neither tracked nor untracked, nor in a submodule, a repository of their own or a linked folder.

    The listing is sorted and large, so each search starts where the last one ended.
    """
    place = 0
    others = [*_tracked(listing, _SUBMODULE), *(link for link, _ in links)]
    folders = (*(f"{path}/" for path in others), *(path for path in _untracked(listing) if path.endswith("/")))
    for path in sorted(paths, key=os.fsencode):
        name = os.fsencode(path) + b"\0"
        found = listing.find(b"\t" + name, place)
        if found >= 0:
            place = found
        elif b"\t" + name not in listing and b"? " + name not in listing and not path.startswith(folders):
            yield path


def _tracked(listing: bytes, mode: bytes) -> Iterator[str]:
    """Tracked paths of one mode; an entry is ``tag mode id stage``, tab, path."""
    place = listing.find(b" " + mode + b" ")
    while place >= 0:
        start = listing.rfind(b"\0", 0, place) + 1
        end = listing.index(b"\0", place)
        if place == start + 1:
            yield os.fsdecode(listing[start:end].partition(b"\t")[2])
        place = listing.find(b" " + mode + b" ", end)
