"""What a check found."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["pass", "warn", "fail"]

#: From harmless to harmful.
STATES: tuple[State, ...] = ("pass", "warn", "fail")


class Finding(NamedTuple):
    """`text` says how it is; `next_step` what to do about it, and is "" exactly when the state is "pass".

    "warn" is what works now and may hurt later, "fail" what a server cannot work with.
    """

    name: str
    state: State
    text: str
    next_step: str = ""


def worst(findings: tuple[Finding, ...]) -> State:
    """The state of them all."""
    return max((it.state for it in findings), key=STATES.index, default="pass")
