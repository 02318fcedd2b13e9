"""The graph as one HTML page that needs nothing else: no network, no server, no scripts to be readable.

The parts stand in `page/` as plain files and are put together here. The page carries a policy that allows exactly its
own script and its own style, by their hashes, and nothing from anywhere else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from partita.reports.looks import CYCLE_DARK, CYCLE_LIGHT, CYCLE_SIGN, LOOKS
from partita.reports.words import count, describe, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from partita.graph import Evidence
    from partita.view import GraphView, Link, Node

#: Parts of the script; each imports from earlier ones only.
MODULES = (
    "dom",
    "graph",
    "address",
    "lines",
    "layout",
    "scene",
    "picture",
    "search",
    "panel",
    "bar",
    "main",
)

#: Runs before anything is laid out, so that the list is not drawn only to be replaced by the picture.
_START = "document.documentElement.classList.add('scripted')"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:const|function) (\w+))", re.MULTILINE)
_PLACES = 3  # of an edge in the list; the script shows all


def render(view: GraphView) -> str:
    """The view as a page. Names and paths are foreign text: none of them is ever read as markup or as script."""
    style = _colours() + _part("page.css")
    script = _script()
    values = {
        "policy": _policy((style,), (_START, script)),
        "title": _text(view.title),
        "summary": _text(_summary(view)),
        "style": style,
        "start": _START,
        "list": "\n".join(_list(view)),
        "data": _embedded(document(view)),
        "script": script,
    }
    return re.sub("@(" + "|".join(values) + ")@", lambda found: values[found[1]], _part("page.html"))


def document(view: GraphView) -> dict[str, object]:
    """What the script is given: everything by index, so that a thousand packages stay small."""
    names = {node.name: number for number, node in enumerate(view.nodes)}
    places = sorted({item.file for edge in view.edges for item in edge.evidence})
    numbers = {file: number for number, file in enumerate(places)}
    used = {edge.style for edge in view.edges}
    return {
        "level": view.level,
        "what": view.level.removesuffix("s"),
        "ordered": view.ordered,
        "looks": {style: _look(style) for style in LOOKS if style in used},
        "tiers": view.tiers,
        "files": places,
        "nodes": [
            [node.name, node.place, node.member, view.tiers.index(node.tier), node.version, node.rank, node.cycle]
            for node in view.nodes
        ],
        "edges": [
            [
                names[e.source],
                names[e.target],
                e.style,
                e.cycle,
                [[i.kind, numbers[i.file], i.line] for i in e.evidence],
            ]
            for e in view.edges
        ],
        "cycles": [[cycle.binding, [names[name] for name in cycle.names]] for cycle in view.cycles],
    }


def _look(style: str) -> dict[str, str]:
    look = LOOKS[style]
    return {"words": look.words, "meaning": look.meaning, "line": look.line, "head": look.head}


def _embedded(value: object) -> str:
    """JSON that cannot end the element it stands in: ASCII only, and no sign that HTML knows."""
    plain = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _script() -> str:
    """The modules of `page/` in one: each a function that gives what it exports, so that their names stay apart."""
    joined = ["const modules = {};"]
    for name in MODULES:
        source = _IMPORT.sub(r"const \1 = modules.\2;", _part(f"{name}.js"))
        exported = ", ".join(found[1] for found in _EXPORT.findall(source))
        inner = _EXPORT.sub(r"\1", source)
        joined.append(f"modules.{name} = (() => {{\n{inner}\nreturn {{ {exported} }};\n}})();")
    return "\n".join(joined)


def _part(name: str) -> str:
    return files("partita.reports").joinpath("page", name).read_text(encoding="utf-8")


def _policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": " ".join(map(_hash, styles)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return "; ".join(f"{directive} {value}" for directive, value in allowed.items())


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _colours() -> str:
    light = {style: look.light for style, look in LOOKS.items()}
    dark = {style: look.dark for style, look in LOOKS.items()}
    styles = "".join(f".style-{style}{{--line:var(--line-{style})}}" for style in LOOKS)
    return (
        f":root{{{_variables(light, CYCLE_LIGHT)}}}"
        f"@media(prefers-color-scheme:dark){{:root{{{_variables(dark, CYCLE_DARK)}}}}}\n{styles}\n"
    )


def _variables(lines: Mapping[str, str], cycle: str) -> str:
    return "".join(f"--line-{style}:{colour};" for style, colour in lines.items()) + f"--cycle:{cycle}"


def _summary(view: GraphView) -> str:
    around = f", around {', '.join(view.focus)}" if view.focus else ""
    problems = f", {count(view.problems, 'problem')} while reading" if view.problems else ""
    return describe(view) + problems + around


def _list(view: GraphView) -> Iterator[str]:
    """The graph as tables, one a tier: all that is there to read without scripts."""
    numbers = {node.name: number for number, node in enumerate(view.nodes)}
    uses: dict[str, list[Link]] = {node.name: [] for node in view.nodes}
    users: dict[str, list[str]] = {node.name: [] for node in view.nodes}
    for edge in view.edges:
        uses[edge.source].append(edge)
        users[edge.target].append(edge.source)
    for tier in view.tiers:
        nodes = view.members_of(tier)
        told = count(len(nodes), view.level.removesuffix("s"))
        yield f"<table><caption>{_text(tier)} <small>{told}</small></caption>"
        yield "<thead><tr><th scope=col>Name</th><th scope=col>Uses</th><th scope=col>Used by</th></tr></thead><tbody>"
        for node in nodes:
            yield f'<tr id="n{numbers[node.name]}"><th scope=row>{_name(view, node)}</th><td><ul>'
            yield from (_use(view, edge, numbers[edge.target]) for edge in uses[node.name])
            yield f"</ul></td><td>{', '.join(_link(name, numbers[name]) for name in users[node.name])}</td></tr>"
        yield "</tbody></table>"


def _name(view: GraphView, node: Node) -> str:
    return f"{_text(node.name)}{_cycle(view, node.cycle)}<br><small>{_text(node.place)}</small>"


def _use(view: GraphView, edge: Link, number: int) -> str:
    words = LOOKS[edge.style].words
    told = f" <small>{_text(words)}</small>" if words else ""
    head = _link(edge.target, number) + _cycle(view, edge.cycle) + told
    places = count(len(edge.evidence), "place")
    return f"<li>{head} <details><summary><small>{places}</small></summary><ul>{_places(edge)}</ul></details></li>"


def _places(edge: Link) -> str:
    shown = edge.evidence[:_PLACES]
    items = [f"<code>{_text(_place(item))}</code> <small>{item.kind}</small>" for item in shown]
    if len(edge.evidence) > _PLACES:
        items.append(f"<small>and {len(edge.evidence) - _PLACES:,} more</small>")
    return "".join(f"<li>{item}</li>" for item in items)


def _place(item: Evidence) -> str:
    return f"{item.file}:{item.line}" if item.line else item.file


def _link(name: str, number: int) -> str:
    return f'<a href="#n{number}">{_text(name)}</a>'


def _cycle(view: GraphView, cycle: int) -> str:
    if not cycle:
        return ""
    return f" <span{' class=red' if view.is_binding(cycle) else ''}>{CYCLE_SIGN}{cycle}</span>"


def _text(text: str) -> str:
    return html.escape(printable(text))
