"""All routes of this service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from botserver_workflows.context import WORKFLOWS
from botserver_workflows.routes.analytics import create_analytics_router
from botserver_workflows.routes.letters import create_letters_router
from botserver_workflows.routes.pages import create_pages_router
from botserver_workflows.routes.registry import create_registry_router
from botserver_workflows.routes.steps import create_steps_router
from botserver_workflows.routes.tasks import create_tasks_router
from botserver_workflows.routes.workers import create_workers_router
from botstate import CLOCK

if TYPE_CHECKING:
    from botstate import AppState


def create_router(state: AppState) -> APIRouter:
    """The routes over an opened state. Has no other effect."""
    router = APIRouter()
    workflows = state.require(WORKFLOWS)
    subjects = (create_tasks_router, create_steps_router, create_letters_router, create_registry_router)
    for create in (*subjects, create_analytics_router):
        router.include_router(create(workflows))
    router.include_router(create_workers_router(workflows.store))
    router.include_router(create_pages_router(workflows, state.require(CLOCK)))
    return router
