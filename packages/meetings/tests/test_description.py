"""The description of the API: every endpoint and field as recorded, and true for whatever is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from botlib import SystemClock
from botserver_core.testing import running
from botserver_meetings.testing import ADMIN, FakeRunner, create_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECORDED = Path(__file__).parent / "api.json"
OWN = ("/admin", "/bots", "/meetings", "/transcripts", "/user")


def outline(description: dict[str, Any]) -> dict[str, Any]:
    """Endpoint -> what it takes and, by code, which fields it answers with."""
    schemas = description["components"]["schemas"]

    def fields(schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return fields(schemas[schema["$ref"].rpartition("/")[2]])
        if schema.get("type") == "array":
            return [fields(schema.get("items", {}))]
        if "properties" in schema:
            return {name: fields(value) for name, value in sorted(schema["properties"].items())}
        kinds = [it.get("type") or it.get("$ref", "").rpartition("/")[2] for it in schema.get("anyOf", ())]
        return schema.get("type") or "|".join(map(str, kinds)) or "any"

    def body(part: dict[str, Any]) -> Any:
        return fields(part.get("content", {}).get("application/json", {}).get("schema", {}))

    found = {}
    for path, methods in sorted(description["paths"].items()):
        for method, operation in sorted(methods.items()):
            if path.startswith(OWN):
                found[f"{method.upper()} {path}"] = {
                    "parameters": sorted(it["name"] for it in operation.get("parameters", ())),
                    "body": body(operation.get("requestBody", {})),
                    "answers": {code: body(it) for code, it in sorted(operation["responses"].items())},
                }
    return found


def missing(recorded: Any, found: Any, where: str = "") -> list[str]:
    """What was there and is not, or is something else. What has been added is no loss."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        parts = [missing(value, found.get(key), f"{where} {key}".strip()) for key, value in recorded.items()]
        return [it for part in parts for it in part]
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) <= len(found):
        if all(isinstance(it, str) for it in recorded):
            return [f"{where} {it}" for it in recorded if it not in found]
        return [it for one, other in zip(recorded, found, strict=False) for it in missing(one, other, where)]
    return [] if recorded == found else [f"{where}: {found} instead of {recorded}"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    services = create_services(tmp_path_factory.mktemp("api"), SystemClock(), FakeRunner())
    with running(services) as address:
        yield address


def read_description(url: str) -> dict[str, Any]:
    import urllib.request

    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        described: dict[str, Any] = json.load(answer)
    return described


def test_every_endpoint_and_field_is_as_recorded(url: str) -> None:
    """A field that goes is a broken client. To record what is new: delete the file and run this test."""
    found = outline(read_description(url))
    if not RECORDED.exists():
        RECORDED.write_text(json.dumps(found, indent=1) + "\n")
    assert missing(json.loads(RECORDED.read_text()), found) == []


@pytest.fixture(scope="module")
def keys(url: str) -> dict[str, str]:
    """The keys of a user and of the admin."""
    import urllib.request

    def post(path: str, body: dict[str, Any]) -> Any:
        headers = {**ADMIN, "Content-Type": "application/json"}
        request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    user = post("/admin/users", {"email": "fuzz@example.org", "max_concurrent_bots": 50})
    return {**ADMIN, "X-API-Key": post(f"/admin/users/{user['id']}/tokens", {})["token"]}


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")  # schemathesis draws by itself
def test_no_request_breaks_a_promise_of_the_description(
    url: str, keys: dict[str, str], rounds: Callable[[int, int], int]
) -> None:
    described = schemathesis.openapi.from_url(f"{url}/openapi.json").include(path_regex="^(" + "|".join(OWN) + ")")
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    tried = 0
    for found in described.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # all of them are

        @settings(max_examples=rounds(2, 300), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(headers=keys, checks=checks)

        ask()
        tried += 1
    assert tried > 20


def test_the_comparison_finds_a_field_that_is_gone_or_renamed() -> None:
    recorded = {"GET /x": {"answers": {"200": {"id": "integer", "items": [{"name": "string"}]}}}}
    assert missing(recorded, recorded) == []
    renamed = {"GET /x": {"answers": {"200": {"id": "integer", "items": [{"title": "string"}]}}}}
    assert missing(recorded, renamed) == ["GET /x answers 200 items name: None instead of string"]
    assert missing(recorded, {}) == ["GET /x: None instead of " + str(recorded["GET /x"])]
