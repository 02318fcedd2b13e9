"""Where a command prints: answers on standard output in one of three formats, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botlib.terminal import Terminal, choose_terminal, clean, render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TextIO

T = TypeVar("T")


class Output(NamedTuple):
    """How answers are printed. `terminal` stands behind standard output."""

    format: str
    terminal: Terminal

    def show(self, value: T, render: Callable[[T, Terminal], str]) -> None:
        """Print a value: whole for programs, and as `render` tells it for people."""
        from botserver_client.calling import plain

        if self.format == "json":
            print(json.dumps(plain(value), indent=2, ensure_ascii=False))
        elif self.format == "yaml":
            import yaml

            print(yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True), end="")
        else:
            print(render(value, self.terminal), end="")

    @property
    def is_for_people(self) -> bool:
        """Whether more than the value may be printed."""
        return self.format == "table"


def read_terminal(stream: TextIO, environment: Mapping[str, str] = os.environ, *, coloured: bool = True) -> Terminal:
    """What stands behind a stream."""
    columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else None
    terminal = choose_terminal(environment, columns)
    return terminal if coloured else terminal._replace(colour=False)


def render_fields(title: str, fields: Sequence[tuple[str, object]], terminal: Terminal) -> str:
    """A title, and names with values below it; those that are None or "" are left out."""
    shown = [(name, value) for name, value in fields if value is not None and value != ""]
    width = max((len(name) for name, _ in shown), default=0) + 1
    lines = [terminal.paint(clean(title), "heading")]
    lines += [f"  {name + ':':<{width}} {tell(value)}" for name, value in shown]
    return "".join(f"{line}\n" for line in lines)


def render_rows(headings: Sequence[str], rows: Sequence[Sequence[object]], terminal: Terminal, *, nothing: str) -> str:
    """A table, or a sentence when there is nothing to show."""
    if not rows:
        return f"{nothing}\n"
    return render_table(headings, [[tell(cell) for cell in row] for row in rows], terminal)


def tell(value: Any) -> str:
    """A value as people read it: text as it is, moments to the second, the rest as JSON."""
    from datetime import datetime
    from uuid import UUID

    from botserver_client.calling import plain

    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str | UUID):
        return clean(str(value))
    if isinstance(value, float):
        return f"{value:g}"
    return clean(json.dumps(plain(value), ensure_ascii=False))


def complain(text: str) -> None:
    """A line on standard error."""
    print(clean(text), file=sys.stderr)
