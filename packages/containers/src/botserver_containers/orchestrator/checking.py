"""The scheduler of health checks: one task for each app that runs and has a check. No timers of systemd, no Podman."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from botserver_containers.decisions.checks import Streak, add_result, next_tick
from botserver_containers.decisions.observation import ContainerState, Health
from botserver_containers.decisions.phases import Phase
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.probes import probe
from botserver_containers.orchestrator.timing import stop, within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botserver_containers.manifests.manifest import HealthCheck
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node

    Probe = Callable[[], Awaitable[bool]]

#: Phases in which nobody asks: it is on its way down.
_SILENT = frozenset([Phase.STOPPING, Phase.REMOVING, Phase.RESTARTING])


class Checks:
    """Begins and ends the checks of apps as they come and go. No check of an app overlaps another one of it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tasks: dict[str, tuple[object, asyncio.Task[None]]] = {}

    def follow(self, app: App) -> None:
        """Let the checks of an app fit what is known of it now."""
        wanted = self._run_of(app)
        current = self._tasks.get(app.name)
        if current is not None and current[0] == wanted and not current[1].done():
            return
        if current is not None:
            current[1].cancel()
            del self._tasks[app.name]
        if wanted is None:
            app.health, app.unhealthy_since = Health.UNKNOWN, None
            return
        check = app.manifest.health_check
        assert check is not None, "only an app with a check has a run of checks"
        app.health, app.unhealthy_since = Health.STARTING, None
        task = asyncio.create_task(self._check(app, check), name=f"checks of {app.name}")
        self._tasks[app.name] = (wanted, task)

    async def close(self) -> None:
        """End all of them."""
        for _, task in self._tasks.values():
            await stop(task)

    def _run_of(self, app: App) -> object:
        """What the checks belong to: a container, since one of its starts. None when there is nothing to ask."""
        row = app.row
        gone = self._node.apps.get(app.name) is not app
        if gone or row is None or row.state is not ContainerState.RUNNING or app.phase in _SILENT:
            return None
        return (row.id, row.started_at, app.manifest.health_check) if app.manifest.health_check is not None else None

    async def _check(self, app: App, check: HealthCheck) -> None:
        node = self._node
        began, streak = node.clock.monotonic(), Streak()
        while True:
            passed = await ask(node, app, check)
            before, streak = streak, add_result(streak, passed=passed, retries=check.retries)
            if streak.health is not before.health:
                log.info("%s is %s", app.name, streak.health)
                app.health = streak.health
                app.unhealthy_since = node.now() if streak.health is Health.UNHEALTHY else None
                node.show(app)
                node.news.set()
            now = node.clock.monotonic()
            await node.clock.sleep(max(next_tick(began, check.interval, now) - now, 0.001))


async def ask(node: Node, app: App, check: HealthCheck) -> bool:
    """One check, in its time. Whatever goes wrong with it is a failure of the app, never of the scheduler."""
    try:
        return await within(node.clock, check.timeout, partial(probe, node.podman, app.name, check)())
    except TimeoutError:
        return False
    except Exception:  # noqa: BLE001 - a check that breaks must not end the checks
        log.warning("the check of %s failed unexpectedly", app.name, exc_info=True)
        return False
