"""Templates as they are stored: plain JSON, from which the same value can be made again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botserver_workflows.template import (
    Backoff,
    Lifecycle,
    RetryPolicy,
    StalenessAction,
    StepTemplate,
    StepType,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def dump_template(template: Template) -> dict[str, Any]:
    """The template as JSON."""
    return asdict(template)


def load_template(body: Mapping[str, Any]) -> Template:
    """The template that was dumped."""
    lifecycle = {**body["lifecycle"], "staleness_action": StalenessAction(body["lifecycle"]["staleness_action"])}
    return Template(
        **{**body, "steps": tuple(_load_step(step) for step in body["steps"]), "lifecycle": Lifecycle(**lifecycle)}
    )


def _load_step(body: Mapping[str, Any]) -> StepTemplate:
    retry = {**body["retry"], "backoff": Backoff(body["retry"]["backoff"])}
    return StepTemplate(
        **{
            **body,
            "parents": tuple(body["parents"]),
            "type": StepType(body["type"]),
            "retry": RetryPolicy(**retry),
        }
    )
