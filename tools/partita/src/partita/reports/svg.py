"""The graph as SVG or PNG, drawn by the Graphviz that the `pygraphviz` wheel brings along: no system package.

Graphviz works in a process of its own. So its time can be bounded, a crash on a huge graph is a sentence, and what
it and its font library print stays out of the way unless the drawing fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from partita.errors import MissingExtraError, PartitaError
from partita.reports import dot
from partita.reports.looks import CYCLE_DARK, CYCLE_LIGHT, LOOKS
from partita.reports.words import count, describe, printable

if TYPE_CHECKING:
    from partita.view import GraphView

#: How long Graphviz may take before it is stopped, in seconds.
DEADLINE_SECONDS = 60.0

_OPENING = re.compile(r"<svg[^>]*")
#: What takes the place of each colour for those who read in the dark.
DARK = {
    dot.INK: "#e6edf3",
    dot.GROUND: "#0d1117",
    dot.CARD: "#1c2129",
    dot.LANE: "#151b23",
    dot.BORDER: "#848d97",
    CYCLE_LIGHT: CYCLE_DARK,
    **{look.light: look.dark for look in LOOKS.values()},
}
_DRAW = """
import sys, pygraphviz
source = sys.stdin.buffer.read().decode("utf-8")
picture = pygraphviz.AGraph(string=source).draw(format=sys.argv[1], prog="dot")
sys.stdout.buffer.write(picture)
"""


def render(view: GraphView, *, deadline: float = DEADLINE_SECONDS) -> bytes:
    """The view as an SVG that stands alone: it has a title and a description, and follows a dark colour scheme.

    Raises MissingExtraError without `pygraphviz`, PartitaError when Graphviz needs longer than `deadline` seconds.
    """
    drawn = _draw(view, "svg", deadline).decode("utf-8")
    return _with_style(drawn, view).encode("utf-8")


def render_png(view: GraphView, *, deadline: float = DEADLINE_SECONDS) -> bytes:
    """The view as a PNG. Raises as `render` does."""
    return _draw(view, "png", deadline)


def _draw(view: GraphView, picture: str, deadline: float) -> bytes:
    if find_spec("pygraphviz") is None:
        raise MissingExtraError(f"drawing {picture.upper()}", "render")
    command = [sys.executable, "-P", "-c", _DRAW, picture]
    try:
        done = subprocess.run(
            command, input=dot.render(view).encode("utf-8"), capture_output=True, timeout=deadline, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise PartitaError(_too_large(view, f"in {deadline:g} s")) from late
    if done.returncode or not done.stdout:
        told = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise PartitaError(_too_large(view, f"at all ({told or f'it stopped with code {done.returncode}'})"))
    return done.stdout


def _with_style(drawn: str, view: GraphView) -> str:
    """The SVG with a name for those who do not see it, and with other colours for those who read in the dark."""
    exchanged = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in DARK.items()
    )
    opening = _OPENING.search(drawn)
    if opening is None:
        raise PartitaError(f"Graphviz gave no SVG but {drawn[:80]!r}")
    head = (
        f'{opening[0]} role="img" aria-labelledby="picture-title picture-description">\n'
        f'<title id="picture-title">{_escaped(view.title)}</title>\n'
        f'<desc id="picture-description">{_escaped(describe(view))}</desc>\n'
        f"<style>svg{{max-width:100%;height:auto}}.edge:hover path{{stroke-width:3}}"
        f"@media(prefers-color-scheme:dark){{{exchanged}}}</style>"
    )
    return drawn[: opening.start()] + head + drawn[opening.end() + 1 :]


def _escaped(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _too_large(view: GraphView, how: str) -> str:
    size = f"{count(len(view.nodes), view.level.removesuffix('s'))} and {count(len(view.edges), 'dependency')}"
    return f"Graphviz did not draw {size} {how}; draw a part with --focus NAME, or everything with --format html"
