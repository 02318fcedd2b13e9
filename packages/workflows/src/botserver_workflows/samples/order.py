"""An order: validated, reserved, paid and shipped. What it asks for is made up, the rules are real (contract, 9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from botserver_workflows.handlers import StepError, handler

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from botserver_workflows.handlers import Step


class Product(NamedTuple):
    """What is in stock, and where."""

    name: str
    stock: int
    location: str


PRODUCTS = {
    "WIDGET-001": Product("Premium Widget A", 100, "WH-EAST-A1"),
    "WIDGET-002": Product("Deluxe Widget B", 50, "WH-WEST-B2"),
    "GADGET-002": Product("Standard Gadget C", 200, "WH-CENTRAL-C3"),
}
LARGEST_TOTAL = Decimal(50_000)
_FEE = Decimal("0.029")
_SHIPPING = {"standard": ("UPS", "Ground", Decimal("9.00"), 5)}
_EXPRESS = ("FedEx", "Express", Decimal("24.00"), 2)


@handler("order.validate")
def validate(step: Step) -> dict[str, Any]:
    """Customer and items are complete, the products exist, and the total is not too high."""
    customer = step.context.get("customer") or {}
    if not customer.get("email"):
        raise _refused("The customer has no email address.", "MISSING_CUSTOMER_EMAIL")
    items = step.context.get("items")
    if not items:
        raise _refused("The order has no items.", "EMPTY_ORDER_ITEMS")
    validated = [_validate_item(item) for item in items]
    total = sum((Decimal(item["line_total"]) for item in validated), Decimal(0))
    if total > LARGEST_TOTAL:
        raise _refused(f"The total of {total} is more than {LARGEST_TOTAL}.", "ORDER_TOTAL_TOO_HIGH")
    return {
        "customer_validated": True,
        "customer_id": customer.get("id"),
        "validated_items": [{**item, "line_total": float(Decimal(item["line_total"]))} for item in validated],
        "order_total": float(total),
        "validation_status": "complete",
        "validated_at": _now(),
    }


@handler("order.reserve")
def reserve(step: Step) -> dict[str, Any]:
    """Every item is in stock, and is kept for an hour."""
    order = step.results["validate_order"]
    for item in order["validated_items"]:
        if item["quantity"] > PRODUCTS[item["sku"]].stock:
            raise _refused(f"There are not enough of {item['sku']}.", "INSUFFICIENT_STOCK")
    kept = [
        {"sku": it["sku"], "quantity": it["quantity"], "location": PRODUCTS[it["sku"]].location}
        for it in order["validated_items"]
    ]
    return {
        "reservation_id": _reference("RES", step.step_id),
        "items_reserved": kept,
        "reservation_status": "confirmed",
        "total_reserved_value": order["order_total"],
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }


@handler("order.pay")
def pay(step: Step) -> dict[str, Any]:
    """The payment names a method and a token that is not declined."""
    payment = step.context.get("payment")
    if not payment:
        raise _refused("The order has no payment.", "MISSING_PAYMENT_INFO")
    if not payment.get("method"):
        raise _refused("The payment has no method.", "MISSING_PAYMENT_METHOD")
    if not payment.get("token"):
        raise _refused("The payment has no token.", "MISSING_PAYMENT_TOKEN")
    if "declined" in payment["token"]:
        raise _refused("The payment was declined.", "PAYMENT_DECLINED")
    total = Decimal(str(step.results["validate_order"]["order_total"]))
    return {
        "payment_processed": True,
        "payment_id": _reference("PAY", step.step_id),
        "transaction_id": _reference("TXN", step.step_id),
        "amount_charged": float(total),
        "payment_method_used": payment["method"],
        "gateway_response": {"fee": float(_cents(total * _FEE)), "status": "approved"},
        "payment_status": "completed",
    }


@handler("order.ship")
def ship(step: Step) -> dict[str, Any]:
    """There is somewhere to send it to, and a label for it."""
    shipping = step.context.get("shipping")
    if not shipping:
        raise _refused("The order has no shipping.", "MISSING_SHIPPING_INFO")
    if not shipping.get("address"):
        raise _refused("The shipping has no address.", "MISSING_SHIPPING_ADDRESS")
    carrier, service, cost, days = _SHIPPING.get(shipping.get("method", "standard"), _EXPRESS)
    tracking = _reference("TRK", step.step_id)
    return {
        "shipment_id": _reference("SHP", step.step_id),
        "tracking_number": tracking,
        "shipping_status": "label_created",
        "estimated_delivery": (datetime.now(UTC) + timedelta(days=days)).date().isoformat(),
        "shipping_cost": float(cost),
        "carrier": carrier,
        "service_type": service,
        "label_url": f"/labels/{tracking}.pdf",
    }


def _validate_item(item: Mapping[str, Any]) -> dict[str, Any]:
    if not {"sku", "quantity", "price"} <= set(item):
        raise _refused("An item needs sku, quantity and price.", "INVALID_ORDER_ITEM")
    if item["quantity"] <= 0:
        raise _refused(f"The quantity of {item['sku']} is not more than zero.", "INVALID_QUANTITY")
    if item["price"] <= 0:
        raise _refused(f"The price of {item['sku']} is not more than zero.", "INVALID_PRICE")
    if item["sku"] not in PRODUCTS:
        raise _refused(f"There is no product {item['sku']}.", "PRODUCT_NOT_FOUND")
    total = _cents(Decimal(str(item["price"])) * item["quantity"])
    return {
        "sku": item["sku"],
        "name": PRODUCTS[item["sku"]].name,
        "quantity": item["quantity"],
        "price": item["price"],
        "line_total": str(total),
    }


def _refused(message: str, code: str) -> StepError:
    return StepError(message, code, retryable=False)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _reference(kind: str, step_id: UUID) -> str:
    # The same for every attempt at this step, so that asking twice is seen to be asking twice.
    return f"{kind}-{step_id.hex[-12:].upper()}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
