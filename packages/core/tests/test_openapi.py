"""The OpenAPI document: what it promises is kept."""

import os
from typing import Annotated, Any

import httpx2
import pytest
import schemathesis
from fastapi import APIRouter, Form, Header, HTTPException, Path, Query
from hypothesis import HealthCheck, settings
from pydantic import BaseModel, Field

from botlib import ConflictError, NotFoundError
from botserver_core import Rate, WebSettings, create_app
from botstate import AppState, ErrorShape, Failure, Service
from botstate.testing import fake_state

WRONG_FORM = "The request does not have the form that is asked for."


class Order(BaseModel):
    """What somebody wants."""

    text: str = Field(min_length=1, max_length=50)
    count: int = Field(ge=1, le=100)
    tags: list[str] = Field(default=[], max_length=5)


class Kept(Order):
    """An order with its number."""

    number: int


def create_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.post("/orders", status_code=201)
    async def keep(order: Order) -> Kept:
        if order.text == "twice":
            raise ConflictError("It is there already.")
        return Kept(number=1, **order.model_dump())

    @router.get("/orders/{number}")
    async def one(
        number: Annotated[int, Path(ge=1)],
        deep: bool = False,
        page: Annotated[int, Query(ge=1, le=9)] = 1,
        x_note: Annotated[str | None, Header(max_length=9)] = None,
    ) -> Kept:
        if number > 1:
            raise NotFoundError("There is no such order.")
        return Kept(number=number, text=f"{deep}{page}{x_note}"[:50], count=1)

    @router.post("/forms")
    async def form(text: Annotated[str, Form(min_length=1)]) -> str:
        return text

    @router.delete("/orders/{number}", status_code=204)
    async def cancel(number: int) -> None:
        if number % 2:
            raise HTTPException(409, "Odd ones stay.")

    return router


def shape(failure: Failure) -> dict[str, Any]:
    return {"error": {"code": failure.code or "error", "message": failure.detail or failure.title}}


OWN_SHAPE = ErrorShape(
    shape,
    {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                "required": ["code", "message"],
            }
        },
        "required": ["error"],
    },
)


def create_shaped_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.get("/shaped/{number}")
    async def one(number: int) -> int:
        raise NotFoundError(f"There is no {number}.", remedy="Look elsewhere.")

    return router


SERVICES = (
    Service(name="orders", create_router=create_router, paths=("/orders", "/forms")),
    Service(name="shaped", create_router=create_shaped_router, paths=("/shaped",), errors=OWN_SHAPE),
)
#: Limits by rate have tests of their own; here they would stop the test.
STATE = fake_state(WebSettings(address_rate=Rate(count=0)))
APP = create_app(STATE, SERVICES)
# Not the live stream, which has no end; it is not in the document anyway.
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@schema.parametrize()
@settings(
    max_examples=int(os.environ.get("BOTSERVER_EXAMPLES", "15")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_no_operation_breaks_what_the_document_promises(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(base_url="http://server")


async def ask(method: str, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://server") as client:
        return await client.request(method, path)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/shaped/7", 404, {"error": {"code": "not-found", "message": "There is no 7. Look elsewhere."}}),
        ("GET", "/shaped/x", 422, {"error": {"code": "invalid", "message": WRONG_FORM}}),
        ("PUT", "/shaped/7", 405, {"error": {"code": "method-not-allowed", "message": "Method Not Allowed"}}),
        ("GET", "/shaped", 404, {"error": {"code": "not-found", "message": "Not Found"}}),
        ("GET", "/shaped/%00", 400, {"error": {"code": "invalid", "message": "The path holds what no path holds."}}),
    ],
)  # fmt: skip
async def test_a_service_may_own_another_shape(method: str, path: str, status: int, body: dict[str, Any]) -> None:
    answer = await ask(method, path)

    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (status, "application/json", body)


@pytest.mark.anyio
async def test_other_paths_keep_problem_details() -> None:
    answer = await ask("GET", "/shapedly")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.anyio
async def test_every_operation_has_typed_errors() -> None:
    document = (await ask("GET", "/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in str(document)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            kind, name = ("json", "Error-shaped") if path.startswith("/shaped") else ("problem+json", "Problem")
            schemas = operation["responses"]["4XX"]["content"][f"application/{kind}"]["schema"]
            assert schemas == {"$ref": f"#/components/schemas/{name}"}
            assert "5XX" in operation["responses"]
    assert "422" in document["paths"]["/orders"]["post"]["responses"]


@pytest.mark.anyio
async def test_a_broken_promise_is_noticed() -> None:
    """The control: an operation that answers something else than it says."""

    def create_liar(_state: AppState) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/lies", lambda: 1 / 0, methods=["GET"], response_model=int)
        return router

    app = create_app(STATE, [Service(name="liar", create_router=create_liar, paths=("/lies",))])
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)["/lies"]["GET"]
    with pytest.raises(BaseExceptionGroup):
        operation.Case().call_and_validate(base_url="http://server")
