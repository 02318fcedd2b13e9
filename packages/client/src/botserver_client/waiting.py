"""The `wait-for-services` command: returns when every server is ready, or tells which one is not, and why.

0 all are ready; 2 the command line or the settings are wrong; 3 at least one was not ready in time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from botserver_client.commands._options import Parser, read_seconds
from botserver_client.configuration import load_configuration
from botserver_client.errors import ClientError, DeadlineError
from botserver_client.orchestration import OrchestrationClient
from botserver_client.output import complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


class Wait(NamedTuple):
    """How waiting for one server ended, after so many seconds. `trouble` is "" when it is ready."""

    url: str
    seconds: float
    trouble: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    options = _create_parser().parse_args(arguments)
    try:
        urls = options.urls or _configured()
        waits = asyncio.run(wait_for_all(urls, options.deadline))
    except ClientError as error:
        complain(f"✗ {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps({"ready": not any(it.trouble for it in waits), "services": [it._asdict() for it in waits]}))
    else:
        for it in waits:
            if not it.trouble:
                print(f"✓ {it.url} is ready, after {it.seconds:.1f} s")
            else:
                complain(f"✗ {it.trouble}")
    return 3 if any(it.trouble for it in waits) else 0


async def wait_for_all(urls: Sequence[str], deadline: float) -> list[Wait]:
    """Wait for all of them at once, for so many seconds altogether. `ClientError` when an address is none."""
    clients = [OrchestrationClient(url, timeout=min(deadline, 5.0)) for url in urls]
    return await asyncio.gather(*(_wait_for(client, deadline) for client in clients))


async def _wait_for(client: OrchestrationClient, deadline: float) -> Wait:
    began, trouble = time.monotonic(), ""
    async with client:
        try:
            await client.wait_until_ready(deadline)
        except DeadlineError as error:
            trouble = error.message
    return Wait(client.base_url, round(time.monotonic() - began, 3), trouble)


def _configured() -> list[str]:
    configuration = load_configuration(flags={})
    return list(dict.fromkeys([configuration.orchestration.base_url, configuration.worker.base_url]))


def _create_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="wait-for-services",
        description="Wait until servers are ready; a server is when its database is, too.",
        epilog="Exit codes: 0 all are ready, 2 wrong usage or settings, 3 not in time.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "urls", nargs="*", metavar="URL", help="addresses (default: those that tasker-cli is set to ask)"
    )
    parser.add_argument("--deadline", type=read_seconds, default=60.0, metavar="SECONDS", help="default: 60")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
