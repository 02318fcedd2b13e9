"""Values of the clients as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_client.output import render_fields, render_rows, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib.terminal import Terminal
    from botserver_client.deadletters import ChangedDeadLetter, DeadLetter, DeadLetterCount
    from botserver_client.registry import Health, Worker, WorkerHealth
    from botserver_client.steps import Step
    from botserver_client.tasks import CreatedTask, Task, TaskPage

#: State of a step or task -> its style and its mark.
_MARKS = {
    "complete": ("good", "✓"),
    "all_complete": ("good", "✓"),
    "resolved_manually": ("good", "✓"),
    "error": ("bad", "✗"),
    "blocked_by_failures": ("bad", "✗"),
    "cancelled": ("doubtful", "-"),
    "waiting_for_retry": ("doubtful", "↻"),
    "in_progress": ("heading", "▶"),
}


def mark(state: str, terminal: Terminal) -> str:
    """One character for a state."""
    style, character = _MARKS.get(state, ("quiet", "·"))
    return terminal.paint(character, style)


def render_created(task: CreatedTask, terminal: Terminal) -> str:
    """A task that was just made."""
    fields = [
        ("Task UUID", task.task_uuid),
        ("Status", task.status),
        ("Steps", task.step_count),
        ("Created at", task.created_at),
    ]
    return render_fields("✓ Task created successfully!", fields, terminal)


def render_task(task: Task, terminal: Terminal) -> str:
    """A task with its steps."""
    fields = [
        ("Task UUID", task.task_uuid),
        ("Status", task.status),
        ("Health", task.health_status),
        ("Next", task.recommended_action),
        ("Steps", f"{task.completed_steps} of {task.total_steps} complete, {task.failed_steps} failed"),
        ("Progress", f"{task.completion_percentage:g} %"),
        ("Priority", task.priority),
        ("Tags", ", ".join(task.tags or ())),
        ("Initiator", task.initiator),
        ("Reason", task.reason),
        ("Created at", task.created_at),
        ("Completed at", task.completed_at),
        ("Correlation", task.correlation_id),
        ("Context", task.context),
    ]
    text = render_fields(f"{task.namespace}/{task.name} {task.version}", fields, terminal)
    rows = [
        (
            step.name,
            step.current_state,
            f"{step.attempts}/{step.max_attempts}",
            step.next_retry_at,
            step.workflow_step_uuid,
        )
        for step in task.steps
    ]
    return f"{text}\n{render_rows(_STEP_HEADINGS, rows, terminal, nothing='It has no steps.')}"


_STEP_HEADINGS = ("STEP", "STATE", "ATTEMPTS", "NEXT RETRY", "STEP UUID")


def render_tasks(page: TaskPage, terminal: Terminal) -> str:
    """Tasks of a list."""
    rows = [
        (
            task.task_uuid,
            task.namespace,
            task.name,
            task.status,
            f"{task.completed_steps}/{task.total_steps}",
            task.created_at,
        )
        for task in page.tasks
    ]
    headings = ("TASK UUID", "NAMESPACE", "NAME", "STATUS", "STEPS", "CREATED AT")
    text = render_rows(headings, rows, terminal, nothing="There are no such tasks.")
    hidden = page.pagination.total_count - len(page.tasks)
    return f"{text}\n{hidden} more; --page shows them.\n" if hidden > 0 else text


def render_steps(steps: Sequence[Step], terminal: Terminal) -> str:
    """Steps of a task with their results."""
    rows = [
        (step.name, step.current_state, f"{step.attempts}/{step.max_attempts}", _came_out(step), step.step_uuid)
        for step in steps
    ]
    headings = ("STEP", "STATE", "ATTEMPTS", "RESULT", "STEP UUID")
    return render_rows(headings, rows, terminal, nothing="The task has no steps.")


def render_step(step: Step, terminal: Terminal) -> str:
    """One step with its result."""
    results = step.results
    fields = [
        ("Step UUID", step.step_uuid),
        ("Task UUID", step.task_uuid),
        ("State", step.current_state),
        ("Attempts", f"{step.attempts} of {step.max_attempts}"),
        ("Parents", f"{step.completed_parents} of {step.total_parents} complete"),
        ("Ready", step.ready_for_execution),
        ("Next retry", step.next_retry_at),
        ("Last failure", step.last_failure_at),
        ("Completed at", step.completed_at),
        ("Result", None if results is None else _came_out(step)),
        ("Metadata", results.metadata if results and results.metadata else None),
    ]
    return render_fields(step.name, fields, terminal)


def _came_out(step: Step) -> str:
    results = step.results
    if results is None:
        return "-"
    if results.error is not None and not results.success:
        kind = f"{results.error.error_type}: " if results.error.error_type else ""
        return tell(f"{kind}{results.error.message}")
    return tell(results.result)


def render_workers(workers: Sequence[Worker], terminal: Terminal) -> str:
    """Workers of a list."""
    rows = [
        (it.worker_id, it.name, it.status, it.health, f"{it.host}:{it.pid}", ", ".join(it.namespaces)) for it in workers
    ]
    headings = ("WORKER ID", "NAME", "STATUS", "HEALTH", "PROCESS", "NAMESPACES")
    return render_rows(headings, rows, terminal, nothing="There are no workers.")


def render_worker(worker: Worker, terminal: Terminal) -> str:
    """One worker."""
    fields = [
        ("Worker ID", worker.worker_id),
        ("Status", worker.status),
        ("Health", worker.health),
        ("Type", worker.worker_type),
        ("Version", worker.version),
        ("Host", worker.host),
        ("Process", worker.pid),
        ("Started at", worker.started_at),
        ("Lease until", worker.lease_until),
        ("Uptime", f"{worker.uptime_seconds:g} s"),
        ("Namespaces", ", ".join(worker.namespaces)),
        ("Handlers", ", ".join(worker.registered_handlers)),
    ]
    return render_fields(f"Worker {worker.name}".rstrip(), fields, terminal)


def render_worker_health(health: Sequence[WorkerHealth], terminal: Terminal) -> str:
    """Which workers live."""
    rows = [(it.worker_id, it.status, it.lease_until) for it in health]
    return render_rows(("WORKER ID", "HEALTH", "LEASE UNTIL"), rows, terminal, nothing="There are no workers.")


def render_health(health: Health, terminal: Terminal) -> str:
    """A server with its services."""
    fields = [(it.name, "ready" if it.ready else it.trouble) for it in health.services]
    return render_fields(f"Orchestration: {health.status}", fields, terminal)


def render_letters(letters: Sequence[DeadLetter], terminal: Terminal) -> str:
    """Entries of a list."""
    rows = [
        (it.dlq_entry_uuid, it.task_uuid, it.dlq_reason, it.original_state, it.resolution_status, it.dlq_timestamp)
        for it in letters
    ]
    headings = ("ENTRY UUID", "TASK UUID", "REASON", "STATE", "RESOLUTION", "SINCE")
    return render_rows(headings, rows, terminal, nothing="There are no such entries.")


def render_letter(letter: DeadLetter, terminal: Terminal) -> str:
    """One entry."""
    fields = [
        ("Entry UUID", letter.dlq_entry_uuid),
        ("Task UUID", letter.task_uuid),
        ("Reason", letter.dlq_reason),
        ("Original state", letter.original_state),
        ("Since", letter.dlq_timestamp),
        ("Resolution", letter.resolution_status),
        ("Resolved at", letter.resolution_timestamp),
        ("Resolved by", letter.resolved_by),
        ("Notes", letter.resolution_notes),
        ("Task then", letter.task_snapshot),
    ]
    return render_fields("Dead letter", fields, terminal)


def render_changed_letter(changed: ChangedDeadLetter, terminal: Terminal) -> str:
    """The answer to a change of an entry."""
    return render_fields(f"✓ {changed.message}", [("Entry UUID", changed.dlq_entry_uuid)], terminal)


def render_letter_counts(counts: Sequence[DeadLetterCount], terminal: Terminal) -> str:
    """How many entries there are."""
    rows = [
        (
            it.dlq_reason,
            it.total_entries,
            it.pending,
            it.manually_resolved,
            it.permanent_failures,
            it.cancelled,
            it.oldest_entry,
            it.avg_resolution_time_minutes,
        )
        for it in counts
    ]
    headings = ("REASON", "TOTAL", "PENDING", "RESOLVED", "FAILED", "CANCELLED", "OLDEST", "MINUTES TO RESOLVE")
    return render_rows(headings, rows, terminal, nothing="There are no entries.")
