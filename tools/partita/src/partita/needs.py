"""What the tests of a member need besides the member.

Its dependency group `test` or `tests`, else its extra of that name, else pytest alone.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError
from partita.manifest import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.workspace import Member, Workspace

NAMES = ("test", "tests")


class Needs(NamedTuple):
    """Requirements besides the member, pytest always among them, and extras of the member itself."""

    requirements: tuple[str, ...]
    extras: tuple[str, ...] = ()


def read_test_needs(workspace: Workspace, member: Member) -> Needs:
    """What to install for the tests of a member. Raises PartitaError when its groups include each other in a circle."""
    document = tomllib.loads(workspace.tree.read(member.manifest).decode("utf-8-sig"))
    groups = {normalise(name): items for name, items in document.get("dependency-groups", {}).items()}
    poetry = document.get("tool", {}).get("poetry", {}).get("group", {})
    extras = {normalise(item.group) for item in member.requirements if item.kind == "optional"}
    for name in NAMES:
        if name in groups:
            return _with_pytest(_expand(groups, name, (), member.manifest))
        if name in poetry:
            return _with_pytest(poetry[name].get("dependencies", {}))
    found = next((name for name in NAMES if name in extras), None)
    return Needs(("pytest",), (found,) if found else ())


def _with_pytest(requirements: Any) -> Needs:
    return Needs(requirements=tuple(dict.fromkeys([*requirements, "pytest"])))


def _expand(groups: dict[str, Any], name: str, outer: tuple[str, ...], manifest: str) -> Iterator[str]:
    """The requirements of a group and of those that it includes (PEP 735)."""
    if name in outer:
        raise PartitaError(f"{manifest}: dependency group {name!r} includes itself, through {' and '.join(outer)}")
    for item in groups.get(name, ()):
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and "include-group" in item:
            yield from _expand(groups, normalise(item["include-group"]), (*outer, name), manifest)
