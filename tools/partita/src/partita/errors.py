"""What a person is told when a question cannot be answered at all (exit code 2)."""

from __future__ import annotations


class PartitaError(Exception):
    """Usage error or unreadable input. One sentence a problem, each naming what, where and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MissingExtraError(PartitaError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an optional dependency: pip install 'partita[{extra}]'")
