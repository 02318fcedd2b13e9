"""Brings what is to what should be: what vanished is made anew, what is left over goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.decisions import breaker
from botserver_containers.decisions.phases import Phase
from botserver_containers.decisions.reconcile import Actual, Desired, reconcile
from botserver_containers.decisions.tiers import tier_of
from botserver_containers.orchestrator import jobs, lifecycle
from botserver_containers.orchestrator.node import log
from botserver_containers.podman.arguments import APP_LABEL, FINGERPRINT_LABEL

if TYPE_CHECKING:
    from botserver_containers.decisions.reconcile import Step
    from botserver_containers.orchestrator.node import Node


async def reconcile_forever(node: Node) -> None:
    """Now and then, until cancelled."""
    while True:
        await node.clock.sleep(node.settings.reconcile_interval)
        try:
            await reconcile_once(node)
        except BotError as error:
            log.warning("the reconciliation failed: %s", error)


async def reconcile_once(node: Node) -> list[Step]:
    """Plan, begin what is to be done, and give the plan. What is made anew is made in the background."""
    rows = await node.podman.containers()
    steps = reconcile(
        [Desired(app.name, app.fingerprint, busy=app.busy) for app in node.apps.values()],
        [
            Actual(
                row.name,
                row.state,
                row.labels.get(FINGERPRINT_LABEL, ""),
                alive=row.pid == 0 or node.is_alive(row.pid),
            )
            for row in rows
            if APP_LABEL in row.labels
        ],
        node.user_stopped,
        node.attempts,
        node.now(),
    )
    for step in sorted(steps, key=lambda it: (tier_of(it.name), it.name)):
        await _take(node, step)
    return steps


async def _take(node: Node, step: Step) -> None:
    if step.verb == "remove":
        log.warning("%s is removed: %s", step.name, step.reason)
        await node.podman.remove(step.name, force=True)
    elif step.verb == "report":
        log.error("%s: %s", step.name, step.reason)
        await node.notices.add("error", f"{step.name} cannot be kept up", step.reason, step.name, "given-up")
    elif step.verb in {"create", "recreate"}:
        app = node.apps.get(step.name)
        if app is not None and not app.busy:
            log.warning("%s is made anew: %s", step.name, step.reason)
            node.attempts[step.name] = breaker.record(node.attempts.get(step.name, ()), node.now())
            work = partial(lifecycle.recreate, node, app)
            limit = lifecycle.longest(app) + node.settings.pull_limit
            jobs.begin(node, app, Phase.RESTARTING, work, limit=limit)
