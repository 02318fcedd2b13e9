from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from botserver_workflows.attempt import Claim, Failure, Success
from botserver_workflows.executing import execute
from botserver_workflows.library import Library, load_library
from botserver_workflows.template import Template
from botserver_workflows.testing import ARITHMETIC, BROKEN_ORDERS, ORDER, powers_of

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(["botserver_workflows.samples"])


async def run(library: Library, namespace: str, context: dict[str, Any]) -> dict[str, Any]:
    """Each step after its parents, without tables: name -> value, or the code of the first failure."""
    (template,) = (it for it in library.templates if it.namespace == namespace)
    values: dict[str, Any] = {}
    for step in template.steps:
        outcome = await attempt(library, template, step.name, context, {it: values[it] for it in step.parents})
        if isinstance(outcome, Failure):
            return {"failed": step.name, "code": outcome.code, "retryable": outcome.retryable}
        values[step.name] = outcome.value
    return values


async def attempt(
    library: Library, template: Template, name: str, context: dict[str, Any], results: dict[str, Any]
) -> Success | Failure:
    step, nobody = template.by_name[name], UUID(int=7)
    claim = Claim(
        nobody, nobody, nobody, template.namespace, name, step.handler, 1, nobody, 1, 0, 5, NOW, context, results
    )
    return await execute(claim, library.handlers[step.handler], step.initialization)


def test_every_step_has_its_handler(library: Library) -> None:
    library.check_handlers(library.namespaces)
    assert library.namespaces == (
        "conditional_approval",
        "diamond_workflow",
        "linear_workflow",
        "mixed_dag_workflow",
        "order_fulfillment",
        "test_errors",
        "tree_workflow",
    )


@pytest.mark.parametrize("number", [2, 4, 6, 8, 10, 16, 100])
@pytest.mark.parametrize(("namespace", "_name", "powers"), ARITHMETIC)
async def test_arithmetic_is_exact(
    library: Library, namespace: str, _name: str, powers: dict[str, int], number: int
) -> None:
    assert await run(library, namespace, {"even_number": number}) == powers_of(number, powers)


@pytest.mark.parametrize(("context", "code"), [({"even_number": 7}, "VALIDATION_ERROR"), ({}, "MISSING_CONTEXT_FIELD")])
async def test_a_number_that_is_odd_or_missing_fails_for_good(
    library: Library, context: dict[str, Any], code: str
) -> None:
    failed = {"failed": "linear_step_1", "code": code, "retryable": False}
    assert await run(library, "linear_workflow", context) == failed


async def test_an_order_is_fulfilled(library: Library) -> None:
    values = await run(library, "order_fulfillment", ORDER)
    assert values["validate_order"]["order_total"] == 209.97
    assert values["reserve_inventory"]["reservation_status"] == "confirmed"
    assert values["process_payment"]["amount_charged"] == 209.97
    assert values["process_payment"]["gateway_response"]["fee"] == 6.09
    assert values["process_payment"]["transaction_id"].startswith("TXN-")
    assert (values["ship_order"]["shipping_status"], values["ship_order"]["carrier"]) == ("label_created", "UPS")


@pytest.mark.parametrize(("change", "step", "code"), BROKEN_ORDERS)
async def test_an_order_that_breaks_a_rule_fails_for_good(
    library: Library, change: dict[str, Any], step: str, code: str
) -> None:
    expected = {"failed": step, "code": code, "retryable": False}
    assert await run(library, "order_fulfillment", {**ORDER, **change}) == expected
