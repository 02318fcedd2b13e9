"""What CI has to run: one job a member, or a few jobs of equal length. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from partita.naming import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from partita.naming import Named

#: Assumed of every session when no duration at all is known; only ratios matter then.
_UNKNOWN_SECONDS = 1.0
_LONGEST_SECONDS = 1e9

Entry = dict[str, Any]


def build_matrix(members: Iterable[Named], sessions: Mapping[str, str]) -> list[Entry]:
    """One entry a member, sorted by session. `sessions` maps names of members to names of sessions."""
    entries = [
        {
            "name": sessions[member.name].removeprefix(PREFIX),
            "session": sessions[member.name],
            "member": member.name,
            "folder": member.folder,
        }
        for member in members
    ]
    return sorted(entries, key=lambda entry: entry["session"])


def pack(entries: Iterable[Entry], shards: int, durations: Mapping[str, object]) -> list[Entry]:
    """At most `shards` entries of about equal length, each with several sessions; none is empty.

    The longest session is placed first, each into the shard that is shortest so far: never more than 4/3 of the best
    (Graham 1969). A session without a recorded duration in seconds counts as the median of those that have one.
    """
    sessions = {entry["session"]: entry["member"] for entry in entries}
    seconds = _estimate(sessions, durations)
    heap: list[tuple[float, int]] = [(0.0, number) for number in range(min(shards, len(sessions)))]
    contents: list[list[str]] = [[] for _ in heap]
    loads = [0.0 for _ in heap]
    for session in sorted(sessions, key=lambda name: (-seconds[name], name)):
        load, number = heapq.heappop(heap)
        contents[number].append(session)
        loads[number] = load + seconds[session]
        heapq.heappush(heap, (loads[number], number))
    return [
        {
            "name": f"{number} of {len(contents)}",
            "sessions": " ".join(sorted(content)),
            "members": sorted(sessions[session] for session in content),
            "seconds": round(load, 1),
        }
        for number, (content, load) in enumerate(zip(contents, loads, strict=True), 1)
    ]


def _estimate(sessions: Iterable[str], durations: Mapping[str, object]) -> dict[str, float]:
    wanted = tuple(sessions)
    known = {name: value for name in wanted if (value := _read_duration(durations.get(name))) is not None}
    ordered = sorted(known.values())
    median = ordered[len(ordered) // 2] if ordered else _UNKNOWN_SECONDS
    return {name: known.get(name, median) for name in wanted}


def _read_duration(value: object) -> float | None:
    """The record is a file that anybody may have written: what is no positive, finite number was not recorded."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LONGEST_SECONDS:
        return float(value)
    return None
