"""A running task as it comes along: drawn in place on a terminal, a line for each change where there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from botlib.terminal import clean
from botserver_client.rendering import mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from botlib.terminal import Terminal
    from botserver_client.steps import StepReadiness
    from botserver_client.tasks import Task

_BAR = 20


class Progress:
    """Shows one task on a stream. Of many steps, as many are drawn as fit: those where something happens first."""

    def __init__(self, stream: TextIO, terminal: Terminal) -> None:
        self._stream = stream
        self._terminal = terminal
        self._drawn = 0
        self._states: dict[str, str] = {}

    def show(self, task: Task) -> None:
        """Show the task as it is now."""
        if self._stream.isatty() and os.environ.get("TERM") != "dumb":
            size = os.get_terminal_size(self._stream.fileno())
            lines = draw(task, self._terminal, columns=size.columns or 80, rows=size.lines or 24)
            # Up to the first line of what was drawn, write over it, and remove what is left of it.
            self._stream.write(f"\x1b[{self._drawn}A" if self._drawn else "")
            self._stream.write("".join(f"\r\x1b[2K{line}\n" for line in lines) + "\x1b[J")
            self._drawn = len(lines)
        else:
            states = {step.name: step.current_state for step in task.steps}
            changes = [f"{name} {state}" for name, state in states.items() if self._states.get(name) != state]
            self._states = states
            self._stream.write(f"{clean(summarise(task))}{''.join(f', {clean(it)}' for it in changes)}\n")
        self._stream.flush()


def summarise(task: Task) -> str:
    """One line about a task."""
    return f"{task.name}: {task.execution_status}, {task.completed_steps} of {task.total_steps} steps"


def draw(task: Task, terminal: Terminal, *, columns: int, rows: int) -> list[str]:
    """The lines of a drawing that fits a terminal of this size, so that it can be drawn over."""
    full = round(_BAR * task.completion_percentage / 100)
    bar = f"[{'█' * full}{'░' * (_BAR - full)}]"
    room = max(rows - 2, 1)
    shown = sorted(task.steps, key=_importance)[:room] if len(task.steps) > room else task.steps
    head = _cut(f"{mark(task.execution_status, terminal)} ", f"{bar} {summarise(task)}", columns)
    return [head, *(_cut(f"  {mark(it.current_state, terminal)} ", _tell(it), columns) for it in shown)][
        : max(rows - 1, 1)
    ]


def _tell(step: StepReadiness) -> str:
    again = f", attempt {step.attempts} of {step.max_attempts}" if step.attempts > 1 else ""
    retry = (
        f", again at {step.next_retry_at:%H:%M:%S}"
        if step.current_state == "waiting_for_retry" and step.next_retry_at
        else ""
    )
    return f"{step.name}  {step.current_state}{again}{retry}"


def _importance(step: StepReadiness) -> int:
    order: Sequence[str] = ("error", "waiting_for_retry", "in_progress", "enqueued")
    return order.index(step.current_state) if step.current_state in order else len(order)


def _cut(marked: str, text: str, columns: int) -> str:
    # What is painted counts as the two or four characters that it shows.
    taken = 4 if marked.startswith("  ") else 2
    return marked + clean(text)[: max(columns - taken - 1, 0)]
