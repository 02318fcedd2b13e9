"""Opens the engine that the settings choose."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.errors import EngineError
from botstate import DatabaseSettings
from botstate.postgres import parse_url
from botstate.secrets import resolve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botserver_workflows.engine import Engine
    from botserver_workflows.settings import WorkflowsSettings
    from botstate import AppState


@asynccontextmanager
async def open_engine(state: AppState, settings: WorkflowsSettings) -> AsyncIterator[Engine]:
    """The engine, ready. `EngineError` when the database or what is installed does not allow it."""
    if settings.engine == "local":
        yield LocalEngine()
        return
    url = await resolve(state.settings.part(DatabaseSettings).url, state.secrets)
    if not url:
        raise EngineError("The engine dbos needs PostgreSQL.", remedy="Set database.url, or workflows.engine to local.")
    try:
        from botserver_workflows.engines.dbos import DbosEngine
    except ModuleNotFoundError as error:
        if error.name != "dbos":
            raise
        raise EngineError(
            "The engine dbos needs the library dbos, which is not installed.",
            remedy="Install botserver-workflows[dbos].",
        ) from None
    engine = DbosEngine(parse_url(url.reveal()).render_as_string(hide_password=False))
    await engine.prepare()
    try:
        yield engine
    finally:
        await engine.close()
