"""Steps that multiply what their parents returned, and square the product. Whole numbers of any size are exact."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from botserver_workflows.handlers import Result, StepError, handler

if TYPE_CHECKING:
    from botserver_workflows.handlers import Step


@handler("arithmetic.square_product")
def square_product(step: Step) -> Result:
    """The square of the product of all parents, or of the input where there is no parent."""
    if not step.results:
        factors = [_read_input(step)]
    else:
        factors = [_read_result(name, value) for name, value in step.results.items()]
    operation = {1: "square", 2: "multiply_and_square"}.get(len(factors), "multiply_all_and_square")
    kind = {0: "initial", 1: "single_parent"}.get(len(step.results), "multiple_parent")
    return Result(prod(factors) ** 2, {"operation": operation, "step_type": kind, "input_refs": sorted(step.results)})


def _read_input(step: Step) -> int:
    number = step.context.get("even_number")
    if number is None:
        raise StepError("The input has no even_number.", "MISSING_CONTEXT_FIELD", retryable=False)
    if number % 2:
        raise StepError("Number must be even", "VALIDATION_ERROR", retryable=False)
    return int(number)


def _read_result(name: str, value: object) -> int:
    if value is None:
        raise StepError(f"{name} returned nothing.", "MISSING_DEPENDENCY")
    return int(str(value))
