"""How often each app was restarted, and since when it is up. In unix seconds, which survive a reboot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botserver_containers.decisions.backoff import STABLE_AFTER

if TYPE_CHECKING:
    from collections.abc import Collection


class History(NamedTuple):
    """The restarts of one app. `told` is whether somebody was told that there will be no more of them."""

    attempts: int = 0
    last_attempt: float | None = None
    stable_since: float | None = None
    told: bool = False


Tracker = Mapping[str, History]

NEW = History()


def observe(tracker: Tracker, up: Collection[str], now: float) -> dict[str, History]:
    """The tracker after a look at the apps: whoever is up long enough is forgiven, whoever is down starts anew.

    An app that is up since a moment in the future is up since now: the clock was set back.
    """
    seen: dict[str, History] = {}
    for name, history in tracker.items():
        if name not in up:
            seen[name] = history._replace(stable_since=None)
            continue
        since = history.stable_since
        if since is None or since > now:
            seen[name] = history._replace(stable_since=now)
        elif now - since < STABLE_AFTER:
            seen[name] = history
    return seen


def record_attempt(tracker: Tracker, name: str, now: float) -> dict[str, History]:
    """One more restart. To be on disk before the restart begins, so that a crash does not make it forgotten."""
    history = tracker.get(name, NEW)
    return {**tracker, name: history._replace(attempts=history.attempts + 1, last_attempt=now, stable_since=None)}


def record_told(tracker: Tracker, name: str) -> dict[str, History]:
    """Somebody was told that this one is given up."""
    return {**tracker, name: tracker.get(name, NEW)._replace(told=True)}


def forget(tracker: Tracker, names: Collection[str]) -> dict[str, History]:
    """The tracker without these: a person started them, or what they depend on came back."""
    return {name: history for name, history in tracker.items() if name not in names}


def to_document(tracker: Tracker) -> dict[str, Any]:
    """The content of restart-tracker.json."""
    return {name: history._asdict() for name, history in sorted(tracker.items())}


def from_document(document: object) -> dict[str, History]:
    """The tracker of such a content. `ValueError` when any of it is not what `to_document` writes."""
    if not isinstance(document, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - one kind of error for whatever is wrong with a file
    return {name: _history(name, entry) for name, entry in document.items()}


def _history(name: str, entry: object) -> History:
    if not isinstance(entry, dict):
        raise ValueError(f"{name!a} is no object")  # noqa: TRY004 - as above
    attempts, told = entry.get("attempts"), entry.get("told", False)
    moments = [entry.get("last_attempt"), entry.get("stable_since")]
    if type(attempts) is not int or attempts < 0 or type(told) is not bool:
        raise ValueError(f"{name!a} has no count of attempts")
    if not all(moment is None or _is_moment(moment) for moment in moments):
        raise ValueError(f"{name!a} has a moment that is none")
    return History(attempts, moments[0], moments[1], told)


def _is_moment(value: object) -> bool:
    return type(value) in {int, float} and abs(value) < 1e15  # type: ignore[arg-type]  # a number by now
