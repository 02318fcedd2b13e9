"""Opens the workflows of a server: what is installed is stored, and the loops that keep tasks going are started."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_workflows.context import Workflows, Working
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.engines.opening import open_engine
from botserver_workflows.library import load_library
from botserver_workflows.limiting import set_limits
from botserver_workflows.lives import Lives
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.settings import WorkerSettings, WorkflowsSettings
from botserver_workflows.submitting import register_template
from botserver_workflows.unit import Store
from botserver_workflows.worker import WorkerOptions
from botstate import CLOCK, IDS, RANDOMNESS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botserver_workflows.library import Library
    from botserver_workflows.unit import Unit
    from botstate import AppState


@asynccontextmanager
async def open_workflows(state: AppState) -> AsyncIterator[Workflows]:
    """The service as it runs: with its orchestrator, and with workers of its own unless there are to be none.

    `InvalidError` and `TemplateError` when what is installed cannot be run, `EngineError` when the engine cannot.
    """
    settings = state.settings.part(WorkflowsSettings)
    library = load_library(settings.packages, settings.environment)
    clock = state.require(CLOCK)
    limits = {name: it.limit for name, it in settings.namespaces.items()}
    async with open_engine(state) as engine:
        store = Store(state.database, clock, state.require(IDS), engine)
        workflows = Workflows(store, library, Doorbell())
        await store.write("start", lambda unit: _register(unit, library))
        await store.write("start", lambda unit: set_limits(unit, limits))
        loops = Orchestrator(store, clock, workflows.doorbell, settings.keep_days)
        orchestrator = asyncio.create_task(loops.run(), name="orchestrator")
        try:
            async with _working(state, workflows, settings):
                yield workflows
        finally:
            orchestrator.cancel()
            await asyncio.gather(orchestrator, return_exceptions=True)


@asynccontextmanager
async def open_working(state: AppState) -> AsyncIterator[Working]:
    """A process that runs steps and nothing else.

    `InvalidError` names the steps of its namespaces that have no handler here.
    """
    settings, own = state.settings.part(WorkflowsSettings), state.settings.part(WorkerSettings)
    library = load_library(settings.packages, settings.environment)
    namespaces = choose_namespaces(library, own)
    async with open_engine(state) as engine:
        store = Store(state.database, state.require(CLOCK), state.require(IDS), engine)
        await store.write("start", lambda unit: _register(unit, library))
        workflows = Workflows(store, library, Doorbell())
        async with _running(_lives(state, workflows, settings, namespaces, own.slots, own.name)) as lives:
            yield Working(store, library, lives)


def choose_namespaces(library: Library, settings: WorkerSettings) -> tuple[str, ...]:
    """The namespaces of a worker, all of whose handlers are here; else `InvalidError` with those that are not."""
    namespaces = settings.namespaces or library.namespaces
    library.check_handlers(namespaces)
    return namespaces


@asynccontextmanager
async def _working(state: AppState, workflows: Workflows, settings: WorkflowsSettings) -> AsyncIterator[None]:
    if settings.workers == 0:
        yield
        return
    namespaces = workflows.library.namespaces
    workflows.library.check_handlers(namespaces)
    async with _running(_lives(state, workflows, settings, namespaces, settings.workers, "botserver")):
        yield


@asynccontextmanager
async def _running(lives: Lives) -> AsyncIterator[Lives]:
    stop = asyncio.Event()
    working = asyncio.create_task(lives.run(stop), name="worker")
    try:
        yield lives
    finally:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)


def _lives(
    state: AppState,
    workflows: Workflows,
    settings: WorkflowsSettings,
    namespaces: tuple[str, ...],
    slots: int,
    name: str,
) -> Lives:
    options = WorkerOptions(
        name=name, namespaces=namespaces, slots=slots, lease_seconds=settings.lease, drain_seconds=settings.drain
    )
    return Lives(
        workflows.store,
        workflows.library.handlers,
        options,
        state.require(CLOCK),
        state.require(RANDOMNESS),
        workflows.doorbell,
    )


async def _register(unit: Unit, library: Library) -> None:
    for template in library.templates:
        await register_template(unit, template)
