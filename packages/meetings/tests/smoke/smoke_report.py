"""The report of the plan: for people, for a file, for programs. Pure."""

from __future__ import annotations

import json
from typing import NamedTuple


class Result(NamedTuple):
    """How one suite ended. `trouble` is "" when it passed."""

    number: int
    name: str
    seconds: float
    trouble: str


class Report(NamedTuple):
    """A whole run."""

    environment: str
    version: str
    date: str
    results: tuple[Result, ...]
    findings: tuple[str, ...]

    @property
    def passed(self) -> int:
        """How many suites passed."""
        return sum(not it.trouble for it in self.results)

    @property
    def is_good(self) -> bool:
        """Whether all of them did."""
        return self.passed == len(self.results)


def render_text(report: Report) -> str:
    """A line a suite, as the plan shows it, and what went wrong."""
    lines = [
        f"Test Suite {it.number}: {it.name}".ljust(44) + (f"❌ FAIL  {it.trouble}" if it.trouble else "✅ PASS")
        for it in report.results
    ]
    overall = "✅ ALL TESTS PASSED" if report.is_good else f"❌ {len(report.results) - report.passed} SUITES FAILED"
    return "\n".join([*lines, "", f"OVERALL RESULT: {overall}", ""])


def render_markdown(report: Report) -> str:
    """The template of the plan, filled in."""
    troubles = [f"Suite {it.number}: {it.trouble}" for it in report.results if it.trouble]
    found = [f"- {it}" for it in (*troubles, *report.findings)] or ["- None."]
    ready = "Ready to deploy." if report.is_good else "Not ready to deploy: mend what failed and run this again."
    return "\n".join(
        [
            "# Smoke Test Report - Refactored Bot State Management",
            "",
            f"**Date:** {report.date}",
            f"**Environment:** {report.environment}",
            f"**Version:** {report.version}",
            "",
            "## Test Results Summary",
            f"- **Total Tests:** {len(report.results)} suites",
            f"- **Passed:** {report.passed}",
            f"- **Failed:** {len(report.results) - report.passed}",
            "- **Skipped:** 0",
            "",
            "## Key Findings",
            *found,
            "",
            "## Recommendations",
            f"- {ready}",
            "",
        ]
    )


def render_json(report: Report) -> str:
    """For programs."""
    suites = [{**it._asdict(), "seconds": round(it.seconds, 2), "passed": not it.trouble} for it in report.results]
    value = {
        "schema": 1,
        "passed": report.is_good,
        "environment": report.environment,
        "version": report.version,
        "date": report.date,
        "suites": suites,
        "findings": list(report.findings),
    }
    return json.dumps(value, indent=2) + "\n"
