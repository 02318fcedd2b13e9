"""What the result of a decision step says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_workflows.errors import WorkflowError

if TYPE_CHECKING:
    from botserver_workflows.template import Template


class DecisionError(WorkflowError):
    """The result of a decision step does not say what to do."""

    code = "workflows-decision"


def read_decision(template: Template, name: str, value: Any) -> tuple[str, ...]:
    """The children that the result names: {"type": "no_branches"}, or {"type": "create_steps", "step_names": […]}.

    `DecisionError` when it has another form, or names a step that is no child of this one.
    """
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "no_branches":
        return ()
    names = value.get("step_names") if kind == "create_steps" else None
    if not isinstance(names, list) or not all(isinstance(it, str) for it in names):
        raise DecisionError(
            f"{name} decided nothing.",
            remedy='Return {"type": "no_branches"} or {"type": "create_steps", "step_names": ["…"]}.',
        )
    children = [step.name for step in template.steps if name in step.parents]
    strangers = [it for it in names if it not in children]
    if strangers:
        raise DecisionError(
            f"{name} named {', '.join(strangers)}, which does not wait for it.",
            remedy=f"It may name {', '.join(children) or 'nothing'}.",
        )
    return tuple(dict.fromkeys(names))
