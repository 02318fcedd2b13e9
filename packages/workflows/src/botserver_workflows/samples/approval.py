"""An approval: small amounts pass, larger ones need a manager, the largest ones also somebody from finance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_workflows.handlers import handler

if TYPE_CHECKING:
    from botserver_workflows.handlers import Step

_MANAGER_FROM, _FINANCE_FROM = 1_000, 5_000


@handler("approval.validate")
def validate(step: Step) -> dict[str, Any]:
    """The amount, as a number."""
    return {"amount": step.context["amount"], "valid": True}


@handler("approval.route")
def route(step: Step) -> dict[str, Any]:
    """The steps that this amount needs."""
    amount = step.context["amount"]
    if amount < _MANAGER_FROM:
        names = ["auto_approve"]
    elif amount < _FINANCE_FROM:
        names = ["manager_approval"]
    else:
        names = ["manager_approval", "finance_review"]
    return {"type": "create_steps", "step_names": names}


@handler("approval.agree")
def agree(step: Step) -> dict[str, Any]:
    """Whoever is asked agrees."""
    return {"approved": True, "by": step.name}


@handler("approval.finish")
def finish(step: Step) -> dict[str, Any]:
    """Approved when everybody who was asked has agreed."""
    return {"approved": all(it["approved"] for it in step.results.values()), "steps": sorted(step.results)}
