"""The smoke test of a running orchestrator: a real app through its whole life. JSON out; it removes what it made."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botlib import BotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botserver_containers.client import Client

#: Seconds that all steps together may take.
LIMIT = 300.0
APP = "filebrowser"


class Place(Protocol):
    """Where the orchestrator runs: its files and its log."""

    def read_file(self, name: str) -> str:
        """The content of a file of its data directory; `OSError` when it is not there."""
        ...

    def read_log(self) -> str:
        """What it logged since the smoke test began."""
        ...


@dataclass
class Smoke:
    """One run: whom it calls, and what it installs."""

    client: Client
    place: Place
    image: str
    deadline: float
    app: str = APP
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds until all has to be over."""
        return max(self.deadline - time.monotonic(), 0.0)


def list_apps(smoke: Smoke) -> str:
    """The list answers."""
    return f"{len(smoke.client.call('container.list')['containers'])} apps"


def install(smoke: Smoke) -> str:
    """It runs after it was installed."""
    smoke.client.call("package.install", id=smoke.app, dockerImage=smoke.image)
    return smoke.client.wait(smoke.app, ("running",), smoke.left)


def stop(smoke: Smoke) -> str:
    """It is stopped, and stays so."""
    smoke.client.call("package.stop", id=smoke.app)
    return smoke.client.wait(smoke.app, ("stopped", "exited"), smoke.left)


def start(smoke: Smoke) -> str:
    """It runs again."""
    smoke.client.call("package.start", id=smoke.app)
    return smoke.client.wait(smoke.app, ("running",), smoke.left)


def restart(smoke: Smoke) -> str:
    """It runs after a restart."""
    smoke.client.call("package.restart", id=smoke.app)
    return smoke.client.wait(smoke.app, ("running",), smoke.left)


def health(smoke: Smoke) -> str:
    """It is known, and nothing speaks against it."""
    if not smoke.client.call("container.health", id=smoke.app)["healthy"]:
        raise AssertionError(f"{smoke.app} is not healthy")
    return str(smoke.client.call("container.health")[smoke.app])


def tracker(smoke: Smoke) -> str:
    """The tracker of restarts is on disk, and is JSON."""
    document = json.loads(smoke.place.read_file("restart-tracker.json"))
    return f"{len(document)} entries"


def reconciliation(smoke: Smoke) -> str:
    """What is is what should be."""
    steps = smoke.client.call("container.reconcile")["steps"]
    wrong = [step for step in steps if step["verb"] != "leave"]
    if wrong:
        raise AssertionError(f"there is something to mend: {wrong}")
    return f"{len(steps)} apps as they should be"


def log_is_clean(smoke: Smoke) -> str:
    """No error was logged. Levels count, not words: a warning may well say that something failed and is tried again."""
    lines = smoke.place.read_log().splitlines()
    errors = [line for line in lines if line.startswith(("ERROR", "CRITICAL", "Traceback"))]
    if errors:
        raise AssertionError(f"errors were logged: {errors[:3]}")
    return f"{len(lines)} lines"


def uninstall(smoke: Smoke) -> str:
    """It is gone."""
    smoke.client.call("package.uninstall", id=smoke.app)
    return smoke.client.wait(smoke.app, ("gone",), smoke.left)


#: What the loop of a developer runs.
LOOP_STEPS = (list_apps, install, stop, start, health, tracker, log_is_clean, uninstall)
#: What CI runs.
CI_STEPS = (install, start, stop, restart, health, tracker, reconciliation, uninstall)


def run_smoke(
    client: Client, place: Place, image: str, steps: tuple[Callable[[Smoke], str], ...] = CI_STEPS, *, app: str = APP
) -> dict[str, Any]:
    """Run the steps in order and give the report. After one that fails only the removal is tried.

    An app of the same name that is there already is not ours: then nothing is done, and the report says so.
    """
    began = time.monotonic()
    smoke = Smoke(client, place, image, began + LIMIT, app)
    try:
        strange = client.entry(app) is not None
    except (BotError, OSError) as error:
        return _report(smoke, steps, began, str(error))
    if strange:
        return _report(smoke, steps, began, f"An app named {app} is installed already; it is left alone.")
    try:
        for step in steps:
            if not _run(smoke, step):
                break
    finally:
        _clean(client, app)
    return _report(smoke, steps, began, "")


def _run(smoke: Smoke, step: Callable[[Smoke], str]) -> bool:
    began, passed = time.monotonic(), True
    try:
        if not smoke.left:
            raise TimeoutError(f"{LIMIT:g} seconds are over")
        detail = step(smoke)
    except (AssertionError, BotError, OSError, ValueError) as error:
        passed, detail = False, str(error)
    seconds = round(time.monotonic() - began, 3)
    smoke.results.append({"name": step.__name__, "passed": passed, "seconds": seconds, "detail": detail})
    return passed


def _clean(client: Client, app: str) -> None:
    """Remove what a step that failed left."""
    with suppress(BotError, OSError):
        deadline = time.monotonic() + 60
        while (entry := client.entry(app)) is not None and time.monotonic() < deadline:
            if entry["state"] in {"running", "stopped", "exited"}:
                client.call("package.uninstall", id=app)
            time.sleep(0.2)


def _report(smoke: Smoke, steps: tuple[Any, ...], began: float, trouble: str) -> dict[str, Any]:
    passed = not trouble and len(smoke.results) == len(steps) and all(it["passed"] for it in smoke.results)
    return {
        "schema": 1,
        "passed": passed,
        "seconds": round(time.monotonic() - began, 3),
        "trouble": trouble,
        "steps": smoke.results,
    }
