"""Opens the engine that the settings choose."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.errors import EngineError
from botserver_workflows.settings import WorkflowsSettings
from botstate import DatabaseSettings
from botstate.secrets import resolve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botserver_workflows.engine import Engine
    from botstate import AppState, Settings


def check_engine(settings: Settings) -> None:
    """`EngineError` when the database or what is installed does not allow the engine."""
    if settings.part(WorkflowsSettings).engine == "local":
        return
    if not settings.part(DatabaseSettings).url:
        raise EngineError("The engine dbos needs PostgreSQL.", remedy="Set database.url, or workflows.engine to local.")
    if find_spec("dbos") is None:
        raise EngineError(
            "The engine dbos needs the library dbos, which is not installed.",
            remedy="Install botserver-workflows[dbos].",
        )


@asynccontextmanager
async def open_engine(state: AppState) -> AsyncIterator[Engine]:
    """The engine, ready. Raises as `check_engine` does."""
    check_engine(state.settings)
    if state.settings.part(WorkflowsSettings).engine == "local":
        yield LocalEngine()
        return
    from botserver_workflows.engines.dbos import open_dbos

    url = await resolve(state.settings.part(DatabaseSettings).url, state.secrets)
    async with open_dbos(url.reveal()) as engine:
        yield engine
