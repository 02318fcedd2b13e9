"""`graph`: the dependency graph, drawn or as data."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from partita import answers
from partita.declared import declared_graph
from partita.errors import PartitaError
from partita.graph import DEFAULT_KINDS, EDGE_KINDS, MODULE_KINDS, OBSERVED_KINDS, Graph, combine
from partita.workspace import Workspace, find_root, read_workspace

if TYPE_CHECKING:
    import argparse

    from partita.findings import Finding
    from partita.modules import ModuleGraph

FORMATS = ("text", "dot", "svg", "png", "mermaid", "json", "html")
LEVELS = ("packages", "modules")


class Question(NamedTuple):
    """What is asked, checked. `depth` is None for everything that can be reached; `printed` says not into a file."""

    format: str
    level: str
    kinds: tuple[str, ...]
    focus: tuple[str, ...]
    depth: int | None
    printed: bool


class Reading(NamedTuple):
    """What was read for it. `modules` is None when no source was needed."""

    workspace: Workspace
    graph: Graph
    modules: ModuleGraph | None

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Everything that could not be read as meant, sorted."""
        return tuple(sorted({*self.workspace.problems, *(self.modules.problems if self.modules else ())}))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `graph`."""
    add = parser.add_argument
    add("--format", default="text", help=f"one of {', '.join(FORMATS)} (default: text)")
    add("--output", default="", metavar="FILE", help="write there (default: print it)")
    add("--level", default="packages", help="packages or modules (default: packages)")
    kinds = f"some of {','.join(EDGE_KINDS)} (default: {','.join(DEFAULT_KINDS)}; in html all)"
    add("--edges", action="append", metavar="KINDS", help=kinds)
    add("--focus", action="append", metavar="NAME", help="only this one and what is around it (default: everything)")
    add("--depth", default="1", help="how many steps around --focus, or all (default: 1)")
    add("--why", nargs=2, metavar=("A", "B"), help="every shortest path from A to B, with lines (default: none)")


def run(options: argparse.Namespace) -> int:
    """Answer one question about the graph."""
    started = answers.now()
    question = read_question(options)
    reading = read_graph(options.root or find_root("."), question, use_cache=not options.no_cache)
    content = _render_why(reading, options.why, question) if options.why else _render(reading, question)
    if options.output:
        _write(options.output, content)
        return 0
    return answers.give(content, 0, options.arguments, reading.workspace.tree, started)


def read_question(options: argparse.Namespace) -> Question:
    """Check the options. Raises PartitaError that names everything that is wrong with them."""
    known = EDGE_KINDS if options.level == "packages" else OBSERVED_KINDS[:3]
    default = known if options.format == "html" or options.level == "modules" else DEFAULT_KINDS
    kinds = [kind.strip() for part in options.edges or () for kind in part.split(",") if kind.strip()]
    problems = [
        f"--{name} {value!r} is not one of {', '.join(allowed)}"
        for name, value, allowed in (("format", options.format, FORMATS), ("level", options.level, LEVELS))
        if value not in allowed
    ]
    problems += [f"--edges {kind!r} is not one of {', '.join(known)}" for kind in kinds if kind not in known]
    if options.depth != "all" and not options.depth.isdecimal():
        problems.append(f"--depth {options.depth!r} is neither a number of steps nor 'all'")
    if problems:
        raise PartitaError(*problems)
    focus = tuple(name.strip() for part in options.focus or () for name in part.split(",") if name.strip())
    depth = None if options.depth == "all" else int(options.depth)
    wanted = tuple(kind for kind in known if kind in (kinds or default))
    return Question(options.format, options.level, wanted, focus, depth, printed=not options.output)


def read_graph(root: str, question: Question, *, use_cache: bool) -> Reading:
    """Read what the question needs: sources only when it asks for an edge that stands in them."""
    workspace = read_workspace(root, use_cache=use_cache)
    observed = [kind for kind in question.kinds if kind in OBSERVED_KINDS]
    if not observed:
        return Reading(workspace, declared_graph(workspace, question.kinds), None)
    from partita.modules import member_edges, read_modules

    modules = read_modules(workspace, tests="test" in question.kinds, use_cache=use_cache)
    if question.level == "modules":
        kinds = ["toplevel" if kind == "import" else kind for kind in question.kinds]
        graph = modules.graph if len(kinds) == len(MODULE_KINDS) else modules.graph.restricted_to(kinds)
        return Reading(workspace, graph, modules)
    declared = declared_graph(workspace, question.kinds)
    seen = member_edges(workspace, modules).restricted_to(observed)
    return Reading(workspace, combine(declared, seen), modules)


def _render(reading: Reading, question: Question) -> str | bytes:
    if question.format == "json":
        return _render_json(reading, question)
    from partita.view import build_view

    workspace, graph, modules = reading
    view = build_view(
        workspace,
        graph,
        modules=modules.modules if modules is not None and question.level == "modules" else (),
        compared=_compares(question),
        focus=question.focus,
        depth=question.depth,
        problems=len(reading.problems),
    )
    if question.format == "text":
        from partita.reports import text
        from partita.reports.terminal import PLAIN, read_terminal

        if question.printed:
            return text.render(view, read_terminal(sys.stdout))
        return text.render(view, PLAIN, limit=None)
    if question.format == "png":
        from partita.reports.svg import render_png

        return render_png(view)
    from importlib import import_module

    drawn: str | bytes = import_module(f"partita.reports.{question.format}").render(view)
    return drawn


def _render_json(reading: Reading, question: Question) -> str:
    from partita.reports import json

    graph = reading.graph
    if question.focus:
        from partita.paths import find_neighbourhood
        from partita.view import resolve_name

        names = [resolve_name(graph, name, question.level) for name in question.focus]
        graph = find_neighbourhood(graph, names, question.depth, question.depth)
    if question.level == "modules" and reading.modules is not None:
        return json.render_modules(reading.modules, graph, reading.problems)
    return json.render_packages(reading.workspace, graph, reading.problems)


def _compares(question: Question) -> bool:
    """Whether manifests and sources were both asked for, so that an edge of only one of them can be told."""
    return "runtime" in question.kinds and "import" in question.kinds


def _render_why(reading: Reading, ends: list[str], question: Question) -> str:
    from partita.paths import find_paths, paths_document
    from partita.view import resolve_name

    source, target = (resolve_name(reading.graph, name, question.level) for name in ends)
    paths = find_paths(reading.graph, source, target)
    if question.format == "json":
        import json

        return json.dumps({"schema": 1, **paths_document(paths)}, indent=2) + "\n"
    if question.format != "text":
        raise PartitaError(f"--why is told as text or json, not as {question.format}")
    from partita.reports import why
    from partita.reports.terminal import PLAIN, read_terminal

    return why.render(paths, read_terminal(sys.stdout) if question.printed else PLAIN)


def _write(path: str, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old drawing or the new one."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise PartitaError(f"--output {path}: cannot be written: {error.strerror}") from error
