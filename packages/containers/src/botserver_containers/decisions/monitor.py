"""What the monitor does next: (containers, tracker, user_stopped, now) -> actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botserver_containers.decisions.backoff import MAX_RESTARTS, restart_due
from botserver_containers.decisions.labels import describe_end
from botserver_containers.decisions.observation import ContainerState, Health
from botserver_containers.decisions.tiers import tier_of
from botserver_containers.decisions.tracker import NEW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from botserver_containers.decisions.observation import Observation
    from botserver_containers.decisions.tracker import History, Tracker


class Restart(NamedTuple):
    """Restart it now, as the attempt of this number; `reason` says why."""

    name: str
    attempt: int
    reason: str


class Notify(NamedTuple):
    """Tell, once, that it is given up."""

    name: str
    reason: str


class Skip(NamedTuple):
    """Leave it alone. `until` is when to look again at the latest, in unix seconds, if that is known."""

    name: str
    reason: str
    until: float | None = None


Action = Restart | Notify | Skip


def decide(
    containers: Iterable[Observation], tracker: Tracker, user_stopped: Collection[str], now: float
) -> list[Action]:
    """One action for every app, in the order in which they are to be taken: by tier, then by name.

    Whoever waits for what it depends on is skipped, and no attempt is counted.
    """
    seen = {it.name: it for it in containers}
    up = {it.name for it in seen.values() if it.up}
    ordered = sorted(seen.values(), key=lambda it: (tier_of(it.name), it.name))
    return [_decide_one(it, tracker.get(it.name, NEW), up, user_stopped, now) for it in ordered]


def _decide_one(it: Observation, history: History, up: set[str], user_stopped: Collection[str], now: float) -> Action:
    if it.name in user_stopped:
        return Skip(it.name, "stopped by the user")
    if it.busy:
        return Skip(it.name, "a job is at work")
    if it.up:
        return Skip(it.name, "starting" if it.health is Health.STARTING else "up")
    if it.state is ContainerState.PAUSED:
        return Skip(it.name, "paused")
    if missing := [name for name in it.depends_on if name not in up]:
        return Skip(it.name, f"waits for {', '.join(missing)}")
    reason = "unhealthy" if it.state is ContainerState.RUNNING else describe_end(it.state, it.exit_code)
    if history.attempts >= MAX_RESTARTS:
        return Skip(it.name, "given up") if history.told else Notify(it.name, reason)
    due = restart_due(history.attempts, it.down_since, history.last_attempt, now)
    if due > now:
        return Skip(it.name, f"{reason}; restart {history.attempts + 1} of {MAX_RESTARTS} is due", due)
    return Restart(it.name, history.attempts + 1, reason)
