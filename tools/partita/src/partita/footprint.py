"""What each member costs: to fetch, to install, to import and to test, also as a share of the whole workspace.

Every figure is measured on real wheels in environments that hold a member and what it declares, nothing else.
"""

from __future__ import annotations

import os
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from partita.contents import is_built
from partita.environments import open_environment
from partita.isolation import run_probe, runtime_ingredients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.environments import Environment
    from partita.lock import Lock
    from partita.workspace import Member, Workspace

#: Name of the environment that holds the whole workspace; no member can have it.
_WHOLE = "(workspace)"


class Figures(NamedTuple):
    """What something costs. `installed_bytes` are those of its closure; `test_seconds` is None when not known."""

    wheel_bytes: int
    installed_bytes: int
    distributions: int
    import_seconds: float
    memory_bytes: int
    test_seconds: float | None


class Footprint(NamedTuple):
    """The figures of each member, sorted by name, and those of all of them together."""

    members: tuple[tuple[str, Figures], ...]
    whole: Figures


def measure(
    workspace: Workspace, members: Sequence[Member], lock: Lock | None, runs: int, durations: Mapping[str, float]
) -> Footprint:
    """Measure these members and the workspace they are in.

    `durations` are seconds of isolated tests by member. Import times and memory are those of importing every module,
    medians over `runs` fresh processes.
    """
    built = [member for member in workspace.members if is_built(workspace, member)]
    measured = [
        (member.name, _measure(workspace, [member], member.name, lock, runs, durations.get(member.name)))
        for member in sorted(members)
        if is_built(workspace, member)
    ]
    known = [durations[member.name] for member in built if member.name in durations]
    seconds = sum(known) if len(known) == len(built) else None
    return Footprint(tuple(measured), _measure(workspace, built, _WHOLE, lock, runs, seconds))


def shares(figures: Figures, whole: Figures) -> dict[str, float | None]:
    """Each figure as a part of the whole workspace's: 1.0 is all of it; None where one of the two is not known."""
    parts = zip(Figures._fields, figures, whole, strict=True)
    return {name: part / all_ if part is not None and all_ else None for name, part, all_ in parts}


def render_json(footprint: Footprint, runs: int) -> dict[str, object]:
    """The value that `docs/reference/footprint.schema.json` describes."""
    import platform

    return {
        "schema": 1,
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}-{platform.machine()}",
        "runs": runs,
        "workspace": footprint.whole._asdict(),
        "members": [
            {"name": name} | figures._asdict() | {"shares": _rounded(shares(figures, footprint.whole))}
            for name, figures in footprint.members
        ],
    }


def render_text(footprint: Footprint) -> str:
    """A table for the terminal: a line a member, the whole workspace last."""
    header = ("package", "wheel", "installed with closure", "import", "memory", "tests")
    rows: list[Sequence[str]] = [header]
    rows += [(name, *_cells(figures, footprint.whole)) for name, figures in footprint.members]
    rows.append(("all of them", *_cells(footprint.whole, None)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(line.rstrip() for line in lines)


def _measure(
    workspace: Workspace, members: Sequence[Member], name: str, lock: Lock | None, runs: int, seconds: float | None
) -> Figures:
    ingredients = runtime_ingredients(workspace, [member.name for member in members], lock)
    with open_environment(workspace.root, name, ingredients) as environment:
        names = [member.name for member in members]
        weights = [_weigh(environment, names) for _ in range(runs + 1)][1:]  # the first one writes bytecode
        wheels = [ingredients.wheels[name].path for name in names]
        return Figures(
            wheel_bytes=sum(map(os.path.getsize, wheels)),
            installed_bytes=_size_of(environment.packages),
            distributions=sum(entry.endswith(".dist-info") for entry in os.listdir(environment.packages)),
            import_seconds=round(median(seconds for seconds, _ in weights), 6),
            memory_bytes=int(median(memory for _, memory in weights)),
            test_seconds=seconds,
        )


def _weigh(environment: Environment, names: Iterable[str]) -> tuple[float, int]:
    reply = run_probe(environment, "weigh", {"distributions": list(names)})
    return reply["seconds"], reply["bytes"]


def _size_of(folder: str) -> int:
    """Bytes of all files below, bytecode left out: when that is written is a matter of chance."""
    files = ((place, name) for place, _, names in os.walk(folder) for name in names if not name.endswith(".pyc"))
    return sum(os.lstat(os.path.join(place, name)).st_size for place, name in files)


def _cells(figures: Figures, whole: Figures | None) -> list[str]:
    parts: Mapping[str, float | None] = shares(figures, whole) if whole else {}
    seconds = figures.test_seconds
    texts = {
        "wheel_bytes": _bytes(figures.wheel_bytes),
        "installed_bytes": _bytes(figures.installed_bytes),
        "import_seconds": f"{figures.import_seconds * 1000:.0f} ms",
        "memory_bytes": _bytes(figures.memory_bytes),
        "test_seconds": "not run" if seconds is None else f"{seconds:.1f} s",
    }
    return [text + _percent(parts.get(name)) for name, text in texts.items()]


def _percent(share: float | None) -> str:
    return "     " if share is None else f" {share:4.0%}"


def _bytes(count: float) -> str:
    for unit in ("B", "kB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} MB"


def _rounded(parts: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if part is None else round(part, 4) for name, part in parts.items()}
