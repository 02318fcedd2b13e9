"""`task`: ask for tasks, look at them, watch them, cancel them, and step in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import (
    STEP,
    TASK,
    add_action,
    number,
    read_json,
    read_json_object,
    read_seconds,
    read_uuid,
)

if TYPE_CHECKING:
    import argparse

    from botserver_client.orchestration import OrchestrationClient
    from botserver_client.session import Session
    from botserver_client.tasks import Task

OPERATOR = "cli-operator"
#: Seconds that a task is watched for when nothing else is said.
DEADLINE = 300.0
#: Exit code when there is an answer, and it is not that all is well.
NOT_WELL = 4


def add_arguments(actions: Any) -> None:
    """The actions of `task` and their options."""
    _add_create(actions)
    add_action(actions, "get", _get, "get the task", TASK)
    listing = add_action(actions, "list", _list, "list tasks")
    listing.add_argument("-n", "--namespace", metavar="NAME", help="only those of this namespace")
    listing.add_argument("-s", "--status", metavar="STATE", help="only those in this state")
    listing.add_argument("-l", "--limit", type=number(1, 100), default=20, metavar="N", help="at most so many (20)")
    listing.add_argument("--page", type=number(1, 1_000_000), default=1, metavar="N", help="which part of the list (1)")
    watching = add_action(actions, "watch", _watch, "watch the task until it ends", TASK)
    _add_deadline(watching)
    add_action(actions, "cancel", _cancel, "cancel the task", TASK)
    add_action(actions, "steps", _steps, "list the steps of the task", TASK)
    add_action(actions, "step", _step, "get the step", TASK, STEP)
    _add_intervention(actions, "reset-step", _reset, "give the step all of its attempts again", "--reset-by")
    _add_intervention(actions, "resolve-step", _resolve, "resolve the step without a result", "--resolved-by")
    complete = _add_intervention(actions, "complete-step", _complete, "complete the step by hand", "--completed-by")
    complete.add_argument("--result", type=read_json, required=True, metavar="JSON", help="what it is to have returned")
    complete.add_argument("--metadata", type=read_json_object, metavar="JSON", help="what is worth knowing about it")


def _add_create(actions: Any) -> None:
    create = add_action(actions, "create", _create, "create the task")
    create.add_argument(
        "-n", "--namespace", default="default", metavar="NAME", help="namespace of its template (default)"
    )
    create.add_argument("--name", required=True, metavar="NAME", help="name of its template")
    create.add_argument("--version", default="1.0.0", metavar="VERSION", help="version of its template (1.0.0)")
    create.add_argument(
        "-i",
        "--input",
        type=read_json_object,
        default={},
        metavar="JSON",
        help="its context, an object; @FILE and - (standard input) work too",
    )
    create.add_argument("-d", "--description", "--reason", default="CLI task creation", metavar="TEXT", help="why")
    create.add_argument(
        "-p", "--priority", type=number(-(2**31), 2**31 - 1), default=5, metavar="N", help="higher goes first (5)"
    )
    create.add_argument("-c", "--correlation-id", type=_uuid, metavar="UUID", help="the id by which it is traced")
    create.add_argument("--tag", action="append", default=[], metavar="TEXT", help="may be repeated")
    create.add_argument(
        "--bypass-step", action="append", default=[], metavar="NAME", help="leave a step out; may be repeated"
    )
    create.add_argument("--idempotency-key", metavar="TEXT", help="asked for twice with one key, there is one task")
    create.add_argument("--wait", action="store_true", help="watch it until it ends, and show it then")
    _add_deadline(create)


def _add_intervention(actions: Any, name: str, run: Any, purpose: str, by: str) -> argparse.ArgumentParser:
    parser = add_action(actions, name, run, purpose, TASK, STEP)
    parser.add_argument("-r", "--reason", required=True, metavar="TEXT", help="why, for the record")
    parser.add_argument("-b", by, dest="by", default=OPERATOR, metavar="NAME", help=f"who does it ({OPERATOR})")
    return parser


def _add_deadline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deadline", type=read_seconds, default=DEADLINE, metavar="SECONDS", help=f"watch no longer ({DEADLINE:g})"
    )


async def _create(options: argparse.Namespace, session: Session) -> int:
    from uuid import UUID

    from botserver_client.rendering import render_created
    from botserver_client.tasks import TaskRequest

    request = TaskRequest(
        namespace=options.namespace,
        name=options.name,
        version=options.version,
        context=options.input,
        initiator="tasker-cli",
        source_system="cli",
        reason=options.description,
        tags=tuple(options.tag),
        bypass_steps=tuple(options.bypass_step),
        priority=options.priority,
        correlation_id=UUID(options.correlation_id) if options.correlation_id else None,
    )
    async with session.open_orchestration() as client:
        created = await client.create_task(request, idempotency_key=options.idempotency_key)
        if not options.wait:
            session.output.show(created, render_created)
            return 0
        if session.output.is_for_people:
            session.output.show(created, render_created)
        return await _follow(client, str(created.task_uuid), options, session)


async def _watch(options: argparse.Namespace, session: Session) -> int:
    async with session.open_orchestration() as client:
        return await _follow(client, options.task, options, session)


async def _follow(client: OrchestrationClient, task: str, options: argparse.Namespace, session: Session) -> int:
    import asyncio

    from botserver_client.output import complain, read_terminal
    from botserver_client.progress import Progress
    from botserver_client.rendering import render_task
    from botserver_client.tasks import Outcome

    coloured = session.configuration.value("cli.colored_output")
    progress = Progress(sys.stderr, read_terminal(sys.stderr, coloured=coloured))
    last: Task | None = None
    try:
        async for last in client.watch_task(task, options.deadline):
            progress.show(last)
    except asyncio.CancelledError:
        complain(f"The task goes on; `tasker-cli task watch {task}` shows it again.")
        raise
    assert last is not None  # watching gives the task at least once, or raises
    session.output.show(last, render_task)
    return 0 if last.outcome is Outcome.COMPLETED else NOT_WELL


async def _get(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_task

    async with session.open_orchestration() as client:
        session.output.show(await client.get_task(options.task), render_task)
    return 0


async def _list(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_tasks

    async with session.open_orchestration() as client:
        page = await client.list_tasks(
            namespace=options.namespace, status=options.status, page=options.page, per_page=options.limit
        )
    session.output.show(page, render_tasks)
    return 0


async def _cancel(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_task

    async with session.open_orchestration() as client:
        task = await client.cancel_task(options.task)
    if session.output.is_for_people:
        print("✓ Task cancelled successfully!")
    session.output.show(task, render_task)
    return 0


async def _steps(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_steps

    async with session.open_orchestration() as client:
        session.output.show(await client.list_steps(options.task), render_steps)
    return 0


async def _step(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_step

    async with session.open_orchestration() as client:
        session.output.show(await client.get_step(options.task, options.step), render_step)
    return 0


async def _reset(options: argparse.Namespace, session: Session) -> int:
    async with session.open_orchestration() as client:
        step = await client.reset_step(options.task, options.step, reason=options.reason, by=options.by)
    return _show_changed(step, "reset", session)


async def _resolve(options: argparse.Namespace, session: Session) -> int:
    async with session.open_orchestration() as client:
        step = await client.resolve_step(options.task, options.step, reason=options.reason, by=options.by)
    return _show_changed(step, "resolved", session)


async def _complete(options: argparse.Namespace, session: Session) -> int:
    async with session.open_orchestration() as client:
        step = await client.complete_step(
            options.task,
            options.step,
            options.result,
            reason=options.reason,
            by=options.by,
            metadata=options.metadata,
        )
    return _show_changed(step, "completed", session)


def _show_changed(step: Any, what: str, session: Session) -> int:
    from botserver_client.rendering import render_step

    if session.output.is_for_people:
        print(f"✓ Step {what} successfully!")
    session.output.show(step, render_step)
    return 0


def _uuid(text: str) -> str:
    import argparse

    try:
        return read_uuid(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!a} {error}") from None
