"""`dlq`: tasks that a person has to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import TASK, Id, add_action, number, read_uuid

if TYPE_CHECKING:
    import argparse

    from botserver_client.session import Session

_STATUSES = ("pending", "manually_resolved", "permanently_failed", "cancelled")


def add_arguments(actions: Any) -> None:
    """The actions of `dlq` and their options."""
    listing = add_action(actions, "list", _list, "list dead letters")
    listing.add_argument("-s", "--status", choices=_STATUSES, metavar="STATUS", help=f"only {', '.join(_STATUSES)}")
    listing.add_argument("-l", "--limit", type=number(1, 1_000), default=50, metavar="N", help="at most so many (50)")
    listing.add_argument("--offset", type=number(0, 2**31), default=0, metavar="N", help="leave out the newest N")
    add_action(actions, "get", _get, "get the dead letter of the task", TASK)
    update = add_action(actions, "update", _update, "change the dead letter", Id("entry", "--id", read_uuid))
    update.add_argument(
        "-s", "--status", choices=_STATUSES, required=True, metavar="STATUS", help=f"one of {', '.join(_STATUSES)}"
    )
    update.add_argument("-n", "--notes", metavar="TEXT", help="what was found")
    update.add_argument("-b", "--resolved-by", metavar="NAME", help="who found it")
    add_action(actions, "stats", _stats, "count dead letters")


async def _list(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.deadletters import Resolution
    from botserver_client.rendering import render_letters

    resolution = Resolution(options.status) if options.status else None
    async with session.open_orchestration() as client:
        found = await client.list_dead_letters(resolution=resolution, limit=options.limit, offset=options.offset)
    session.output.show(found, render_letters)
    return 0


async def _get(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_letter

    async with session.open_orchestration() as client:
        session.output.show(await client.get_dead_letter(options.task), render_letter)
    return 0


async def _update(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.deadletters import Resolution
    from botserver_client.rendering import render_changed_letter

    async with session.open_orchestration() as client:
        changed = await client.change_dead_letter(
            options.entry, Resolution(options.status), notes=options.notes, by=options.resolved_by
        )
    session.output.show(changed, render_changed_letter)
    return 0


async def _stats(_options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_letter_counts

    async with session.open_orchestration() as client:
        session.output.show(await client.count_dead_letters(), render_letter_counts)
    return 0
