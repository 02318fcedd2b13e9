"""The name of each member's test session: short, unique, and the same in Nox, in the CI matrix and in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Named(Protocol):
        """A member, in full or in outline."""

        @property
        def name(self) -> str: ...
        @property
        def folder(self) -> str: ...


PREFIX = "tests-"


def session_names(members: Iterable[Named]) -> dict[str, str]:
    """Member name -> session name, in the order of the members.

    ``tests-`` and the last part of the folder; members that clash there are all named by their whole folder with
    ``-`` between its parts, and, where even that clashes, get a number. The member in the root itself is named
    after its distribution, because the folder of a clone may have any name. Upper and lower case count as one:
    sessions have folders, and not every file system tells them apart.
    """
    ordered = tuple(members)
    short = {member.name: _plain(_last_part(member)) for member in ordered}
    whole = {member.name: _plain(_whole_path(member)) for member in ordered}
    names = short | {name: whole[name] for name in _clashing(short)}
    while clashing := _clashing(names):
        names = _numbered(names, clashing)
    return {name: PREFIX + part for name, part in names.items()}


def _last_part(member: Named) -> str:
    return member.name if member.folder == "." else member.folder.rpartition("/")[2]


def _whole_path(member: Named) -> str:
    return member.name if member.folder == "." else member.folder


def _plain(text: str) -> str:
    """Only what needs no quoting anywhere: session names travel through shells, JSON and lists split at blanks."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in text)


def _clashing(names: dict[str, str]) -> list[str]:
    owners: dict[str, list[str]] = {}
    for name, part in names.items():
        owners.setdefault(part.casefold(), []).append(name)
    return [name for group in owners.values() if len(group) > 1 for name in group]


def _numbered(names: dict[str, str], clashing: list[str]) -> dict[str, str]:
    """Every clashing name with its place among all that clash; two names clash at most once, so this ends."""
    return names | {name: f"{names[name]}-{place}" for place, name in enumerate(sorted(clashing), 1)}
