"""The ten smoke suites, driven by the unmodified `vexa-client`: `invoke smoke.meetings`, or this folder as a program.

Exit codes: 0 all suites passed, 1 some failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smoke_report import Report, Result, render_json, render_markdown, render_text
from smoke_run import Run
from smoke_server import ADMIN_TOKEN, serving
from smoke_suites import SUITES, result_of, stop_all

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def main() -> int:
    options = _parser().parse_args()
    environment = options.url or ("throw-away stack" if options.stack else "SQLite, one process")
    server: AbstractContextManager[str] = nullcontext(options.url) if options.url else serving(on_stack=options.stack)
    with server as url:
        run = Run(url, options.admin_token or ADMIN_TOKEN, real_time=options.real_time)
        results = tuple(_run(run, number) for number in range(1, len(SUITES) + 1))
        stop_all(run)
    report = Report(environment, _version(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", results, tuple(run.findings))
    sys.stdout.write(render_json(report) if options.json else render_text(report))
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            file.write(render_markdown(report))
    return 0 if report.is_good else 1


def _run(run: Run, number: int) -> Result:
    suite, began = SUITES[number - 1], time.monotonic()
    trouble = result_of(suite, run)
    return Result(number, suite.name, time.monotonic() - began, trouble)


def _version() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smoke", description="Run the ten smoke suites against a meeting-bot API.")
    parser.add_argument("--url", help="a server that runs already (default: one of its own)")
    parser.add_argument("--admin-token", help="the admin token of that server")
    parser.add_argument("--stack", action="store_true", help="its own server works on PostgreSQL and Valkey")
    parser.add_argument("--real-time", action="store_true", help="keep the pauses of the plan: about six minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--report", metavar="FILE", help="write the report of the plan as Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
