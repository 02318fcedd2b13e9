"""The `bot-containers` command: a running orchestrator from a terminal.

Exit codes: 0 done; 1 it was refused, failed, or is not healthy; 2 the command line was not understood.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botserver_containers.client import Client

    Command = Callable[[argparse.Namespace, Client], int]

URL = "http://127.0.0.1:8000"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = create_parser().parse_args(arguments)
    command: Command = options.command
    from botlib import BotError
    from botserver_containers.client import connect

    try:
        with connect(options.url, os.environ.get("BOT_CONTAINERS_PASSWORD", "")) as client:
            return command(options, client)
    except (BotError, TimeoutError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def create_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="bot-containers",
        description="Apps in containers, on a running orchestrator.",
        epilog="The password, if there is one, is read from BOT_CONTAINERS_PASSWORD. "
        "Exit codes: 0 done, 1 refused or failed or not healthy, 2 wrong usage.",
    )
    parser.add_argument(
        "--url", default=os.environ.get("BOT_CONTAINERS_URL", URL), help=f"default: $BOT_CONTAINERS_URL, or {URL}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "list", _list, "every app with its state and health")
    install = _add(commands, "install", _install, "install an app", name="name")
    install.add_argument("--image", default="", help="the image; without one the manifest of this name is used")
    install.add_argument("--manifest", metavar="FILE", help="a manifest of your own, in YAML")
    for word, wanted, text in (
        ("start", "running", "start an app"),
        ("stop", "stopped", "stop an app; it stays so until somebody starts it"),
        ("restart", "running", "stop an app and start it"),
    ):
        _add(commands, word, _change, text, name="name").set_defaults(method=f"package.{word}", wanted=wanted)
    logs = _add(commands, "logs", _logs, "what an app wrote last", name="name")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it writes, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=100, help="how many lines (default: 100)")
    _add(commands, "health", _health, "the health of all apps, or of one; exit code 1 when one is not well", name="?")
    uninstall = _add(commands, "uninstall", _uninstall, "remove an app with all that belongs to it", name="name")
    uninstall.add_argument("--preserve-data", action="store_true", help="keep its volumes and secrets")
    _add(commands, "reconcile", _reconcile, "compare what should run with what does, and mend it")
    return parser


def _add(commands: Any, word: str, command: Command, text: str, *, name: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(word, help=text, description=f"{text[0].upper()}{text[1:]}.")
    if name:
        parser.add_argument("name", nargs="?" if name == "?" else None, help="the id of the app")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS", help="how long to wait (900)")
    parser.set_defaults(command=command)
    return parser


def _list(options: argparse.Namespace, client: Client) -> int:
    containers = client.call("container.list")["containers"]
    lines = [f"{it['name']:<24} {it['state']:<12} {it['health']:<10} {it['image']}" for it in containers]
    _print(options, {"schema": 1, "containers": containers}, "\n".join(lines) or "No app is installed.")
    return 0


def _install(options: argparse.Namespace, client: Client) -> int:
    if options.manifest:
        with open(options.manifest, encoding="utf-8") as file:
            begun = client.call("package.sideload", manifest=file.read())
    elif options.image:
        begun = client.call("package.install", id=options.name, dockerImage=options.image)
    else:
        begun = client.call("package.install", id=options.name)
    return _wait(options, client, begun["package_id"], "running")


def _change(options: argparse.Namespace, client: Client) -> int:
    client.call(options.method, id=options.name)
    return _wait(options, client, options.name, options.wanted)


def _uninstall(options: argparse.Namespace, client: Client) -> int:
    client.call("package.uninstall", id=options.name, preserve_data=options.preserve_data)
    return _wait(options, client, options.name, "gone")


def _wait(options: argparse.Namespace, client: Client, name: str, wanted: str) -> int:
    client.wait(name, (wanted,), options.timeout)
    _print(options, {"schema": 1, "name": name, "state": wanted}, f"{name} is {wanted}.")
    return 0


def _logs(options: argparse.Namespace, client: Client) -> int:
    if options.follow:
        for line in client.follow_logs(options.name, options.lines):
            print(line, flush=True)
        return 0
    logs = client.call("container.logs", id=options.name, lines=options.lines)["logs"]
    _print(options, {"schema": 1, "name": options.name, "logs": logs}, logs.rstrip("\n"))
    return 0


def _health(options: argparse.Namespace, client: Client) -> int:
    found = client.call("container.health")
    if options.name is not None:
        client.call("container.health", id=options.name)  # so that a name that is not there is an error
        found = {options.name: found[options.name]}
    _print(options, {"schema": 1, "health": found}, "\n".join(f"{name:<24} {it}" for name, it in found.items()))
    return 1 if "unhealthy" in found.values() else 0


def _reconcile(options: argparse.Namespace, client: Client) -> int:
    steps = client.call("container.reconcile")["steps"]
    lines = [f"{it['verb']:<9} {it['name']:<24} {it['reason']}" for it in steps]
    _print(options, {"schema": 1, "steps": steps}, "\n".join(lines) or "Nothing is installed.")
    return 0


def _print(options: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    print(json.dumps(document, indent=2) if options.json else text)
