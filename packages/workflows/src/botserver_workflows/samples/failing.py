"""Steps that fail when the input asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_workflows.handlers import StepError, handler

if TYPE_CHECKING:
    from botserver_workflows.handlers import Step


@handler("failing.succeed")
def succeed(_step: Step) -> str:
    """Always well."""
    return "well"


@handler("failing.fail_for_good")
def fail_for_good(step: Step) -> str:
    """Fails in a way that no other attempt mends."""
    if step.context.get("fail") == "permanent":
        raise StepError("This never works.", "PERMANENT_ERROR", retryable=False)
    return "well"


@handler("failing.fail_again")
def fail_again(step: Step) -> str:
    """Fails in a way that another attempt might mend, and does not."""
    if step.context.get("fail") == "retryable":
        raise StepError("This did not work.", "RETRYABLE_ERROR")
    return "well"


@handler("failing.fail_always")
def fail_always(_step: Step) -> str:
    """Fails, and another attempt might mend it."""
    raise StepError("This did not work.", "RETRYABLE_ERROR")


@handler("failing.refuse_always")
def refuse_always(_step: Step) -> str:
    """Fails for good."""
    raise StepError("This never works.", "PERMANENT_ERROR", retryable=False)
