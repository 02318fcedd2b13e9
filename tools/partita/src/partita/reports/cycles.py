"""Cycles for a person at a terminal, and as JSON (`docs/reference/check-cycles.schema.json`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.findings import Finding
from partita.graph import MODULE_KINDS
from partita.reports.json import render_document
from partita.reports.terminal import PLAIN, Pen, Terminal, flow
from partita.reports.words import count
from partita.story import count_imports, find_sizes, rank_cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from partita.cut import Cut
    from partita.graph import Edge, Evidence
    from partita.story import Counts, Cycle, Story

#: The rule that a failing cycle of each level breaks.
CODES = {"packages": "PT101", "modules": "PT102"}

_LISTED_NODES = 12  # a component of at most this size is named in full
_LISTED_CUTS = 10
_LISTED_IMPORTS = 3  # of one edge
_LISTED_HUBS = 3
_LISTED_PROBLEMS = 5
_KINDS = {"toplevel": "top-level"}
_KIND_WIDTH = len("type-checking")
_RED, _YELLOW, _CYAN = "1;31", "33", "36"
_SENTENCES = {
    ("packages", "runtime"): "packages need each other in a circle at run time",
    ("packages", "runtime+optional"): "packages need each other in a circle once extras count",
    ("packages", "runtime+optional+dev"): "packages need each other in a circle once extras and dev groups count",
    ("modules", "toplevel"): "modules import each other in a circle when they are loaded",
    ("modules", "runtime"): "modules import each other in a circle once lazy imports count",
    ("modules", "all"): "modules import each other in a circle once lazy and type-checking imports count",
}
_SIZES = {
    "packages": ("at run time", "with extras", "with dev groups"),
    "modules": ("top-level", "with lazy", "with type-checking imports"),
}
_GROUPED = (
    "no files import each other in a circle: only the way they are grouped into packages closes the cycle, so that "
    "moving a file may mend it as well as cutting an import"
)


class Report(NamedTuple):
    """What `check-cycles` found.

    `searched` holds each level with the number of its nodes. `cycles` are all there are, `stories` those that were
    worked out in full. `strict`: every cycle fails, not the binding ones only.
    """

    searched: Mapping[str, int]
    cycles: tuple[Cycle, ...]
    stories: tuple[Story, ...]
    strict: bool
    problems: tuple[Finding, ...] = ()

    def fails(self, cycle: Cycle) -> bool:
        """Whether this cycle is a fault."""
        return self.strict or cycle.edge_set.binding


def render_json(report: Report) -> str:
    """Every story, one a line, and what could not be read."""
    cycles = [_plain_story(story, fails=report.fails(story.cycle)) for story in report.stories]
    problems = [{"code": p.code, "file": p.file, "line": p.line, "message": p.message} for p in report.problems]
    return render_document({"cycles": cycles, "problems": problems})


def render_text(report: Report, terminal: Terminal = PLAIN, read_line: Callable[[Evidence], str] = lambda _: "") -> str:
    """Each story with its chain of import lines and what to cut, legal cycles last; then the sum.

    `read_line` gives the source line behind a place, empty where there is none.
    """
    page = _Page(report, terminal, read_line)
    stories = sorted(report.stories, key=lambda story: not report.fails(story.cycle))
    blocks = ["\n".join(page.story(story)) for story in stories]
    return "\n\n\n".join([*blocks, "\n".join(page.summary())]) + "\n"


def render_sarif(report: Report) -> str:
    """Each cycle as one result with the steps of its shortest way round; legal ones are notes."""
    from partita.reports import sarif  # nothing else needs it

    graded: dict[bool, list[Finding]] = {True: [], False: []}
    ways = {}
    for story in report.stories:
        if not story.cycle.same_as:
            finding = _create_finding(story)
            graded[report.fails(story.cycle)].append(finding)
            steps = [(edge, edge.evidence[0]) for edge in story.loop or story.ring]
            ways[finding] = [
                sarif.Step(item.file, item.line, f"{edge.source} -> {edge.target}") for edge, item in steps
            ]
    return sarif.render_sarif(graded[True], graded[False], ways)


def _create_finding(story: Story) -> Finding:
    level, name, _, binding = story.cycle.edge_set
    names = [edge.source for edge in story.ring]
    circle = " -> ".join((*names, names[0]))
    size = len(story.graph.nodes)
    place = story.ring[0].evidence[0]
    return Finding(
        CODES[level],
        place.file,
        place.line,
        f"{size:,} {_SENTENCES[level, name]}; the shortest way round: {circle}",
        f"Cut {_listed_cut(story.cut)}, at a cost of {story.cut.weight:,}: {_proof(story.cut)}",
        circle + (f", of {size}" if size > len(names) else "") + ("" if binding else f", by {name}"),
    )


def _listed_cut(cut: Cut) -> str:
    listed = ", ".join(f"{source} -> {target}" for source, target in cut.edges[:_LISTED_CUTS])
    return listed + (f" and {len(cut.edges) - _LISTED_CUTS:,} more" if len(cut.edges) > _LISTED_CUTS else "")


def _plain_story(story: Story, *, fails: bool) -> dict[str, object]:
    evidence = {(edge.source, edge.target): edge.evidence for edge in story.graph.edges}
    return {
        "level": story.cycle.edge_set.level,
        "edges": story.cycle.edge_set.name,
        "fails": fails,
        "members": story.graph.nodes,
        "imports": dict(zip(MODULE_KINDS, count_imports(story.graph.edges), strict=True)),
        "shortest": [edge.source for edge in story.ring],
        "evidence": _plain_steps(story.ring),
        "loop": _plain_steps(story.loop),
        "cut": [
            {
                "from": source,
                "to": target,
                "weight": story.weights[source, target],
                "evidence": list(map(_plain_place, evidence[source, target])),
            }
            for source, target in story.cut.edges
        ],
        "cut_is_minimal": story.cut.is_minimal,
        "cut_weight": story.cut.weight,
        "cut_lower_bound": story.cut.lower_bound,
        "cut_relaxed": [{"from": source, "to": target} for source, target in story.protection.relaxed],
    }


def _plain_steps(edges: Iterable[Edge]) -> list[dict[str, object]]:
    return [{"from": edge.source, "to": edge.target, **_plain_place(item)} for edge in edges for item in edge.evidence]


def _plain_place(item: Evidence) -> dict[str, object]:
    return {"file": item.file, "line": item.line, "kind": item.kind}


class _Page:
    """One report, and what the reader's screen can do."""

    def __init__(self, report: Report, terminal: Terminal, read_line: Callable[[Evidence], str]) -> None:
        self.report = report
        self.width = terminal.width
        self.pen = Pen(terminal)
        self.read_line = read_line
        signs = ("│", "▼", "→", "…") if terminal.boxes else ("|", "v", "->", "...")
        self.bar, self.down, self.arrow, self.more = signs
        self.told: set[tuple[str, ...]] = set()

    def story(self, story: Story) -> Iterator[str]:
        """A heading, the shortest way round, the loop of files that causes it, and the cut."""
        yield from self.heading(story)
        yield ""
        names = tuple(edge.source for edge in story.ring)
        if names in self.told:
            yield from self.wrap(f"shortest way round, as above: {f' {self.arrow} '.join((*names, names[0]))}")
        else:
            self.told.add(names)
            yield from self.way_round(story)
        yield ""
        yield from self.cut(story)

    def heading(self, story: Story) -> Iterator[str]:
        """How bad it is, how large, how the size grows with each kind of edge, and who takes part when few do."""
        level, name, _, _ = story.cycle.edge_set
        fails = self.report.fails(story.cycle)
        verdict = self.pen.paint(f"error {CODES[level]}", _RED) if fails else self.pen.paint("legal", _YELLOW)
        yield f"{verdict}: {self.pen.bold(f'{len(story.graph.nodes):,} {_SENTENCES[level, name]}')}"
        sizes = zip(find_sizes(story.cycle, self.report.cycles), _SIZES[level], strict=True)
        yield from self.aside(f"{level}: " + " / ".join(f"{size:,} {words}" for size, words in sizes))
        yield from self.aside(f"between them: {_told(count_imports(story.graph.edges))}")
        if len(story.ring) < len(story.graph.nodes) <= _LISTED_NODES:
            yield from self.aside(", ".join(story.graph.nodes))

    def way_round(self, story: Story) -> Iterator[str]:
        """The shortest cycle; between packages also the loop of files behind it, or why there is none."""
        cut = frozenset(story.cut.edges)
        if story.cycle.edge_set.level == "modules":
            yield from self.chain(story.ring, cut, _LISTED_IMPORTS)
            return
        yield from self.chain(story.ring, cut, 0 if story.loop else _LISTED_IMPORTS)
        yield ""
        if story.loop:
            yield "  the shortest loop of files behind it:"
            yield ""
            yield from self.chain(story.loop, (), _LISTED_IMPORTS)
        elif idle := [edge for edge in story.ring if not any(count_imports([edge]))]:
            for source, target, _ in idle:
                yield from self.wrap(f"nothing in {source} imports {target}: only the declaration closes the cycle")
        else:
            yield from self.wrap(_GROUPED)

    def chain(self, ring: Sequence[Edge], cut: Iterable[tuple[str, str]], limit: int) -> Iterator[str]:
        """Name below name, and between them the places where one leads to the next, `limit` imports at most."""
        for edge in ring:
            yield "  " + self.pen.bold(self.pen.plain(edge.source))
            yield from (f"  {self.bar}   {line}" for line in self.places(edge, limit))
            yield f"  {self.down}" + (f"   {self.pen.paint('cut here', _CYAN)}" if edge[:2] in cut else "")
        yield "  " + self.pen.bold(self.pen.plain(ring[0].source))

    def places(self, edge: Edge, limit: int) -> Iterator[str]:
        """Every declaration, `limit` import statements with their text, and how many more there are."""
        imports = [item for item in edge.evidence if item.kind in MODULE_KINDS]
        for item in (*(item for item in edge.evidence if item.kind not in MODULE_KINDS), *imports[:limit]):
            yield f"{_KINDS.get(item.kind, item.kind).ljust(_KIND_WIDTH)}  {self.place(item)}"
            text = self.pen.plain(self.read_line(item)) if item.kind in MODULE_KINDS else ""
            if text:
                yield f"{' ' * _KIND_WIDTH}  {self.pen.dim(self.shorten(text, self.width - _KIND_WIDTH - 8))}"
        if imports[limit:]:
            told = _told(count_imports([edge._replace(evidence=tuple(imports[limit:]))]))
            yield self.pen.dim(f"and {told}" if limit else told)

    def cut(self, story: Story) -> Iterator[str]:
        """How few edges end the cycle, what proves it, which ones, and what had to be respected."""
        level = story.cycle.edge_set.level
        edges = {(edge.source, edge.target): edge for edge in story.graph.edges}
        chosen = [edges[pair] for pair in story.cut.edges]
        cost = f"{count(len(chosen), 'edge')} at a cost of {story.cut.weight:,}"
        yield f"  {self.pen.paint('cut', _CYAN)} {cost}: {_proof(story.cut)}"
        declared = sum(item.kind not in MODULE_KINDS for edge in chosen for item in edge.evidence)
        told = f"{count(declared, 'declaration')} and " if declared else ""
        yield from self.aside(f"that is {told}{_told(count_imports(chosen))}")
        yield from self.aside(f"{level} in a circle before {self.arrow} after each:")
        size = len(story.graph.nodes)
        for edge, left in rank_cuts(story, _LISTED_CUTS):
            yield from self.cut_edge(edge, f"{size:,} {self.arrow} {left:,}", story.weights[edge.source, edge.target])
            size = left
        if len(chosen) > _LISTED_CUTS:
            yield self.pen.dim(f"    and {count(len(chosen) - _LISTED_CUTS, 'edge')} more, which --json lists")
        for sentence in self.respected(story):
            yield from self.aside(sentence)

    def cut_edge(self, edge: Edge, sizes: str, weight: int) -> Iterator[str]:
        """One row, or two where the screen is narrow."""
        name = self.pen.plain(f"{edge.source} {self.arrow} {edge.target}")
        places = [self.place(item) for item in edge.evidence]
        more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
        detail = f"cost {weight:,}  {places[0]}{more}"
        row = f"    {sizes}  {name}"
        if len(row) + len(detail) + 2 <= self.width:
            yield f"{row}  {self.pen.dim(detail)}"
        else:
            yield row
            yield f"    {' ' * len(sizes)}  {self.pen.dim(detail)}"

    def respected(self, story: Story) -> Iterator[str]:
        """What the cut had to leave alone, what it had to take, and what could not be left alone."""
        kept, forced, relaxed, hubs = story.protection
        if forced:
            yield f"{count(len(forced), 'edge')} of it against the order of the tiers: to be cut in any case"
        if any(target not in hubs for _, target in kept):
            yield "what the tiers allow is left alone"
        if hubs:
            listed = ", ".join(hubs[:_LISTED_HUBS])
            more = f" and {len(hubs) - _LISTED_HUBS:,} more" if len(hubs) > _LISTED_HUBS else ""
            level = story.cycle.edge_set.level
            yield f"the most used {level} lose no user: {listed}{more} (--allow-hubs cuts there, too)"
        if relaxed:
            yield f"{count(len(relaxed), 'edge')} of those could not be left alone: they close a circle of such edges"

    def summary(self) -> Iterator[str]:
        """How many cycles fail, how many are legal, what was searched, and what could not be read."""
        fails = sum(self.report.fails(story.cycle) for story in self.report.stories)
        legal = len(self.report.stories) - fails
        told = [f"{count(fails, 'cycle')} {'fails' if fails == 1 else 'fail'}"] if fails else []
        if legal:
            told.append(f"{count(legal, 'legal cycle')}, {'a fault' if legal == 1 else 'faults'} only with --strict")
        searched = " and ".join(
            count(number, level.removesuffix("s")) for level, number in self.report.searched.items()
        )
        yield f"{self.pen.bold('; '.join(told) or 'no cycle')} ({searched} searched)"
        problems = self.report.problems
        for problem in problems[:_LISTED_PROBLEMS]:
            where = f"{problem.file}:{problem.line}" if problem.line else problem.file
            yield self.pen.dim(self.pen.plain(f"note: {where}: {problem.code} {problem.message}"))
        if len(problems) > _LISTED_PROBLEMS:
            yield self.pen.dim(f"note: {count(len(problems) - _LISTED_PROBLEMS, 'problem')} more, which --json lists")

    def wrap(self, sentence: str) -> Iterator[str]:
        """A sentence in lines that fit, indented."""
        return (f"  {line}" for line in flow(map(self.pen.cell, sentence.split()), self.width - 2))

    def aside(self, sentence: str) -> Iterator[str]:
        """The same, in the background."""
        return map(self.pen.dim, self.wrap(sentence))

    def shorten(self, text: str, room: int) -> str:
        """The beginning of a text that does not fit."""
        return text if len(text) <= room else text[: room - len(self.more)].rstrip() + self.more

    def place(self, item: Evidence) -> str:
        """Where a statement stands."""
        return self.pen.plain(f"{item.file}:{item.line}" if item.line else item.file)


def _told(counts: Counts) -> str:
    """Sizes are always told by kind."""
    imports = count(sum(counts), "import")
    return f"{imports}: {counts.toplevel:,} top-level / {counts.lazy:,} lazy / {counts.type_checking:,} type-checking"


def _proof(cut: Cut) -> str:
    if cut.is_minimal:
        return "no cheaper cut exists"
    bound = f"no cut costs less than {cut.lower_bound:,}"
    if cut.obstacle == "solver":
        return f"{bound}; to find the cheapest: pip install 'partita[cut]'"
    return f"{bound}; time ran out before the cheapest was found (--seconds gives it more)"
