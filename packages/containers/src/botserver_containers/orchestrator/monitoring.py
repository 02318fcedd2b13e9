"""The monitor: looks, lets the decision be made, and begins what was decided."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botserver_containers.decisions import tracker as trackers
from botserver_containers.decisions.dependencies import dependents
from botserver_containers.decisions.monitor import Notify, Restart, Skip, decide
from botserver_containers.decisions.phases import Phase
from botserver_containers.decisions.tiers import tier_of
from botserver_containers.orchestrator import jobs, lifecycle
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.timing import wait_for_event

if TYPE_CHECKING:
    from botserver_containers.decisions.monitor import Action
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node


async def monitor(node: Node) -> None:
    """Run until cancelled: at every piece of news, at the moment a restart is due, and now and then anyway."""
    was_up: set[str] | None = None
    while True:
        node.news.clear()
        was_up = await _forgive_dependents(node, was_up)
        due = await look_once(node)
        await wait_for_event(node.clock, node.news, min(node.settings.monitor_interval, max(due - node.now(), 0.001)))


async def look_once(node: Node) -> float:
    """One pass. Gives the moment when the next restart is due, in unix seconds, or one far away."""
    up = {app.name for app in node.apps.values() if app.observe().up}
    await node.set_tracker(trackers.observe(node.tracker, up, node.now()))
    # Writing took a while: what is decided on is seen after it, and at one moment.
    now = node.now()
    actions = decide([app.observe() for app in node.apps.values()], node.tracker, node.user_stopped, now)
    await _take(node, actions)
    return min((it.until for it in actions if isinstance(it, Skip) and it.until is not None), default=now + 1e9)


async def _take(node: Node, actions: list[Action]) -> None:
    for action in actions:
        if isinstance(action, Notify):
            await _give_up(node, action)
    restarts = [action for action in actions if isinstance(action, Restart)]
    # A tier begins once the restarts of lower ones are over; the end of each is news, so the next pass comes at once.
    busy = [tier_of(app.name) for app in node.apps.values() if app.busy and app.phase is Phase.RESTARTING]
    lowest = min([*busy, *(tier_of(action.name) for action in restarts)], default=None)
    for action in restarts:
        if tier_of(action.name) == lowest:
            await _restart(node, action)


async def _restart(node: Node, action: Restart) -> None:
    app = node.apps.get(action.name)
    if app is None:
        return
    await node.set_tracker(trackers.record_attempt(node.tracker, app.name, node.now()))
    # Somebody may have stopped or taken it while that was written.
    if app.busy or app.name in node.user_stopped or node.apps.get(app.name) is not app:
        return
    log.warning("%s: restart %d: %s", app.name, action.attempt, action.reason)
    app.restarts += 1
    work = partial(_restart_and_tell, node, app, action)
    jobs.begin(node, app, Phase.RESTARTING, work, limit=lifecycle.longest(app))


async def _restart_and_tell(node: Node, app: App, action: Restart) -> None:
    await lifecycle.restart(node, app)
    await node.notices.add(
        "warning", f"{app.manifest.title} was restarted", f"It was down: {action.reason}.", app.name, "restarted"
    )


async def _give_up(node: Node, action: Notify) -> None:
    await node.set_tracker(trackers.record_told(node.tracker, action.name))
    text = f"It went down again ({action.reason}) and is not restarted any more. Start it once the cause is mended."
    log.error("%s is given up: %s", action.name, action.reason)
    await node.notices.add("error", f"{action.name} is given up", text, action.name, "given-up")


async def _forgive_dependents(node: Node, was_up: set[str] | None) -> set[str]:
    """Whoever waited for an app that came back starts to count anew. Gives the names that are up now."""
    up = {app.name for app in node.apps.values() if app.observe().up}
    needs = {app.name: app.manifest.dependencies for app in node.apps.values()}
    back = up - was_up if was_up is not None else ()
    waiting = {name for came in back for name in dependents(came, needs) if name in node.tracker and name not in up}
    if waiting:
        await node.forgive(*waiting)
    return up
