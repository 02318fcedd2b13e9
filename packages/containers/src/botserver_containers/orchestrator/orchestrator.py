"""The orchestrator: what can be asked of it. Everything that takes time is a job; the answer does not wait for it."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import BotError, UnavailableError
from botserver_containers.decisions.phases import Phase
from botserver_containers.errors import WrongStateError
from botserver_containers.orchestrator import installing, jobs, lifecycle, requests
from botserver_containers.orchestrator.app import App
from botserver_containers.orchestrator.checking import Checks
from botserver_containers.orchestrator.lives import Lives
from botserver_containers.orchestrator.monitoring import monitor
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.reconciling import reconcile_forever, reconcile_once
from botserver_containers.orchestrator.recovering import load, recover
from botserver_containers.orchestrator.timing import stop
from botserver_containers.orchestrator.watching import PAUSE, hear, look_around, scan, watch_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from botserver_containers.decisions.reconcile import Step
    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.orchestrator.jobs import Work
    from botserver_containers.orchestrator.node import Node
    from botserver_containers.storage.directory import Contents

    Loop = partial[Coroutine[Any, Any, None]]


class Orchestrator:
    """The apps of one machine. Every method that begins a job returns its transitional phase at once."""

    def __init__(self, node: Node, keeper: asyncio.Task[None] | None = None) -> None:
        self.node = node
        self.keeper = keeper

    async def install(self, manifest: Manifest) -> Phase:
        """Install an app. What can be known before is checked before, and nothing is created when it is refused."""
        node = self.node
        if manifest.id in node.apps:
            jobs.refuse_when_busy(node.apps[manifest.id])
            raise WrongStateError(f"{manifest.id} is installed.", remedy="package.update puts another version there.")
        requests.refuse_manifest(node, manifest)
        app = App(manifest, Phase.INSTALLING, node.clock.monotonic())
        node.apps[manifest.id] = app
        jobs.begin(
            node, app, Phase.INSTALLING, partial(installing.install, node, app), limit=self._longest_install(app)
        )
        return app.phase

    async def update(self, manifest: Manifest) -> Phase:
        """Replace an installed app by another version of it; the old one comes back when that fails."""
        node, app = self.node, self.node.app(manifest.id)
        async with app.gate:
            await jobs.finish(app)
            jobs.refuse_when_busy(app)
            requests.refuse_manifest(node, manifest)
            app.step, app.percent = "", 0
            work = partial(installing.update, node, app, manifest)
            jobs.begin(node, app, Phase.UPDATING, work, limit=self._longest_install(app))
        return app.phase

    async def start(self, name: str) -> Phase:
        """Start it. It is no longer stopped by the user, and its restarts are forgotten."""
        app = self.node.app(name)
        return await self._run_again(app, Phase.STARTING, partial(lifecycle.start, self.node, app))

    async def restart(self, name: str) -> Phase:
        """Stop it and start it; one that the user stopped runs after this."""
        app = self.node.app(name)
        return await self._run_again(app, Phase.RESTARTING, partial(lifecycle.restart, self.node, app))

    async def stop(self, name: str) -> Phase:
        """Stop it. From now on nothing but a start by a user revives it, whatever happens to this process.

        A stop wins over a start or restart that is under way; an installation has to end first.
        """
        node, app = self.node, self.node.app(name)
        async with app.gate:
            await jobs.finish(app)
            if app.phase not in {Phase.STARTING, Phase.RESTARTING, Phase.STOPPING}:
                jobs.refuse_when_busy(app)
            await node.mark_user_stopped(name)
            if app.busy and app.phase is Phase.STOPPING:
                return app.phase
            await jobs.preempt(app)
            work = partial(lifecycle.stop, node, app)
            jobs.begin(node, app, Phase.STOPPING, work, limit=lifecycle.longest(app))
        return app.phase

    async def uninstall(self, name: str, *, preserve_data: bool = False) -> Phase:
        """Remove it with all that belongs to it; its volumes and generated secrets stay if they are to be preserved."""
        node, app = self.node, self.node.app(name)
        async with app.gate:
            await jobs.finish(app)
            jobs.refuse_when_busy(app)
            requests.refuse_removal(node, app)
            work = partial(lifecycle.uninstall, node, app, preserve_data=preserve_data)
            jobs.begin(node, app, Phase.REMOVING, work, limit=lifecycle.longest(app))
        return app.phase

    async def logs(self, name: str, lines: int) -> str:
        """The last lines of its log."""
        return await self.node.podman.logs(self.node.app(name).name, lines)

    async def reconcile(self) -> list[Step]:
        """Compare what should be with what is, and begin to mend it."""
        return await reconcile_once(self.node)

    async def name_server(self, name: str) -> None:
        """Give this machine a name that people see; it is kept."""
        await self.node.directory.save_server_name(name)
        self.node.board.put(name, "server-info", "name")

    async def wait(self, name: str) -> None:
        """Return when no job is at work on the app. For tests and programs within this process."""
        while (app := self.node.apps.get(name)) is not None and app.job is not None and not app.job.done():
            await asyncio.wait([app.job])

    async def check(self) -> None:
        """Raise when nobody looks after the apps any more."""
        if self.keeper is not None and self.keeper.done():
            raise UnavailableError("The apps are not looked after any more.", remedy="Start the service again.")

    async def _run_again(self, app: App, phase: Phase, work: Work) -> Phase:
        node = self.node
        async with app.gate:
            await jobs.finish(app)
            jobs.refuse_when_busy(app)
            requests.refuse_start(node, app)
            # From here on it is no app that went down: a look or the monitor must not take it for one meanwhile.
            app.enter(phase, node.clock.monotonic())
            try:
                await node.unmark_user_stopped(app.name)
                await node.forgive(app.name)
            except BaseException:
                app.enter(app.settled, node.clock.monotonic())
                raise
            jobs.begin(node, app, phase, work, limit=lifecycle.longest(app))
        return app.phase

    def _longest_install(self, app: App) -> float:
        settings = self.node.settings
        return settings.pull_limit + settings.health_limit + settings.settle + lifecycle.longest(app)


@asynccontextmanager
async def run(node: Node) -> AsyncIterator[Orchestrator]:
    """Recover, watch and keep up the apps of a node until the end; they run on afterwards.

    The directory of the node is held by the caller. Recovery goes on in the background, so that a slow app does not
    keep the others from being seen.
    """
    contents = await load(node)
    await asyncio.to_thread(node.directory.sign_in)
    checks, lives = Checks(node), Lives(node)
    node.followers = (checks.follow, lives.follow)
    look = asyncio.Event()
    keeper = asyncio.create_task(_keep_up(node, contents, look), name="containers")
    try:
        yield Orchestrator(node, keeper)
    finally:
        await stop(keeper)
        for app in list(node.apps.values()):
            await jobs.preempt(app)
        await checks.close()
        await lives.close()
        node.directory.close()
        node.directory.sign_out()


async def _keep_up(node: Node, contents: Contents, look: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_forever(node, partial(hear, node, look)), name="containers: events")
        await _until_done(node, partial(scan, node))
        try:
            await recover(node, contents)
        except Exception:  # noqa: BLE001 - what is in order is looked after all the same
            log.exception("the recovery broke off")
            node.recovered = True
        loops = (partial(look_around, node, look), partial(monitor, node), partial(watch_memory, node))
        for loop in (*loops, partial(reconcile_forever, node)):
            tasks.create_task(_forever(node, loop), name=f"containers: {loop.func.__name__}")


async def _forever(node: Node, loop: Loop) -> None:
    """Run a loop that never ends; one that breaks is written down, and begins anew."""
    while True:
        try:
            await loop()
        except Exception:  # noqa: BLE001 - a loop that breaks must not end the others
            log.exception("something unexpected; this goes on after a pause")
        await node.clock.sleep(PAUSE)


async def _until_done(node: Node, step: Loop) -> None:
    while True:
        try:
            return await step()
        except BotError as error:
            log.warning("not yet: %s", error)
        await node.clock.sleep(PAUSE)


def find_init() -> str:
    """The path of a small init on this machine, or ""."""
    return shutil.which("catatonit") or shutil.which("tini") or ""
