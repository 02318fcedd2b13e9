from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from botserver_workflows.attempt import Claim, Failure, Success
from botserver_workflows.executing import execute
from botserver_workflows.library import Library, load_library
from botserver_workflows.template import Template

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ORDER: dict[str, Any] = {
    "customer": {"id": 12345, "name": "Anna", "email": "anna@example.org"},
    "items": [
        {"sku": "WIDGET-001", "quantity": 2, "price": 29.99},
        {"sku": "GADGET-002", "quantity": 1, "price": 149.99},
    ],
    "payment": {"method": "credit_card", "token": "tok_1"},
    "shipping": {"method": "standard", "address": {"street": "1 Main", "city": "A", "state": "B", "zip": "1"}},
}


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
@pytest.mark.parametrize(
    ("namespace", "last", "power"),
    [
        ("linear_workflow", "linear_step_4", 16),
        ("diamond_workflow", "diamond_end", 16),
        ("tree_workflow", "tree_final_convergence", 64),
        ("mixed_dag_workflow", "dag_finalize", 64),
    ],
)
async def test_arithmetic_is_exact(library: Library, namespace: str, last: str, power: int, number: int) -> None:
    value = (await run(library, namespace, {"even_number": number}))[last]
    assert value == (number**power if number**power < 2**63 else str(number**power))


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


@pytest.mark.parametrize(
    ("change", "step", "code"),
    [
        ({"customer": {"id": 1}}, "validate_order", "MISSING_CUSTOMER_EMAIL"),
        ({"items": []}, "validate_order", "EMPTY_ORDER_ITEMS"),
        ({"items": [{"sku": "WIDGET-001"}]}, "validate_order", "INVALID_ORDER_ITEM"),
        ({"items": [{"sku": "WIDGET-001", "quantity": 0, "price": 1}]}, "validate_order", "INVALID_QUANTITY"),
        ({"items": [{"sku": "WIDGET-001", "quantity": 1, "price": -1}]}, "validate_order", "INVALID_PRICE"),
        ({"items": [{"sku": "OTHER", "quantity": 1, "price": 1}]}, "validate_order", "PRODUCT_NOT_FOUND"),
        ({"items": [{"sku": "WIDGET-001", "quantity": 1, "price": 60_000}]}, "validate_order", "ORDER_TOTAL_TOO_HIGH"),
        ({"items": [{"sku": "WIDGET-002", "quantity": 51, "price": 1}]}, "reserve_inventory", "INSUFFICIENT_STOCK"),
        ({"payment": None}, "process_payment", "MISSING_PAYMENT_INFO"),
        ({"payment": {"token": "a"}}, "process_payment", "MISSING_PAYMENT_METHOD"),
        ({"payment": {"method": "card"}}, "process_payment", "MISSING_PAYMENT_TOKEN"),
        ({"payment": {"method": "card", "token": "declined"}}, "process_payment", "PAYMENT_DECLINED"),
        ({"shipping": None}, "ship_order", "MISSING_SHIPPING_INFO"),
        ({"shipping": {"method": "standard"}}, "ship_order", "MISSING_SHIPPING_ADDRESS"),
    ],
)
async def test_an_order_that_breaks_a_rule_fails_for_good(
    library: Library, change: dict[str, Any], step: str, code: str
) -> None:
    expected = {"failed": step, "code": code, "retryable": False}
    assert await run(library, "order_fulfillment", {**ORDER, **change}) == expected
