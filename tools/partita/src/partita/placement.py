"""Why a new member cannot stand where it was meant to: its tier, what it requires, the application that lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.configuration import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from partita.configuration import Tier
    from partita.workspace import Member, Workspace


def find_tier_problems(workspace: Workspace, tier: str) -> Iterator[str]:
    """An empty tier is right where there are none, and nowhere else."""
    tiers = [known.name for known in workspace.configuration.tiers]
    if tier in tiers:
        return
    if not tiers:
        if tier:
            yield f"there is no tier {tier!r}: {FILE_NAME} declares none"
    elif tier:
        yield f"there is no tier {tier!r}{_nearest(tier, tiers) or '; there are ' + ', '.join(tiers)}"
    else:
        yield f"say with --tier where the new member stands: {', '.join(tiers)}"


def find_requirement_problems(workspace: Workspace, tier: str, requires: Sequence[str]) -> Iterator[str]:
    """Each required member must exist, and stand where members of this tier may reach it."""
    known = {member.name: member for member in workspace.members}
    own = workspace.configuration.tier(tier)
    for name in requires:
        if name not in known:
            yield f"--requires {name}: no member of this workspace{_nearest(name, list(known))}"
        elif own and (reason := _find_conflict(own, known[name])):
            yield f"--requires {name}: {reason}"


def find_application_problems(workspace: Workspace, application: str, extra: str) -> Iterator[str]:
    """The application, if there is one, must be a member that has no such extra yet."""
    member = next((member for member in workspace.members if member.name == application), None)
    if application and member is None:
        yield f"{FILE_NAME}: [scaffold] application {application!r} is no member of this workspace"
    if member and any(r.kind == "optional" and r.group == extra for r in member.requirements):
        yield f"{member.manifest}: there is an extra {extra!r} already"


def _find_conflict(own: Tier, required: Member) -> str:
    if required.tier is None:
        return f"it stands in no tier; add it to one in {FILE_NAME} first"
    if required.tier == own.name:
        return f"members of the tier {own.name!r} never use each other" if own.independent else ""
    reachable = required.tier in own.uses
    return "" if reachable else f"it stands in the tier {required.tier!r}, which {own.name!r} may not use"


def _nearest(word: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
