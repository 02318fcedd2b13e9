"""What a new member is called, and why a name cannot be had. Every reason is told, not only the first."""

from __future__ import annotations

import keyword
import os
import re
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from partita.manifest import normalise, parse_manifest
from partita.tree import SKIPPED_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from partita.workspace import Workspace

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_FIELD = re.compile(r"\{([^{}]*)\}")
_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)\Z")
_LONGEST = 100  # letters: folder and file names made from it stay below what file systems take
_DEFAULTS = {"folder": "packages/{name}", "distribution": "{name}", "import": "{distribution}"}


class Names(NamedTuple):
    """The names of one member: `name` as given but normalised, the others made from it.

    `import_name` may have dots; `folder` is relative to the root.
    """

    name: str
    distribution: str
    import_name: str
    folder: str

    @property
    def class_name(self) -> str:
        """The name as the beginning of a class name: ``meeting-notes`` gives ``MeetingNotes``."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def constant_name(self) -> str:
        """The name as constants and environment variables are written: ``meeting-notes`` gives ``MEETING_NOTES``."""
        return self.name.replace("-", "_").upper()


def create_names(name: str, patterns: Mapping[str, str]) -> Names:
    """Fill `{name}` (and `{distribution}` in an import name) into the patterns for folder, distribution and import.

    An import name has ``_`` for ``-``.
    """
    name = normalise(name)
    chosen = {**_DEFAULTS, **patterns}
    distribution = normalise(_fill(chosen["distribution"], {"name": name}))
    fields = {"name": name, "distribution": distribution}
    return Names(
        name,
        distribution,
        _fill(chosen["import"], fields).replace("-", "_"),
        _fill(chosen["folder"], fields).strip("/"),
    )


def find_name_problems(given: str, names: Names, workspace: Workspace) -> list[str]:
    """Why the given name, or one made from it, cannot be had."""
    if not _NAME.match(given) or len(given) > _LONGEST:
        form = f"a letter, then letters, digits, '-', '_' and '.', a letter or digit last, at most {_LONGEST} in all"
        return [f"{given!r} is no name for a package; the form is {form}"]
    return [
        *_find_import_problems(names.import_name),
        *_find_folder_problems(names.folder, workspace),
        *_find_taken(names, workspace),
    ]


def matches_member(folder: str, patterns: Sequence[str]) -> bool:
    """Whether one of these patterns of a uv workspace takes in a folder."""
    return any(_match_parts(folder.split("/"), _parts(pattern)) for pattern in patterns)


def _fill(pattern: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda match: fields.get(match[1], match[0]), pattern)


def _find_import_problems(import_name: str) -> Iterator[str]:
    for part in import_name.split("."):
        if not part.isidentifier():
            yield f"{import_name!r} cannot be imported: {part!r} is no Python identifier"
        elif keyword.iskeyword(part):
            yield f"{import_name!r} cannot be imported: {part!r} is a Python keyword"
    first = import_name.partition(".")[0]
    if first in sys.stdlib_module_names or first in ("test", "tests"):
        yield f"{import_name!r} would hide the module {first!r} of the standard library or of test folders"


def _find_folder_problems(folder: str, workspace: Workspace) -> Iterator[str]:
    last = folder.rpartition("/")[2]
    if last in SKIPPED_FOLDERS or _WINDOWS.match(last):
        yield f"{folder} cannot hold a member: folders named {last!r} are skipped, or cannot be made, by common tools"
    place = os.path.join(workspace.root, folder)
    if os.path.lexists(place):
        yield f"{folder} exists already"
    elif twin := _find_twin(place):
        yield f"{folder} differs from {twin} only in upper and lower case, which not every file system tells apart"
    try:
        manifest = parse_manifest(workspace.tree.read("pyproject.toml"), "pyproject.toml")
    except OSError:
        return
    if matches_member(folder, manifest.workspace_exclude):
        yield f"{folder} is excluded from the uv workspace by pyproject.toml (tool.uv.workspace.exclude)"


def _find_twin(place: str) -> str:
    parent, name = os.path.split(place)
    names = os.listdir(parent) if os.path.isdir(parent) else []
    return next((other for other in names if other.casefold() == name.casefold()), "")


def _find_taken(names: Names, workspace: Workspace) -> Iterator[str]:
    path = names.import_name.replace(".", "/")
    for member in workspace.members:
        if member.name == names.distribution:
            yield f"{names.distribution} is the name of the member in {member.folder}"
        if names.import_name in member.imports or os.path.exists(f"{workspace.root}/{member.import_root}/{path}"):
            yield f"{names.import_name} is what the member in {member.folder} is imported as"
    known = {member.name for member in workspace.members}
    users = [
        member.name
        for member in workspace.members
        if names.distribution not in known and any(r.name == names.distribution for r in member.requirements)
    ]
    if users:
        yield f"{names.distribution} is a third-party distribution that {users[0]} requires"


def _parts(pattern: str) -> list[str]:
    return [part for part in pattern.split("/") if part not in ("", ".")]


def _match_parts(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns or not parts:
        return not parts and all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        return _match_parts(parts, patterns[1:]) or _match_parts(parts[1:], patterns)
    return fnmatchcase(parts[0], patterns[0]) and _match_parts(parts[1:], patterns[1:])
