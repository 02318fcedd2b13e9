"""`doctor`: what would go wrong on this machine, each with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver.commands._options import add_json_option, add_source_options, read_options

if TYPE_CHECKING:
    import argparse

    from botlib.terminal import Terminal
    from botserver.doctor.finding import Finding

_STYLES = {"pass": "good", "warn": "doubtful", "fail": "bad"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    add_json_option(parser)
    add_source_options(parser)


def run(options: argparse.Namespace) -> int:
    """Look, print, and return 1 when something failed; warnings alone are no failure."""
    import logging

    from botserver.discovery import discover
    from botserver.doctor import examine
    from botserver.doctor.finding import worst
    from botserver.terminal import print_json, read_terminal

    logging.getLogger().addHandler(logging.NullHandler())  # what a backend logs is told as a finding
    discovery = discover()
    findings = examine(discovery, lambda: read_options(options, discovery))
    state = worst(findings)
    if options.json:
        print_json({"schema": 1, "state": state, "checks": [it._asdict() for it in findings]})
    else:
        print(_render(findings, read_terminal()), end="")
    return 1 if state == "fail" else 0


def _render(findings: tuple[Finding, ...], terminal: Terminal) -> str:
    from botlib.terminal import clean

    width = max(len(it.name) for it in findings)
    lines: list[str] = []
    for it in findings:
        indent = " " * (width + 8)
        first, *others = clean(it.text).split("\n")
        lines.append(f"{terminal.paint(it.state, _STYLES[it.state])}  {it.name.ljust(width)}  {first}")
        lines += [f"{indent}{line}" for line in others]
        if it.next_step:
            lines.append(f"{indent}{clean(it.next_step)}")
    return "".join(f"{line}\n" for line in lines)
