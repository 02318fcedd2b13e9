"""What happens at start-up: half-done work is finished or undone, and what should run runs again, tier by tier."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import BotError
from botserver_containers.decisions import recovery
from botserver_containers.decisions.dependencies import start_groups
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.decisions.phases import Phase
from botserver_containers.errors import ManifestError
from botserver_containers.manifests.parsing import parse_manifest
from botserver_containers.orchestrator import installing, jobs, lifecycle
from botserver_containers.orchestrator.app import App
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.reconciling import reconcile_once
from botserver_containers.storage import processes

if TYPE_CHECKING:
    from botserver_containers.orchestrator.node import Node
    from botserver_containers.storage.directory import Contents


async def load(node: Node) -> Contents:
    """Take over what the directory holds. Nothing is started yet."""
    contents = node.directory.load(node.clock.now().strftime("%Y%m%dT%H%M%S"))
    node.user_stopped, node.tracker = contents.user_stopped, contents.tracker
    if contents.server_name:
        node.board.put(contents.server_name, "server-info", "name")
    for name, record in contents.records.items():
        try:
            manifest = parse_manifest(record["manifest"])
        except ManifestError as error:
            contents.warnings.append(f"The manifest of {name} cannot be used any more: {error}")
            continue
        app = App(manifest, Phase.STOPPED, node.clock.monotonic(), fingerprint=str(record.get("fingerprint", "")))
        node.apps[name] = app
        node.show(app)
    for warning in contents.warnings:
        log.warning("%s", warning)
        await node.notices.add("warning", "A file was damaged", warning, event="damaged")
    await node.directory.save_tracker(node.tracker)  # so that it is there from the first moment on
    return contents


async def recover(node: Node, contents: Contents) -> None:
    """Bring everything to where it should be. A failure of one app is told, and stops only those that need it."""
    trace = contents.trace
    verdict = recovery.judge(trace, processes.boot_id(), processes.started_at(trace.pid) if trace is not None else None)
    log.info("%s", verdict.reason)
    await _repair(node, contents)
    ran = recovery.to_recover(contents.snapshot, node.apps, node.user_stopped) if verdict.crashed else []
    if verdict.crashed:
        text = f"{verdict.reason} {len(ran)} apps ran."
        await node.notices.add("warning", "The last run ended without a clean stop", text, event="recovery")
    await _stop_marked(node)
    # Those that ran come first within their tier only by name; all others that nobody stopped are to run too.
    wanted = [*ran, *(name for name in sorted(node.apps) if name not in ran and name not in node.user_stopped)]
    failed = await _start_all(node, wanted)
    node.recovered = True
    await node.save_snapshot()
    log.info("recovery is complete: %d apps are to run, %d of them failed", len(wanted), len(failed))
    try:
        await reconcile_once(node)
    except BotError as error:
        log.warning("the reconciliation failed: %s", error)
    node.news.set()


async def _repair(node: Node, contents: Contents) -> None:
    for name, app in list(node.apps.items()):
        record: dict[str, Any] | None = contents.records.get(name)
        if record is None:
            continue  # somebody installs it at this moment
        try:
            if record.get("stage") == "removing":
                await lifecycle.uninstall(node, app, preserve_data=bool(record.get("preserve_data", True)))
            else:
                old = parse_manifest(record["previous"]) if record.get("previous") else None
                if await installing.repair(node, app, record, old):
                    await node.look(app)
        except BotError as error:
            log.error("%s cannot be brought in order: %s", name, error)
            await node.notices.add("error", f"{name} is not in order", str(error), name, "recovery")


async def _stop_marked(node: Node) -> None:
    """A stop that the last run did not come to is made now."""
    for name in sorted(node.user_stopped & node.apps.keys()):
        app = node.apps[name]
        if app.state not in {ContainerState.RUNNING, ContainerState.STOPPING}:
            continue
        log.warning("%s was stopped by the user and runs; it is stopped", name)
        work = partial(lifecycle.stop, node, app)
        jobs.begin(node, app, Phase.STOPPING, work, limit=lifecycle.longest(app))


async def _start_all(node: Node, names: list[str]) -> set[str]:
    """Start them group by group. Gives those that do not run, with those that were not tried because of them."""
    needs = {name: node.apps[name].manifest.dependencies for name in names if name in node.apps}
    failed: set[str] = set()
    for group in start_groups(needs):
        blocked = [name for name in group if failed.intersection(needs[name])]
        for name in blocked:
            node.apps[name].reason = f"It waits for {', '.join(sorted(failed.intersection(needs[name])))}."
        failed.update(blocked)
        started = [name for name in group if name not in blocked]
        results = await asyncio.gather(*(_start_one(node, name) for name in started))
        failed.update(name for name, went_well in zip(started, results, strict=True) if not went_well)
    return failed


async def _start_one(node: Node, name: str) -> bool:
    app = node.apps.get(name)
    if app is None or name in node.user_stopped or app.busy:
        return app is not None and not app.busy
    if app.state is ContainerState.RUNNING:
        return True
    work = partial(lifecycle.start, node, app)
    await jobs.begin(node, app, Phase.STARTING, work, limit=node.settings.start_limit)
    return app.observe().state is ContainerState.RUNNING
