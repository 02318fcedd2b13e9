"""Answers as people and programs read them, and the drawing of a task, as whole values."""

import fcntl
import io
import os
import pty
import struct
import termios
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pyte
import pytest

from botlib.terminal import Terminal
from botserver_client import Step, StepError, StepReadiness, StepResult, Task
from botserver_client.output import Output, tell
from botserver_client.progress import Progress, draw
from botserver_client.rendering import render_step, render_steps

NOW = datetime(2030, 1, 1, 12, 30, tzinfo=UTC)
ID = UUID(int=1)


def step(name: str, state: str, *, attempts: int = 1, next_retry_at: datetime | None = None) -> StepReadiness:
    return StepReadiness(
        workflow_step_uuid=ID,
        task_uuid=ID,
        named_step_uuid=ID,
        name=name,
        current_state=state,
        dependencies_satisfied=True,
        retry_eligible=True,
        ready_for_execution=False,
        total_parents=0,
        completed_parents=0,
        attempts=attempts,
        max_attempts=3,
        next_retry_at=next_retry_at,
    )


TASK = Task(
    task_uuid=ID,
    name="brew",
    namespace="kitchen",
    version="1.0.0",
    status="processing",
    created_at=NOW,
    updated_at=NOW,
    context={},
    initiator="anna",
    source_system="test",
    reason="thirst",
    correlation_id=ID,
    total_steps=4,
    pending_steps=1,
    in_progress_steps=1,
    completed_steps=1,
    failed_steps=1,
    ready_steps=0,
    execution_status="processing",
    recommended_action="wait_for_completion",
    completion_percentage=25.0,
    health_status="recovering",
    steps=(
        step("grind", "complete"),
        step("heat", "in_progress", attempts=2),
        step("pour", "waiting_for_retry", next_retry_at=NOW),
        step("drink", "pending", attempts=0),
    ),
)
DONE = replace(
    TASK,
    execution_status="all_complete",
    completed_steps=4,
    completion_percentage=100.0,
    steps=tuple(replace(it, current_state="complete", attempts=1) for it in TASK.steps),
)
STEP = Step(
    step_uuid=ID,
    task_uuid=ID,
    name="heat",
    created_at=NOW,
    updated_at=NOW,
    current_state="complete",
    dependencies_satisfied=True,
    retry_eligible=True,
    ready_for_execution=False,
    total_parents=1,
    completed_parents=1,
    attempts=1,
    max_attempts=3,
    completed_at=NOW,
    results=StepResult(step_uuid=ID, success=True, result={"degrees": 93}, metadata={}, status="completed"),
)
FAILED = replace(
    STEP, current_state="error", results=StepResult(ID, success=False, error=StepError("\x1b[1mno water", "Dry"))
)


def test_a_step_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table", Terminal()).show(STEP, render_step)
    assert capsys.readouterr().out == (
        "heat\n"
        "  Step UUID:    00000000-0000-0000-0000-000000000001\n"
        "  Task UUID:    00000000-0000-0000-0000-000000000001\n"
        "  State:        complete\n"
        "  Attempts:     1 of 3\n"
        "  Parents:      1 of 1 complete\n"
        "  Ready:        false\n"
        "  Completed at: 2030-01-01 12:30:00+00:00\n"
        '  Result:       {"degrees": 93}\n'
    )


def test_a_step_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    Output("yaml", Terminal()).show(STEP.results, lambda *_: "")
    assert capsys.readouterr().out == (
        "step_uuid: 00000000-0000-0000-0000-000000000001\n"
        "success: true\n"
        "result:\n"
        "  degrees: 93\n"
        "metadata: {}\n"
        "status: completed\n"
        "error: null\n"
        "orchestration_metadata: null\n"
    )


def test_a_step_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output("json", Terminal()).show((STEP.results,), lambda *_: "")
    assert capsys.readouterr().out == (
        "[\n"
        "  {\n"
        '    "step_uuid": "00000000-0000-0000-0000-000000000001",\n'
        '    "success": true,\n'
        '    "result": {\n'
        '      "degrees": 93\n'
        "    },\n"
        '    "metadata": {},\n'
        '    "status": "completed",\n'
        '    "error": null,\n'
        '    "orchestration_metadata": null\n'
        "  }\n"
        "]\n"
    )


def test_steps_for_people_show_why_one_failed_and_cannot_steer_the_terminal() -> None:
    one, other = render_steps((STEP, FAILED), Terminal()).splitlines()[1:]
    assert one.split() == ["heat", "complete", "1/3", '{"degrees":', "93}", str(ID)]
    assert other == f"heat  error     1/3       Dry: \\x1b[1mno water  {ID}"


def test_large_numbers_are_told_exactly() -> None:
    assert (tell(2**63 - 1), tell(209.97), tell(None), tell(True)) == ("9223372036854775807", "209.97", "-", "true")


def test_a_drawing_fits_its_terminal() -> None:
    assert draw(TASK, Terminal(), columns=80, rows=24) == [
        "· [█████░░░░░░░░░░░░░░░] brew: processing, 1 of 4 steps",
        "  ✓ grind  complete",
        "  ▶ heat  in_progress, attempt 2 of 3",
        "  ↻ pour  waiting_for_retry, again at 12:30:00",
        "  · drink  pending",
    ]
    assert draw(TASK, Terminal(), columns=20, rows=4) == [
        "· [█████░░░░░░░░░░░",
        "  ↻ pour  waiting_f",
        "  ▶ heat  in_progre",
    ]
    assert draw(TASK, Terminal(colour=True), columns=80, rows=24)[1] == "  \x1b[32m✓\x1b[0m grind  complete"


def test_where_there_is_no_terminal_each_change_is_a_line() -> None:
    stream = io.StringIO()
    progress = Progress(stream, Terminal())
    progress.show(TASK)
    progress.show(DONE)
    assert stream.getvalue() == (
        "brew: processing, 1 of 4 steps, grind complete, heat in_progress, pour waiting_for_retry, drink pending\n"
        "brew: all_complete, 4 of 4 steps, heat complete, pour complete, drink complete\n"
    )


@pytest.mark.parametrize("size", [(12, 60), (0, 0)], ids=["small", "untold"])
def test_on_a_terminal_a_task_is_drawn_over_itself(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    main_end, terminal_end = pty.openpty()
    fcntl.ioctl(terminal_end, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    screen = pyte.Screen(60, 12)
    with open(terminal_end, "w", encoding="utf-8") as stream:
        progress = Progress(stream, Terminal())
        stream.write("before\n")
        progress.show(TASK)
        progress.show(replace(TASK, steps=TASK.steps[:2]))
        progress.show(DONE)
        written = b""
        while written.count(b"\x1b[J") < 3:  # what ends a drawing
            written += os.read(main_end, 65_536)
    os.close(main_end)
    pyte.ByteStream(screen).feed(written)
    assert [line.rstrip() for line in screen.display[:7]] == [
        "before",
        "✓ [████████████████████] brew: all_complete, 4 of 4 steps",
        "  ✓ grind  complete",
        "  ✓ heat  complete",
        "  ✓ pour  complete",
        "  ✓ drink  complete",
        "",
    ]
