"""`db`: how the tables of all services stand, and how they get where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver.commands._options import add_json_option, add_source_options, read_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from botserver.tables import Tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `db` and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    upgrade = actions.add_parser("upgrade", help="apply every revision that is missing; all of them, or none")
    status = actions.add_parser("status", help="how far the tables of each service are; exit code 1: something to do")
    downgrade = actions.add_parser("downgrade", help="take the tables of a service back to a revision, or remove them")
    detach = actions.add_parser("detach", help="keep the tables of a service that was uninstalled, and ask no more")
    revision = actions.add_parser("revision", help="write the next revision of a service, from its tables as they are")
    revision.add_argument("name", metavar="NAME", help="the service")
    revision.add_argument("-m", "--message", required=True, help="what it does, such as 'Add the table of guests'")
    add_json_option(revision)
    revision.set_defaults(run=_revision)
    for action, run in ((upgrade, _upgrade), (status, _status), (downgrade, _downgrade), (detach, _detach)):
        if action in {downgrade, detach}:
            action.add_argument("name", metavar="NAME", help="the service")
        if action is downgrade:
            action.add_argument("revision", nargs="?", default="base", help="the revision (default: before the first)")
        add_json_option(action)
        add_source_options(action)
        action.set_defaults(run=run)


def _upgrade(options: argparse.Namespace) -> int:
    applied = _ask(options, lambda tables: tables.upgrade())
    _print(options, {"applied": list(applied)}, f"Applied {', '.join(applied)}." if applied else "Nothing was missing.")
    return 0


def _downgrade(options: argparse.Namespace) -> int:
    undone = _ask(options, lambda tables: tables.downgrade(options.name, options.revision))
    _print(options, {"undone": list(undone)}, f"Undid {', '.join(undone)}." if undone else "Nothing was to be undone.")
    return 0


def _detach(options: argparse.Namespace) -> int:
    branch = _ask(options, lambda tables: tables.detach(options.name))
    _print(options, {"branch": branch._asdict()}, branch.sentence)
    return 0


def _status(options: argparse.Namespace) -> int:
    from botlib.terminal import render_table
    from botserver.terminal import read_terminal

    branches = _ask(options, lambda tables: tables.status())
    rows = [(it.name, it.state, it.head or "none", ", ".join(it.pending)) for it in branches]
    text = render_table(("SERVICE", "STATE", "REVISION", "MISSING"), rows, read_terminal())
    to_do = [it.sentence for it in branches if it.state in {"behind", "newer", "removed"}]
    _print(options, {"branches": [it._asdict() for it in branches]}, "\n".join([text, *to_do]).rstrip("\n"))
    return 1 if to_do else 0


def _revision(options: argparse.Namespace) -> int:
    import asyncio

    from botserver.discovery import discover
    from botserver.revising import write_revision

    path, empty = asyncio.run(write_revision(discover().services, options.name, options.message))
    more = "Nothing differs, so it is empty: fill it in." if empty else "Read it before it is applied."
    _print(options, {"file": str(path), "empty": empty}, f"Wrote {path}. {more}")
    return 0


def _ask(options: argparse.Namespace, question: Callable[[Tables], Awaitable[Any]]) -> Any:
    import asyncio

    from botserver.discovery import discover
    from botserver.selection import stand_in
    from botserver.tables import open_tables

    discovery = discover()
    services = (*discovery.services, *(stand_in(it) for it in discovery.broken))
    settings = read_options(options, discovery)

    async def ask() -> Any:
        async with open_tables(settings, services) as tables:
            return await question(tables)

    return asyncio.run(ask())


def _print(options: argparse.Namespace, value: dict[str, Any], text: str) -> None:
    from botlib.terminal import clean
    from botserver.terminal import print_json

    if options.json:
        print_json({"schema": 1, **value})
    else:
        print(clean(text))
