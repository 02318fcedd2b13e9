"""What the parts of the orchestrator share: the apps of one machine, and what is remembered of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions import tracker as trackers
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.decisions.phases import phase_after_scan
from botserver_containers.errors import StorageError, UnknownAppError
from botserver_containers.manifests.documents import to_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from botlib import Clock, Randomness
    from botserver_containers.decisions.breaker import Attempts
    from botserver_containers.decisions.tracker import History
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.notices import Notices
    from botserver_containers.podman.adapter import Podman
    from botserver_containers.podman.rows import Row
    from botserver_containers.push.board import Board
    from botserver_containers.settings import ContainersSettings
    from botserver_containers.storage.directory import Directory
    from botstate import Secrets

log = logging.getLogger("botserver_containers")

_ENDED = frozenset([ContainerState.EXITED, ContainerState.STOPPED])


@dataclass
class Node:
    """One machine. Everything in it changes only in the event loop; what must survive is on disk before it counts."""

    podman: Podman
    directory: Directory
    settings: ContainersSettings
    clock: Clock
    randomness: Randomness
    secrets: Secrets
    board: Board
    notices: Notices
    is_alive: Callable[[int], bool]
    init: str = ""
    apps: dict[str, App] = field(default_factory=dict)
    user_stopped: set[str] = field(default_factory=set)
    tracker: dict[str, History] = field(default_factory=dict)
    attempts: dict[str, Attempts] = field(default_factory=dict)
    recovered: bool = False
    #: Set whenever the monitor should look again.
    news: asyncio.Event = field(default_factory=asyncio.Event)
    #: Told of every app of which something changed, so that what watches it begins or ends.
    followers: tuple[Callable[[App], None], ...] = ()
    _snapshot: tuple[tuple[str, str], ...] | None = None

    def now(self) -> float:
        """The time of day in unix seconds."""
        return self.clock.now().timestamp()

    def app(self, name: str) -> App:
        """The app, or `UnknownAppError`."""
        try:
            return self.apps[name]
        except KeyError:
            raise UnknownAppError(
                f"No app named {name[:64]!a} is installed.", remedy="package.install installs one."
            ) from None

    def changed(self, app: App) -> None:
        """Let whatever watches the app fit what is known of it now, and let everybody see it."""
        for follow in self.followers:
            follow(app)
        self.show(app)

    def show(self, app: App) -> None:
        """Let everybody see the app as it is now."""
        if self.apps.get(app.name) is app:
            self.board.put(app.entry(), "package-data", app.name)

    def hide(self, name: str) -> None:
        """The app is gone."""
        self.apps.pop(name, None)
        self.board.put(None, "package-data", name)

    async def apply(self, app: App, row: Row | None) -> None:
        """Take over what is known of its container now."""
        app.looks += 1
        app.row = self._with_end(app, row)
        if not app.busy:
            age = self.clock.monotonic() - app.phase_since
            exit_code = row.exit_code if row is not None else 0
            stopped = app.name in self.user_stopped
            phase = phase_after_scan(app.phase, age, app.state, exit_code, user_stopped=stopped)
            app.enter(phase, self.clock.monotonic())
        self.changed(app)
        self.news.set()
        await self.save_snapshot()

    def _with_end(self, app: App, row: Row | None) -> Row | None:
        """The row with the moment of its end: for a while Podman knows none, or that of the run before.

        Without it the wait before a restart would be over at once.
        """
        if row is None or row.started_at is None or row.state not in _ENDED:
            return row
        if row.down_since is not None and row.down_since >= row.started_at:
            return row
        known = app.row.down_since if app.row is not None and app.row.state in _ENDED else None
        return row._replace(down_since=self.now() if known is None else known)

    async def look(self, app: App) -> None:
        """Ask Podman for its container."""
        await self.apply(app, await self.podman.container(app.name))

    async def mark_user_stopped(self, name: str) -> None:
        """To be on disk before the stop begins."""
        if name not in self.user_stopped:
            self.user_stopped.add(name)
            try:
                await self.directory.save_user_stopped(self.user_stopped)
            except StorageError:
                self.user_stopped.discard(name)
                raise

    async def unmark_user_stopped(self, name: str) -> None:
        """Somebody wants it to run, or to be gone."""
        if name in self.user_stopped:
            self.user_stopped.discard(name)
            try:
                await self.directory.save_user_stopped(self.user_stopped)
            except StorageError:
                self.user_stopped.add(name)
                raise

    async def set_tracker(self, tracker: dict[str, History]) -> None:
        """Take over a tracker; on disk first."""
        if tracker != self.tracker:
            await self.directory.save_tracker(tracker)
            self.tracker = tracker

    async def forgive(self, *names: str) -> None:
        """Their restarts and recreations are forgotten."""
        for name in names:
            self.attempts.pop(name, None)
        await self.set_tracker(trackers.forget(self.tracker, names))

    async def save_record(self, app: App, stage: str, **more: Any) -> None:
        """Note how far the app came: "installing", "updating", "installed" or "removing"."""
        document = to_document(app.manifest)
        record = {"manifest": document, "stage": stage, "fingerprint": app.fingerprint, **more}
        await self.directory.save_record(app.name, record)

    async def save_snapshot(self) -> None:
        """Which apps run now, for a recovery after a crash. Written when it changes, and tried again when it failed."""
        running = tuple(
            (name, app.row.image)
            for name, app in sorted(self.apps.items())
            if app.row is not None and app.state is ContainerState.RUNNING
        )
        if running != self._snapshot and self.recovered:
            self._snapshot = running
            try:
                await self.directory.save_snapshot(self.now(), running)
            except StorageError as error:
                self._snapshot = None
                log.warning("which apps run was not written down: %s", error)
