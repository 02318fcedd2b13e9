"""The manifest of a service: what it offers, what it needs, and which paths are its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from botstate.capability import Capability, T

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from fastapi import APIRouter

    from botstate.callers import Callers
    from botstate.migrations import Migrations
    from botstate.state import AppState


@dataclass(frozen=True)
class Provider(Generic[T]):
    """Opens one capability at start-up and closes it at the end.

    `open(state)` gives an async context manager; all that the manifest of its service requires is in `state` by then.
    Opening and closing may take `time_limit` seconds each.
    """

    capability: Capability[T]
    open: Callable[[AppState], AbstractAsyncContextManager[T]]
    time_limit: float = 30.0


def given(capability: Capability[T], implementation: T) -> Provider[T]:
    """A provider of something that needs no opening and no closing."""

    @asynccontextmanager
    async def hand_over(_state: AppState) -> AsyncIterator[T]:
        yield implementation

    return Provider(capability, hand_over)


class Failure(NamedTuple):
    """An error as a caller may see it, before it has a shape.

    `title` is the name of the status, `detail` a sentence about this occurrence, `code` the stable name of the kind of
    error; `more` has further facts, such as `errors` of a request that is not of the right form.
    """

    status: int
    title: str
    detail: str
    code: str
    more: Mapping[str, Any]


@dataclass(frozen=True)
class ErrorShape:
    """How the errors under the paths of a service look, when its clients expect another form than problem details.

    `body` gives what becomes JSON; `schema` is its JSON Schema, for the OpenAPI document.
    """

    body: Callable[[Failure], object]
    schema: Mapping[str, Any]
    media_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a package contributes to a server. A constant named `service` in its module `service.py`.

    `name` is lower case with dashes and unique in a server; `summary` is one sentence for people.
    `create_router(state)` gives the HTTP side and has no other effect; without it the service is a library.
    `paths` are the URL paths that belong to the service with all that lies below, such as "/mail": every route must lie
    under one of them, and no two services may claim one path. `exact_paths` belong to it without what lies below, for
    clients that expect "/ws" of one service and "/ws/db" of another.
    `page` is the path of its page for people, such as "/mail/", or "" when it has none.
    `settings` is a frozen dataclass: the part of the configuration tree that is named like the service.
    `provides` are opened in this order; `requires` is all that `state.require` is called with, by providers and routes.
    `migrations` names the package that holds the revisions of its tables; they are its branch, named like the service.
    `check(state)` raises when the service cannot work at the moment; readiness asks it.
    `errors` is the shape of errors under its paths; without it they are `application/problem+json` (RFC 9457).
    `body_bytes` is how large the body of a request to it may be, instead of the setting `web.body_bytes`.
    `callers(state)` names who asks under its paths, when it has tokens of its own, instead of `CALLERS`.
    """

    name: str
    summary: str = ""
    create_router: Callable[[AppState], APIRouter] | None = None
    paths: tuple[str, ...] = ()
    exact_paths: tuple[str, ...] = ()
    page: str = ""
    settings: type | None = None
    provides: tuple[Provider[Any], ...] = ()
    requires: tuple[Capability[Any], ...] = ()
    migrations: Migrations | None = None
    check: Callable[[AppState], Awaitable[None]] | None = None
    errors: ErrorShape | None = None
    body_bytes: int | None = None
    callers: Callable[[AppState], Callers] | None = None
