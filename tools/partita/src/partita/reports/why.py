"""Why one node depends on another, on a terminal: the shortest paths, then the places of every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.reports.terminal import PLAIN, Pen, Terminal, flow
from partita.reports.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.graph import Edge
    from partita.paths import Paths

_PLACES = 4  # of each kind; a package that is imported a hundred times needs no hundred lines
_KIND_WIDTH = len("type-checking")


def render(paths: Paths, terminal: Terminal = PLAIN) -> str:
    """Every shortest path, written out as far as that is readable, and for every step where it stands."""
    pen = Pen(terminal)
    source, target = pen.bold(pen.plain(paths.source)), pen.bold(pen.plain(paths.target))
    if not paths.number:
        return f"{source} does not depend on {target}, not even through others.\n"
    told = f"{count(paths.number, 'shortest path')} of {count(paths.length, 'step')}"
    lines = [f"{source} depends on {target}: {told}", ""]
    listed = paths.listed()
    for number, path in enumerate(listed, 1):
        lines += _path(number, path, pen, terminal.width)
    if paths.number > len(listed):
        lines.append(pen.dim(f"     and {paths.number - len(listed):,} more over the steps below"))
    for number, edges in enumerate(paths.steps(), 1):
        for edge in edges:
            lines += ["", *_step(number, edge, pen)]
    return "\n".join(lines) + "\n"


def _path(number: int, path: tuple[str, ...], pen: Pen, width: int) -> Iterator[str]:
    cells = [pen.cell(path[0])]
    for name in path[1:]:
        columns, text = pen.cell(name)
        cells.append((columns + len(_arrow(pen)) + 1, f"{_arrow(pen)} {text}"))
    for place, line in enumerate(flow(cells, width - 5)):
        yield (f"{number:>3}  " if not place else "     ") + line


def _step(number: int, edge: Edge, pen: Pen) -> Iterator[str]:
    heading = f"{pen.plain(edge.source)} {_arrow(pen)} {pen.plain(edge.target)}"
    yield pen.bold(heading) + pen.dim(f"  step {number}")
    for kind in edge.kinds:
        places = [item for item in edge.evidence if item.kind == kind]
        for item in places[:_PLACES]:
            line = f":{item.line}" if item.line else ""
            yield f"  {kind.ljust(_KIND_WIDTH)} {pen.plain(item.file)}{line}"
        if len(places) > _PLACES:
            yield pen.dim(f"  {' ' * _KIND_WIDTH} and {len(places) - _PLACES:,} more")


def _arrow(pen: Pen) -> str:
    return "→" if pen.boxes else "->"
