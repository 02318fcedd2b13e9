"""HTTP, WebSocket and JSON, and nothing else: what the service does belongs in modules that know none of them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from botlib import BotError
from botserver_containers.capability import ORCHESTRATOR
from botserver_containers.decisions.phases import Phase
from botserver_containers.rpc import protocol
from botserver_containers.rpc.methods import BY_NAME, Call
from botserver_containers.rpc.sessions import CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE, Caller, Sessions
from botserver_containers.settings import ContainersSettings
from botserver_core import Event, render_page, stream_events
from botstate import CLOCK, RANDOMNESS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import HTTPConnection

    from botserver_containers.orchestrator.orchestrator import Orchestrator
    from botstate import AppState

#: The largest body of a call, in bytes: a manifest fits, with room to spare.
LARGEST_BODY = 1024 * 1024

#: State -> the class of its badge on the page.
TONES = {str(phase): "busy" for phase in Phase} | {"running": "good", "stopped": "", "exited": "bad"}

_log = logging.getLogger(__name__)


def create_router(state: AppState) -> APIRouter:
    """The routes of this service over an opened state. Has no other effect."""
    router = APIRouter()
    orchestrator = state.require(ORCHESTRATOR)
    settings = state.settings.part(ContainersSettings)
    sessions = Sessions(state.require(CLOCK), state.require(RANDOMNESS), settings.password)

    @router.post("/rpc/v1", summary="Every method of the orchestrator, as JSON-RPC")
    async def rpc(request: Request) -> Response:
        try:
            called = protocol.read_request(await _read_body(request))
        except protocol.RpcError as error:
            return JSONResponse(protocol.refusal(error.envelope, error.code, str(error)))
        caller = _caller(request)
        call = Call(orchestrator, sessions, caller.session)
        return _with_cookies(JSONResponse(await _run(called, call, caller)), call, secure=request.url.scheme == "https")

    @router.websocket("/ws/db")
    async def watch(socket: WebSocket) -> None:
        try:
            sessions.admit(_caller(socket), reads=True)
        except BotError as error:
            await socket.close(4401, str(error)[:120])
            return
        await socket.accept()
        await _send_frames(socket)

    @router.get("/containers/{name}/log", summary="What an app writes, line by line, as server-sent events")
    async def follow_log(request: Request, name: str, lines: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
        sessions.admit(_caller(request), reads=True)
        app = orchestrator.node.app(name)
        log = orchestrator.node.podman.follow_logs(app.name, lines)
        events = (f"data: {line}\n\n" async for line in log)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.get("/containers/", include_in_schema=False)
    async def page(request: Request) -> Response:
        sessions.admit(_caller(request), reads=True)
        return render_page(request, "botserver_containers/index.html", apps=_apps(orchestrator), tones=TONES)

    @router.get("/containers/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        sessions.admit(_caller(request), reads=True)
        return stream_events(request, lambda _last_id: _watch(orchestrator))

    async def _send_frames(socket: WebSocket) -> None:
        with orchestrator.node.board.watch() as watcher:
            try:
                while True:
                    frame = await watcher.next()
                    if frame.data is not None:
                        await socket.send_text(json.dumps({"type": "initial", "rev": frame.rev, "data": frame.data}))
                    else:
                        await socket.send_text(json.dumps({"rev": frame.rev, "patch": frame.patch}))
            except WebSocketDisconnect:
                return

    return router


def _apps(orchestrator: Orchestrator) -> list[tuple[str, dict[str, Any]]]:
    apps = sorted(orchestrator.node.board.whole()["package-data"].items())
    return [(name, {"reason": "", "log": "", **entry}) for name, entry in apps]


async def _watch(orchestrator: Orchestrator) -> AsyncIterator[Event]:
    """All apps now, and again at every change: whoever was cut off needs nothing of what was in between."""
    with orchestrator.node.board.watch() as watcher:
        while True:
            await watcher.next()
            yield Event("apps", {"apps": _apps(orchestrator)})


async def _run(called: protocol.Request, call: Call, caller: Caller) -> dict[str, Any]:
    method = BY_NAME.get(called.method)
    try:
        if method is None:
            call.sessions.admit(caller, reads=True)
            return protocol.refusal(
                called.envelope, protocol.UNKNOWN_METHOD, f"There is no method {called.method[:64]!a}."
            )
        call.sessions.admit(caller, public=method.public, reads=method.reads)
        return protocol.answer(called, await method.run(call, called.parameters))
    except BotError as error:
        return protocol.refusal_of(called, error)
    except Exception:  # noqa: BLE001 - whatever a method raises, its caller gets an answer
        _log.exception("unexpected error in %s", called.method[:64])
        return protocol.refusal(called.envelope, protocol.INTERNAL, "Something went wrong here; the log has it.")


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise protocol.RpcError(protocol.INVALID_REQUEST, f"The body is larger than {LARGEST_BODY} bytes.")
    return bytes(body)


def _caller(connection: HTTPConnection) -> Caller:
    headers = connection.headers
    return Caller(
        connection.client.host if connection.client is not None else "",
        headers.get("host", ""),
        headers.get("origin", ""),
        connection.cookies.get(SESSION_COOKIE, ""),
        headers.get(CSRF_HEADER, ""),
    )


def _with_cookies(response: Response, call: Call, *, secure: bool) -> Response:
    for name, value in call.cookies.items():
        if value is None:
            response.delete_cookie(name)
        else:
            # A script of our pages has to repeat the CSRF token, so it must be able to read it.
            response.set_cookie(name, value, httponly=name != CSRF_COOKIE, samesite="strict", secure=secure)
    return response
