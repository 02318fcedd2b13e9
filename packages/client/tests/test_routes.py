"""Every path that the clients call is served, by the list of the client and the description of the server."""

import re
from typing import Any

import httpx2
import pytest

from botserver_client.routes import CANCEL_TASK, CHANGE_DEAD_LETTER, CHANGE_STEP, CREATE_TASK, ROUTES, Route


def served(description: dict[str, Any]) -> set[tuple[str, str]]:
    """Method and path of everything that a server describes, with its placeholders emptied."""
    return {
        (method.upper(), re.sub(r"{[^}]*}", "{}", path))
        for path, methods in description["paths"].items()
        for method in methods
    }


def missing(routes: tuple[Route, ...], description: dict[str, Any]) -> list[str]:
    have = served(description)
    return [f"{it.method} {it.path}" for it in routes if (it.method, re.sub(r"{[^}]*}", "{}", it.path)) not in have]


@pytest.fixture(scope="module")
def description(server: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx2.get(f"{server}/openapi.json", timeout=30).raise_for_status().json()
    return answer


def test_every_path_of_the_clients_is_served(description: dict[str, Any]) -> None:
    assert len(ROUTES) == 22
    assert missing(ROUTES, description) == []


def test_a_path_that_is_not_served_is_found(description: dict[str, Any]) -> None:
    assert missing((Route("GET", "/v1/unknown/{id}"), CREATE_TASK), description) == ["GET /v1/unknown/{id}"]


def test_only_what_changes_nothing_or_has_a_key_is_made_again() -> None:
    assert {it for it in ROUTES if not it.repeatable} == {CANCEL_TASK, CHANGE_STEP, CHANGE_DEAD_LETTER}
    assert {it for it in ROUTES if it.repeatable and it.method != "GET"} == {CREATE_TASK}


def test_no_part_of_a_path_leads_elsewhere() -> None:
    assert Route("GET", "/v1/handlers/{namespace}").at(namespace="a/../b?c#d") == "/v1/handlers/a%2F..%2Fb%3Fc%23d"
