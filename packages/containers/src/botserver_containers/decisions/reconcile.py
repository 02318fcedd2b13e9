"""What should be against what is: (desired, actual) -> plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botserver_containers.decisions.breaker import is_open
from botserver_containers.decisions.observation import ContainerState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from botserver_containers.decisions.breaker import Attempts


class Desired(NamedTuple):
    """An installed app. `fingerprint` tells apart any two ways of creating its container."""

    name: str
    fingerprint: str
    busy: bool = False


class Actual(NamedTuple):
    """A container of ours. `alive` is whether its process lives, as far as the machine can tell."""

    name: str
    state: ContainerState
    fingerprint: str
    alive: bool = True


class Step(NamedTuple):
    """What to do with one name, and why: "create", "recreate", "remove", "leave" or "report"."""

    name: str
    verb: str
    reason: str


def reconcile(
    desired: Iterable[Desired],
    actual: Iterable[Actual],
    user_stopped: Collection[str],
    attempts: Mapping[str, Attempts],
    now: float,
) -> list[Step]:
    """The steps that bring what is to what should be, sorted by name. A user-stopped app is never created or touched.

    Containers that carry our mark and belong to no installed app are removed: nobody else can.
    """
    wanted = {it.name: it for it in desired}
    there = {it.name: it for it in actual}
    strays = [Step(name, "remove", "it belongs to no installed app") for name in there if name not in wanted]
    steps = [_step(it, there.get(name), user_stopped, attempts.get(name, ()), now) for name, it in wanted.items()]
    return sorted([*strays, *steps])


def _step(wanted: Desired, there: Actual | None, user_stopped: Collection[str], attempts: Attempts, now: float) -> Step:
    if wanted.busy:
        return Step(wanted.name, "leave", "a job is at work")
    if wanted.name in user_stopped:
        return Step(wanted.name, "leave", "stopped by the user")
    verb, reason = _compare(wanted, there)
    if verb != "leave" and is_open(attempts, now):
        return Step(wanted.name, "report", f"{reason}, but it was made anew too often")
    return Step(wanted.name, verb, reason)


def _compare(wanted: Desired, there: Actual | None) -> tuple[str, str]:
    if there is None:
        return "create", "its container is gone"
    if there.state is ContainerState.RUNNING and not there.alive:
        return "recreate", "it is called running, but its process is dead"
    if there.fingerprint != wanted.fingerprint:
        return "recreate", "it was created in another way than its manifest asks for"
    return "leave", "it is as it should be"
