"""What tests of workflows share: the sample workflows with inputs, and what must come of them."""

from __future__ import annotations

from typing import Any

#: An order that is fulfilled; its total is 209.97.
ORDER: dict[str, Any] = {
    "customer": {"id": 12345, "name": "Anna", "email": "anna@example.org"},
    "items": [
        {"sku": "WIDGET-001", "quantity": 2, "price": 29.99},
        {"sku": "GADGET-002", "quantity": 1, "price": 149.99},
    ],
    "payment": {"method": "credit_card", "token": "tok_1"},
    "shipping": {
        "method": "standard",
        "address": {"street": "1 Main", "city": "Town", "state": "CA", "zip": "90001", "country": "US"},
    },
}

#: Changes of it that break a rule, with the step that fails and its code.
BROKEN_ORDERS: tuple[tuple[dict[str, Any], str, str], ...] = (
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
)

#: An amount, and the steps of `approval_routing` that are made for it besides those that every amount has.
APPROVALS: tuple[tuple[int, frozenset[str]], ...] = (
    (500, frozenset({"auto_approve"})),
    (3_000, frozenset({"manager_approval"})),
    (10_000, frozenset({"manager_approval", "finance_review"})),
)
APPROVED_ALWAYS = frozenset({"validate_request", "routing_decision", "finalize_approval"})

#: Namespace, name, and the power of the even number that each step has.
ARITHMETIC: tuple[tuple[str, str, dict[str, int]], ...] = (
    (
        "linear_workflow",
        "mathematical_sequence",
        {"linear_step_1": 2, "linear_step_2": 4, "linear_step_3": 8, "linear_step_4": 16},
    ),
    (
        "diamond_workflow",
        "diamond_pattern",
        {"diamond_start": 2, "diamond_branch_b": 4, "diamond_branch_c": 4, "diamond_end": 16},
    ),
    (
        "tree_workflow",
        "hierarchical_tree",
        {
            "tree_root": 2,
            "tree_branch_left": 4,
            "tree_branch_right": 4,
            "tree_leaf_d": 8,
            "tree_leaf_e": 8,
            "tree_leaf_f": 8,
            "tree_leaf_g": 8,
            "tree_final_convergence": 64,
        },
    ),
    (
        "mixed_dag_workflow",
        "complex_dag",
        {
            "dag_init": 2,
            "dag_process_left": 4,
            "dag_process_right": 4,
            "dag_validate": 16,
            "dag_transform": 8,
            "dag_analyze": 8,
            "dag_finalize": 64,
        },
    ),
)


def powers_of(number: int, powers: dict[str, int]) -> dict[str, int | str]:
    """What the steps of an arithmetic workflow give; whole numbers beyond 64 bits are texts."""
    values = {name: number**power for name, power in powers.items()}
    return {name: value if value < 2**63 else str(value) for name, value in values.items()}
