"""Which member a path belongs to, and how far a change of it reaches. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from partita.outline import Outline

#: Folders of a member that nobody else installs.
_OWN_FOLDERS = frozenset({"tests", "test", "docs", "examples"})
_TEST_FOLDERS = frozenset({"tests", "test"})
_DOCUMENTS = frozenset(
    {
        "authors", "changelog", "changes", "citation", "code_of_conduct", "contributing", "contributors", "copying",
        "history", "licence", "license", "maintainers", "notice", "readme", "security",
    }
)  # fmt: skip
#: Partita's own records at the root: they say nothing about what members do.
_RECORDS = frozenset({"durations.json", "workspace-todo.toml"})
_DOCUMENT_SUFFIXES = (".adoc", ".gif", ".jpeg", ".jpg", ".md", ".png", ".rst", ".svg", ".webp")


class Claim(NamedTuple):
    """A member that a path belongs to. `passes` says whether a change reaches the member's dependents, too."""

    member: str
    passes: bool
    module: str | None = None


class Territory:
    """Folders and whose they are. `former` are folders that a member had at the base, with its name there."""

    def __init__(self, members: Iterable[Outline], former: Mapping[str, str]) -> None:
        self._members = {member.folder: member for member in members}
        self._former = {folder: name for folder, name in former.items() if folder != "."}  # what is there is shared

    def claims(self, path: str) -> tuple[Claim, ...] | None:
        """Everybody whom a change of this path concerns; None when that may be anybody.

        A path that ends with ``/`` is a folder in which something changed.
        """
        if path in _RECORDS:
            return ()
        former = _innermost(path, self._former)
        claims = [] if former is None else [Claim(self._former[former], passes=True)]
        if path.endswith("/"):
            claims += [Claim(m.name, passes=True) for m in self._members.values() if f"{m.folder}/".startswith(path)]
        folder = _innermost(path, self._members)
        if folder is not None:
            passes = _passes(self._members[folder], path)
            if passes is not None:
                claims.append(Claim(self._members[folder].name, passes, module_name(self._members[folder], path)))
        return tuple(dict.fromkeys(claims)) if claims or (folder is None and is_document(path)) else None


def is_document(path: str) -> bool:
    """Whether a path, relative to a member or to the root, is prose or a picture that no program reads."""
    top, _, below = path.partition("/")
    if below and top != "docs" and not top.startswith("."):
        return False
    stem, _, suffix = path.rpartition("/")[2].lower().partition(".")
    return path.lower().endswith(_DOCUMENT_SUFFIXES) or (stem in _DOCUMENTS and suffix in ("", "txt"))


def module_name(member: Outline, path: str) -> str | None:
    """The dotted name of the module that a file of this member holds, if it holds one."""
    inner = _below(member.import_root, path)
    if inner is None or not inner.endswith(".py") or (member.import_root == member.folder and _is_own(inner)):
        return None
    parts = inner.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts) if all(part.isidentifier() for part in parts) and parts != ["__init__"] else None


def _passes(member: Outline, path: str) -> bool | None:
    """Whether dependents are concerned; None when everybody may be: most of what stands at the root is shared."""
    inner = _below(member.folder, path)
    assert inner is not None
    if member.import_root != member.folder and _below(member.import_root, path) is not None:
        return True
    if member.folder != ".":
        return not (_is_own(inner) or is_document(inner))
    top, _, below = inner.partition("/")
    if is_document(inner) or (below and top in _TEST_FOLDERS):
        return False
    return True if below and top == member.name.replace("-", "_") else None


def _is_own(inner: str) -> bool:
    top, _, below = inner.partition("/")
    return bool(below) and top in _OWN_FOLDERS


def _below(folder: str, path: str) -> str | None:
    """What remains of a path within a folder; None when it is not within."""
    if folder == ".":
        return path
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def _innermost(path: str, folders: Mapping[str, object]) -> str | None:
    """The deepest of these folders that holds the path."""
    place = path
    while place:
        place = place.rpartition("/")[0]
        if (place or ".") in folders:
            return place or "."
    return None
