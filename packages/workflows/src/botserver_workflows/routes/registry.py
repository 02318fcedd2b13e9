"""`/v1/handlers`: what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from botserver_workflows.errors import UnknownTemplateError

if TYPE_CHECKING:
    from botserver_workflows.context import Workflows
    from botserver_workflows.template import Template


def create_registry_router(workflows: Workflows) -> APIRouter:
    """The routes of templates."""
    router = APIRouter()
    library = workflows.library

    @router.get("/v1/handlers", summary="The namespaces that have templates")
    async def namespaces() -> list[dict[str, Any]]:
        return [
            {"name": name, "description": None, "handler_count": len(_of(library.templates, name))}
            for name in library.namespaces
        ]

    @router.get("/v1/handlers/{namespace}", summary="The templates of a namespace")
    async def handlers(namespace: str) -> list[dict[str, Any]]:
        found = _of(library.templates, namespace)
        if not found:
            raise UnknownTemplateError(f"There is no template in the namespace {namespace}.")
        return [describe_template(template) for template in found]

    @router.get("/v1/handlers/{namespace}/{name}", summary="One template")
    async def handler(namespace: str, name: str) -> dict[str, Any]:
        for template in reversed(library.templates):
            if (template.namespace, template.name) == (namespace, name):
                return describe_template(template)
        raise UnknownTemplateError(f"Task template not found: {namespace}/{name}")

    return router


def describe_template(template: Template) -> dict[str, Any]:
    """One template as clients read it."""
    return {
        "name": template.name,
        "namespace": template.namespace,
        "version": template.version,
        "description": template.description,
        "step_templates": [step.name for step in template.steps],
        "input_schema": dict(template.input_schema),
    }


def _of(templates: tuple[Template, ...], namespace: str) -> list[Template]:
    return [template for template in templates if template.namespace == namespace]
