"""`check-cycles`: cycles between packages and between modules, each with its story and what to cut."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from partita import answers
from partita.declared import declared_graph
from partita.errors import PartitaError
from partita.graph import DEFAULT_KINDS, Graph
from partita.story import find_cycles
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from partita.graph import Evidence
    from partita.modules import ModuleGraph
    from partita.reports.cycles import Report
    from partita.story import Cycle, Story
    from partita.tree import Tree
    from partita.workspace import Workspace

LEVELS = ("packages", "modules")


class Question(NamedTuple):
    """What is asked, checked. `every` asks for the story of each set of edges, even where it joins the same nodes."""

    levels: tuple[str, ...]
    strict: bool
    allow_hubs: bool
    seconds: float
    every: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check-cycles`."""
    add = parser.add_argument
    add("--level", default="packages,modules", metavar="LEVELS", help="packages, modules or both (default: both)")
    add("--strict", action="store_true", help="fail on cycles of extras, dev, lazy, type-checking, too (default: no)")
    add("--allow-hubs", action="store_true", help="cut imports of what most others import, too (default: leave them)")
    add("--seconds", default="20", metavar="N", help="how long to look for each smallest cut (default: 20)")
    add("--json", action="store_true", help="print JSON (default: text)")
    add("--sarif", default="", metavar="FILE", help="write the cycles as SARIF, too (default: no file)")


def run(options: argparse.Namespace) -> int:
    """Find the cycles, tell their stories, and return 1 when any of them fails, else 0."""
    started = answers.now()
    question = read_question(options)
    use_cache = not options.no_cache
    workspace = read_workspace(options.root or find_root("."), use_cache=use_cache)

    def read() -> ModuleGraph:
        from partita.modules import read_modules  # reads sources

        return read_modules(workspace, use_cache=use_cache)

    report = examine(workspace, read, question)
    if options.sarif:
        from partita.reports.cycles import render_sarif
        from partita.reports.sarif import write_sarif

        write_sarif(options.sarif, render_sarif(report))
    text = _render(report, workspace.tree, as_json=options.json)
    code = 1 if any(map(report.fails, report.cycles)) else 0
    if options.sarif or any(story.cut.obstacle for story in report.stories):
        sys.stdout.write(text)  # not remembered: a file goes with it, or another run may do better
        return code
    return answers.give(text, code, options.arguments, workspace.tree, started)


def read_question(options: argparse.Namespace) -> Question:
    """Check the options. Raises PartitaError that names everything that is wrong with them."""
    levels = [level.strip() for level in options.level.split(",") if level.strip()]
    problems = [f"--level {level!r} is not one of {', '.join(LEVELS)}" for level in levels if level not in LEVELS]
    if not levels:
        problems.append(f"--level is empty; it takes some of {', '.join(LEVELS)}")
    try:
        seconds = float(options.seconds)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        problems.append(f"--seconds {options.seconds!r} is no number of seconds")
    if problems:
        raise PartitaError(*problems)
    chosen = tuple(level for level in LEVELS if level in levels)
    return Question(chosen, options.strict, options.allow_hubs, seconds, options.json)


def examine(workspace: Workspace, read: Callable[[], ModuleGraph], question: Question) -> Report:
    """Every cycle of the levels in question, with their stories. `read` is called when sources are needed."""
    from partita.reports.cycles import Report  # comes with what tells a story

    graphs = {"packages": declared_graph(workspace, DEFAULT_KINDS)}
    cycles: tuple[Cycle, ...] = ()
    if "packages" in question.levels:
        cycles = find_cycles(graphs["packages"], "packages")
    modules = read() if cycles or "modules" in question.levels else None
    if modules is not None and "modules" in question.levels:
        graphs["modules"] = modules.graph
        cycles += find_cycles(modules.graph, "modules")
    told = [cycle for cycle in cycles if question.every or not cycle.same_as]
    stories = _tell(told, workspace, graphs, modules, question) if modules is not None and told else ()
    searched = {level: len(graphs[level].nodes) for level in question.levels}
    problems = {*workspace.problems, *(modules.problems if modules is not None else ())}
    return Report(searched, cycles, stories, question.strict, tuple(sorted(problems)))


def _tell(
    cycles: list[Cycle], workspace: Workspace, graphs: dict[str, Graph], modules: ModuleGraph, question: Question
) -> tuple[Story, ...]:
    from partita.protection import count_users  # not needed where there is no cycle
    from partita.story import Scene, tell

    owner_of = {module.name: module.member for module in modules.modules}
    member_tiers = {member.name: member.tier for member in workspace.members}
    tier_of = {"packages": member_tiers, "modules": {name: member_tiers[owner] for name, owner in owner_of.items()}}
    scenes = {}
    for level, graph in graphs.items():
        users = {} if question.allow_hubs else count_users(graph)
        scenes[level] = Scene(modules.graph, owner_of, users, workspace.configuration.tiers, tier_of[level])
    return tuple(tell(cycle, scenes[cycle.edge_set.level], question.seconds) for cycle in cycles)


def _render(report: Report, tree: Tree, *, as_json: bool) -> str:
    from partita.reports.cycles import render_json, render_text

    if as_json:
        return render_json(report)
    from partita.reports.terminal import read_terminal

    return render_text(report, read_terminal(sys.stdout), create_line_reader(tree))


def create_line_reader(tree: Tree) -> Callable[[Evidence], str]:
    """Source lines by their place, each file read once."""
    files: dict[str, list[str]] = {}

    def read(item: Evidence) -> str:
        if item.file not in files:
            try:
                source = tree.read(item.file).decode("utf-8-sig", "replace")
            except OSError:
                source = ""
            files[item.file] = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = files[item.file]
        return lines[item.line - 1].strip() if 0 < item.line <= len(lines) else ""

    return read
