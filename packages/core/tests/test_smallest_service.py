"""The smallest service, as the README of botstate shows it, in its application and in its test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import APIRouter

from botlib import Clock, NotFoundError
from botserver_core import create_app
from botstate import CLOCK, AppState, Capability, Provider, Service, compose, foundation
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio


class Greeter:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def greet(self, name: str) -> str:
        if name == "nobody":
            raise NotFoundError("Nobody is not here.", remedy="Greet somebody else.")
        return f"Hello {name}, it is {self._clock.now():%H:%M}."


GREETER = Capability[Greeter]("greeter", remedy="Install botserver[greetings].")


@asynccontextmanager
async def open_greeter(state: AppState) -> AsyncIterator[Greeter]:
    yield Greeter(state.require(CLOCK))


def create_router(state: AppState) -> APIRouter:
    router, greeter = APIRouter(), state.require(GREETER)

    @router.get("/greetings/{name}")
    async def greet(name: str) -> str:
        return greeter.greet(name)

    return router


service = Service(
    name="greetings",
    summary="Greets people.",
    create_router=create_router,
    paths=("/greetings",),
    provides=(Provider(GREETER, open_greeter),),
    requires=(CLOCK,),
)


async def ask(state: AppState, *services: Service) -> list[object]:
    transport = httpx2.ASGITransport(create_app(state, services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        return [(await client.get(f"/greetings/{name}")).json() for name in ("Anna", "nobody")]


async def test_it_is_tested_with_fakes() -> None:
    state = fake_state()
    state.provide(GREETER, Greeter(state.require(CLOCK)))

    assert await ask(state, service) == [
        "Hello Anna, it is 00:00.",
        {
            "title": "Not Found",
            "status": 404,
            "detail": "Nobody is not here. Greet somebody else.",
            "code": "not-found",
        },
    ]


async def test_it_is_composed_with_the_real_thing() -> None:
    services = (service, foundation())
    async with compose(services) as state:
        greeting, _ = await ask(state, *services)

    assert str(greeting).startswith("Hello Anna, it is ")
