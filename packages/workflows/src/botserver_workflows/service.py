"""The manifest: what this service offers, what it needs, and which paths are its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_workflows.context import WORKFLOWS, Workflows
from botserver_workflows.failures import ERRORS
from botserver_workflows.settings import LONGEST_DRAIN, WorkflowsSettings
from botstate import CLOCK, DATABASE, IDS, RANDOMNESS, SECRETS, SETTINGS, Migrations, Provider, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import APIRouter
    from sqlalchemy import MetaData

    from botstate import AppState


@asynccontextmanager
async def _open(state: AppState) -> AsyncIterator[Workflows]:
    from botserver_workflows.opening import open_workflows  # SQLAlchemy and YAML are loaded by who runs them

    async with open_workflows(state) as workflows:
        yield workflows


def _create_router(state: AppState) -> APIRouter:
    from botserver_workflows.router import create_router

    return create_router(state)


def _tables() -> MetaData:
    from botserver_workflows.tables import metadata

    return metadata


service = Service(
    name="workflows",
    summary="Runs tasks made of steps, whatever happens to their workers.",
    create_router=_create_router,
    paths=("/v1/tasks", "/v1/dlq", "/v1/handlers", "/v1/workers", "/v1/analytics", "/workflows"),
    page="/workflows/",
    settings=WorkflowsSettings,
    provides=(Provider(WORKFLOWS, _open, time_limit=LONGEST_DRAIN + 30),),
    requires=(SETTINGS, SECRETS, CLOCK, IDS, RANDOMNESS, DATABASE),
    migrations=Migrations("botserver_workflows", _tables),
    errors=ERRORS,
)
