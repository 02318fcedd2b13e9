"""The graph on a terminal: tiers from the highest down, and beside each node what it depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.reports.looks import CYCLE_SIGN, CYCLE_SIGN_ASCII, LOOKS
from partita.reports.terminal import PLAIN, Cell, Pen, Terminal, flow, with_commas
from partita.reports.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from partita.view import GraphView, Link, Node

#: Graphs of more nodes are summed up by tier: a listing that scrolls away helps nobody.
LISTED_NODES = 100

_HUBS = 5
_ARROWS = {"solid": "──▶", "dashed": "╌╌▷", "dotted": "┄┄▷", "bold": "━━▶"}
_ASCII_ARROWS = {"solid": "-->", "dashed": "- >", "dotted": "..>", "bold": "==>"}
_BRANCHES = ("├─ ", "│  ", "└─ ", "   ")
_ASCII_BRANCHES = ("|- ", "|  ", "`- ", "   ")
_RED, _YELLOW, _CYAN, _DIM, _BOLD = "1;31", "33", "36", "2", "1"


def render(view: GraphView, terminal: Terminal = PLAIN, *, limit: int | None = LISTED_NODES) -> str:
    """The view as text. With more than `limit` nodes (None: never) each tier is summed up instead of listed."""
    return _Page(view, terminal).render(summed_up=limit is not None and len(view.nodes) > limit)


class _Page:
    """One drawing: the view, what the terminal can do, and who uses whom."""

    def __init__(self, view: GraphView, terminal: Terminal) -> None:
        self.view = view
        self.width = terminal.width
        self.pen = Pen(terminal)
        self.arrows = _ARROWS if terminal.boxes else _ASCII_ARROWS
        self.tee, self.bar, self.elbow, self.blank = _BRANCHES if terminal.boxes else _ASCII_BRANCHES
        self.sign = CYCLE_SIGN if terminal.boxes else CYCLE_SIGN_ASCII
        self.what = view.level.removesuffix("s")
        self.edges: dict[str, list[Link]] = {node.name: [] for node in view.nodes}
        self.users = dict.fromkeys(self.edges, 0)
        for edge in view.edges:
            self.edges[edge.source].append(edge)
            self.users[edge.target] += 1

    def render(self, *, summed_up: bool) -> str:
        lines = [self.title()]
        for tier in self.view.tiers:
            nodes = self.view.members_of(tier)
            lines += ["", *(self.summary(tier, nodes) if summed_up else self.listing(tier, nodes))]
        lines += self.cycles()
        if summed_up:
            told = f"--focus NAME shows one {self.what} and its neighbours, --format html all."
            lines += ["", *flow((self.pen.cell(word, _DIM) for word in told.split()), self.width)]
        return "\n".join(lines) + "\n"

    def title(self) -> str:
        view, pen = self.view, self.pen
        binding = sum(cycle.binding for cycle in view.cycles)
        told = [
            count(len(view.nodes), self.what),
            count(len(view.edges), "dependency"),
            pen.paint(count(binding, "cycle"), _RED) if binding else "no cycle",
        ]
        if view.problems:
            told.append(pen.paint(count(view.problems, "problem"), _YELLOW))
        around = f", around {', '.join(map(pen.plain, view.focus))}" if view.focus else ""
        return f"{pen.bold(pen.plain(view.title) + around)}: {', '.join(told)}"

    def listing(self, tier: str, nodes: Sequence[Node]) -> Iterator[str]:
        """A tier with all its nodes; modules stand below the package they belong to."""
        yield self.pen.bold(self.pen.plain(tier))
        if self.view.level == "packages":
            yield from self.nodes(nodes, "")
            return
        members: dict[str, list[Node]] = {}
        for node in nodes:
            members.setdefault(node.member, []).append(node)
        for member in sorted(members):
            last = member == max(members)
            yield (self.elbow if last else self.tee) + self.pen.plain(member)
            yield from self.nodes(members[member], self.blank if last else self.bar)

    def nodes(self, nodes: Sequence[Node], indent: str) -> Iterator[str]:
        """One row a node and style of edge, with the dependencies aligned where the names leave room for that."""
        column = min(max(self.label(node)[0] for node in nodes), self.width * 2 // 5)
        for node in nodes:
            last = node is nodes[-1]
            width, label = self.label(node)
            rows = list(self.dependencies(node, self.width - len(indent) - len(self.tee) - column - 1))
            first = indent + (self.elbow if last else self.tee) + label
            rest = indent + (self.blank if last else self.bar) + " " * column
            if width <= column:
                yield f"{first}{' ' * (column - width)} {rows.pop(0)}"
            else:
                yield first
            yield from (f"{rest} {row}" for row in rows)

    def label(self, node: Node) -> Cell:
        paint = _RED if self.view.is_binding(node.cycle) else _BOLD if node.name in self.view.focus else ""
        return self.name(node.name, node.cycle, paint)

    def name(self, name: str, cycle: int, paint: str) -> Cell:
        return self.pen.cell(f"{name} {self.sign}{cycle}" if cycle else name, paint)

    def dependencies(self, node: Node, room: int) -> Iterator[str]:
        edges = self.edges[node.name]
        if not edges:
            used = self.users[node.name]
            yield self.pen.dim(f"used by {used}" if used else "stands alone")
        for style, look in LOOKS.items():
            chosen = [edge for edge in edges if edge.style == style]
            if chosen:
                cells = [self.pen.cell(f"{look.words}:", _CYAN)] if look.words else []
                cells += with_commas(map(self.target, chosen))
                arrow = self.arrows[look.line]
                first, *rest = flow(cells, room - len(arrow) - 1)
                yield f"{self.pen.dim(arrow)} {first}"
                yield from (f"{' ' * len(arrow)} {line}" for line in rest)

    def target(self, edge: Link) -> Cell:
        paint = _RED if self.view.is_binding(edge.cycle) else _YELLOW if edge.style == "imported-only" else ""
        return self.name(edge.target, edge.cycle, paint)

    def summary(self, tier: str, nodes: Sequence[Node]) -> Iterator[str]:
        """A tier in a few lines: how many, who is used most and, where tiers mean something, which tiers it needs."""
        told = count(len(nodes), self.what)
        if self.view.level == "modules":
            told += f" of {count(len({node.member for node in nodes}), 'package')}"
        cyclic = sum(self.view.is_binding(node.cycle) for node in nodes)
        in_cycles = f", {self.pen.paint(f'{cyclic} in cycles', _RED)}" if cyclic else ""
        yield f"{self.pen.bold(self.pen.plain(tier))}  {self.pen.dim(told)}{in_cycles}"
        rows = [("most used", self.hubs(nodes)), ("needs", self.needed(tier) if self.view.ordered else [])]
        rows = [(words, cells) for words, cells in rows if cells]
        for place, (words, cells) in enumerate(rows):
            last = place == len(rows) - 1
            first, *rest = flow(cells, self.width - len(self.tee) - 10)
            yield f"{self.elbow if last else self.tee}{self.pen.dim(words.ljust(9))} {first}"
            yield from (f"{self.blank if last else self.bar}{' ' * 10}{line}" for line in rest)

    def hubs(self, nodes: Iterable[Node]) -> list[Cell]:
        used = sorted((-self.users[node.name], node.name) for node in nodes if self.users[node.name])
        cells = [self.pen.cell(f"{name} ({-users})") for users, name in used[:_HUBS]]
        if len(used) > _HUBS:
            cells.append(self.pen.cell(f"{len(used) - _HUBS:,} more", _DIM))
        return with_commas(cells)

    def needed(self, tier: str) -> list[Cell]:
        tier_of = {node.name: node.tier for node in self.view.nodes}
        counts = dict.fromkeys(self.view.tiers, 0)
        for edge in self.view.edges:
            if tier_of[edge.source] == tier:
                counts[tier_of[edge.target]] += 1
        return with_commas(self.pen.cell(f"{other} ({number:,})") for other, number in counts.items() if number)

    def cycles(self) -> Iterator[str]:
        if not self.view.cycles:
            return
        yield ""
        for number, cycle in enumerate(self.view.cycles, 1):
            legal = "" if cycle.binding else ", closed by other than run-time needs only"
            cells = [
                self.pen.cell(f"{self.sign}{number}", _RED if cycle.binding else ""),
                self.pen.cell(f"{count(len(cycle.names), self.what)}{legal}:"),
                *with_commas(map(self.pen.cell, cycle.names[:LISTED_NODES])),
            ]
            if len(cycle.names) > LISTED_NODES:
                cells.append(self.pen.cell(f"and {len(cycle.names) - LISTED_NODES:,} more", _DIM))
            first, *rest = flow(cells, self.width - 3)
            yield first
            yield from (f"   {line}" for line in rest)
        told = "check-cycles tells which imports close a cycle, and what to cut."
        yield from flow((self.pen.cell(word, _DIM) for word in told.split()), self.width)
