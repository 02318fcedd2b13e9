"""What a change reaches, as text and as the JSON of `docs/reference/affected.schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita.affected import Affected

SCHEMA = 1


def summarise(affected: Affected, count: int) -> str:
    """One line: how many of `count` members are reached, or why it is everything."""
    if affected.because is not None:
        return f"everything, because {affected.because}"
    reached = f"{len(affected.members)} of {count} members" if affected.members else "nothing"
    return f"{reached} affected by what changed since {affected.base}"


def render_text(affected: Affected, count: int, *, explain: bool) -> str:
    """The summary, then a line for each member; with its reason, a step a line, when that is asked for."""
    lines = [summarise(affected, count)]
    for member in affected.members:
        lines.append(f"  {member.name}")
        if explain and affected.because is None:
            lines += [f"      {step}" for step in member.reason]
    return "\n".join(lines) + "\n"


def render_json(affected: Affected) -> str:
    """One member a line. Reasons share most of their steps, so each step is encoded once."""
    import json  # 2 ms that a text does not need

    encode = json.JSONEncoder(separators=(",", ":")).encode
    head = {
        "schema": SCHEMA,
        "base": affected.base,
        "everything": affected.because is not None,
        "because": affected.because,
    }
    steps = {step: encode(step) for step in {step for member in affected.members for step in member.reason}}
    members = ",\n".join(
        f'{{"name":{encode(member.name)},"reason":[{",".join(map(steps.__getitem__, member.reason))}]}}'
        for member in affected.members
    )
    listed = f"[\n{members}\n]" if members else "[]"
    return f'{encode(head)[:-1]},\n"members":{listed}}}\n'
