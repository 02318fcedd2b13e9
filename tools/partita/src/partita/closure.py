"""Which members a member needs, extras taken into account. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.manifest import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from partita.workspace import Member


def declared_requires(member: Member) -> tuple[str, ...]:
    """What the manifest of a member makes it require, in the words of a wheel (``Requires-Dist``)."""
    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    for item in member.requirements:
        if item.kind not in ("runtime", "optional"):
            continue
        try:
            marker = Requirement(item.text).marker
        except InvalidRequirement:
            marker = None  # a key of a poetry table: its name is all that counts here
        text = item.text.partition(";")[0] if marker else item.text
        conditions = [f"({marker})"] if marker else []
        conditions += [f"extra == '{normalise(item.group)}'"] if item.kind == "optional" and item.group else []
        found.append(f"{text} ; {' and '.join(conditions)}" if conditions else text)
    return tuple(found)


def required_members(
    requires: Iterable[str], extras: Iterable[str], members: Collection[str]
) -> list[tuple[str, set[str]]]:
    """(member, extras asked of it) for each requirement that names a member and applies with these extras."""
    from packaging.requirements import Requirement

    parsed = [(normalise(item.name), item) for item in map(Requirement, applicable(requires, extras))]
    return [(name, {normalise(extra) for extra in item.extras}) for name, item in parsed if name in members]


def applicable(requires: Iterable[str], extras: Iterable[str]) -> list[str]:
    """Those requirements that apply to this Python on this platform with these extras, without their markers."""
    from packaging.requirements import Requirement

    chosen = {"", *extras}
    found = []
    for requirement in map(Requirement, requires):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in chosen):
            requirement.marker = None
            found.append(str(requirement))
    return found


def walk_closure(
    members: Collection[str],
    wanted: Mapping[str, Iterable[str]],
    read: Callable[[Sequence[str]], None],
    requires: Callable[[str], Iterable[str]],
) -> None:
    """Visit these members (name -> extras) and all they need, in waves.

    `read` is called with the members of a wave that were not visited before, then `requires` with each of them.
    """
    asked: dict[str, set[str]] = {}
    front = {name: set(extras) for name, extras in wanted.items()}
    while front:
        read(sorted(set(front) - set(asked)))
        following: dict[str, set[str]] = {}
        for name, extras in front.items():
            asked.setdefault(name, set()).update(extras)
            for needed, its_extras in required_members(requires(name), extras, members):
                if needed not in asked or not its_extras <= asked[needed]:
                    following.setdefault(needed, set()).update(its_extras)
        front = following
