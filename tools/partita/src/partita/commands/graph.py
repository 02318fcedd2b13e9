"""`graph`: the dependency graph, drawn or as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita import answers
from partita.declared import declared_graph
from partita.errors import PartitaError
from partita.graph import DEFAULT_KINDS, EDGE_KINDS
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    import argparse

FORMATS = ("text", "dot", "svg", "png", "mermaid", "json", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `graph`."""
    parser.add_argument("--format", default="text", help=f"one of {', '.join(FORMATS)} (default: text)")


def run(options: argparse.Namespace) -> int:
    """Answer one question about the graph."""
    started = answers.now()
    workspace = read_workspace(options.root or find_root("."), use_cache=not options.no_cache)
    graph = declared_graph(workspace, DEFAULT_KINDS)
    from partita.reports.json import render_packages

    return answers.give(render_packages(workspace, graph), 0, options.arguments, workspace.tree, started)
