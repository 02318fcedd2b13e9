"""Packages and modules that need each other in a circle. `partita check-cycles` tells the story of each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.graph import Evidence, Graph
    from partita.rules.facts import Facts

PACKAGES = Code("PT101", "packages depend on each other in a circle")
MODULES = Code("PT102", "modules import each other in a circle when they are loaded")

_REMEDY = "run partita check-cycles: it shows each import line and the smallest set of them to cut"


def _find_packages(facts: Facts) -> Iterator[Finding]:
    yield from _find(facts.declared.restricted_to(("runtime",)), PACKAGES, "packages need")


def _find_modules(facts: Facts) -> Iterator[Finding]:
    yield from _find(facts.modules.graph.restricted_to(("toplevel",)), MODULES, "modules import")


def _find(graph: Graph, code: Code, told: str) -> Iterator[Finding]:
    """One finding a component, about its shortest circle, at the line that leads from its first node to the next."""
    from partita.cycles import find_components, shortest_cycle  # only for this rule

    places = {(edge.source, edge.target): edge.evidence[0] for edge in graph.edges}
    for component in find_components(graph):
        nodes = shortest_cycle(graph, component)
        steps = [places[step] for step in pairwise((*nodes, nodes[0]))]
        circle = " -> ".join((*nodes, nodes[0]))
        larger = len(component) > len(nodes)
        message = f"{len(component)} {told} each other{', the shortest way round' if larger else ''}: {circle}"
        subject = f"{circle}, of {len(component)}" if larger else circle
        yield Finding(code.code, steps[0].file, steps[0].line, f"{message} ({_listed(steps)})", _REMEDY, subject)


def _listed(steps: list[Evidence]) -> str:
    return ", ".join(f"{step.file}:{step.line}" for step in steps)


PACKAGE_RULE = Rule("package-cycles", (PACKAGES,), _find_packages)
MODULE_RULE = Rule("module-cycles", (MODULES,), _find_modules)
