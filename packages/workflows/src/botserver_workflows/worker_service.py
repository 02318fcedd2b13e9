"""The manifest of a process that runs steps and nothing else: `botserver worker`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from botserver_workflows.context import WORKING
from botserver_workflows.failures import ERRORS
from botserver_workflows.service import service as workflows_service
from botserver_workflows.settings import LONGEST_DRAIN, WorkerSettings, WorkflowsSettings
from botstate import CLOCK, DATABASE, IDS, RANDOMNESS, SECRETS, SETTINGS, Provider, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import APIRouter

    from botserver_workflows.context import Working
    from botstate import AppState, Settings


@asynccontextmanager
async def _open(state: AppState) -> AsyncIterator[Working]:
    from botserver_workflows.opening import open_working  # SQLAlchemy and YAML are loaded by who runs them

    async with open_working(state) as working:
        yield working


def _create_router(state: AppState) -> APIRouter:
    from botserver_workflows.routes.working import create_working_router

    return create_working_router(state.require(WORKING))


def check_settings(settings: Settings) -> None:
    """`InvalidError` or `TemplateError` when a worker with these settings could not run all of its steps.

    `EngineError` when it would hear of none.
    """
    from botserver_workflows.engines.opening import check_engine
    from botserver_workflows.library import load_library
    from botserver_workflows.opening import choose_namespaces

    check_engine(settings)
    shared = settings.part(WorkflowsSettings)
    choose_namespaces(load_library(shared.packages, shared.environment), settings.part(WorkerSettings))


#: The tables and the settings of workflows, without what serves them.
tables_service = replace(workflows_service, create_router=None, paths=(), page="", provides=())

worker_service = Service(
    name="worker",
    summary="Runs the steps of tasks.",
    create_router=_create_router,
    paths=("/status", "/handlers", "/templates", "/v1/workers"),
    settings=WorkerSettings,
    provides=(Provider(WORKING, _open, time_limit=LONGEST_DRAIN + 30),),
    requires=(SETTINGS, SECRETS, CLOCK, IDS, RANDOMNESS, DATABASE),
    errors=ERRORS,
)
