"""The WebSocket: what happens to meetings, told while it happens (contract, section 8)."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from botlib import BotError, UnavailableError
from botserver_meetings.accounts import find_owner
from botserver_meetings.events import frame, live_channel
from botserver_meetings.platforms import LONGEST_ID, MeetingName, Platform
from botserver_meetings.transcripts import read_transcript, to_json
from botstate import Missed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import APIRouter

    from botserver_meetings.accounts import User
    from botserver_meetings.context import Context

_log = logging.getLogger(__name__)

NO_KEY = 4401  # the close code of the contract for callers that nobody knows
MOST_SUBSCRIPTIONS = 100
_PAUSE = 1.0


def add_live_route(router: APIRouter, context: Context) -> None:
    """/ws."""

    @router.websocket("/ws")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        try:
            user = await _authenticate(context, socket)
            if user is not None:
                await Session(context, user, socket.send_text).serve(socket.receive_text)
        except WebSocketDisconnect:
            pass  # it left, or the server stops


class Session:
    """One client that is connected. Each subscription is a task of its own, which ends with the session."""

    def __init__(self, context: Context, user: User, send: Callable[[str], Awaitable[None]]) -> None:
        self._context = context
        self._user = user
        self._send_text = send
        self._subscriptions: dict[MeetingName, asyncio.Task[None]] = {}

    async def serve(self, receive: Callable[[], Awaitable[str]]) -> None:
        """Answer until the client leaves."""
        try:
            while True:
                await self._answer(await receive())
        finally:
            for task in self._subscriptions.values():
                task.cancel()
            await asyncio.gather(*self._subscriptions.values(), return_exceptions=True)

    async def _answer(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            await self._send_error("invalid_json")
            return
        action = message.get("action")
        if action == "ping":
            await self._send({"type": "pong"})
        elif action in {"subscribe", "unsubscribe"}:
            await self._change(action, message.get("meetings"))
        else:
            await self._send_error("unknown_action")

    async def _change(self, action: str, listed: Any) -> None:
        names = _read_names(listed)
        if names is None or (action == "subscribe" and len({*names, *self._subscriptions}) > MOST_SUBSCRIPTIONS):
            await self._send_error(f"invalid_{action}_payload")
            return
        shown = [{"platform": it.platform.value, "native_id": it.native_id} for it in names]
        await self._send({"type": f"{action}d", "meetings": shown})
        for name in names:
            if action == "subscribe" and name not in self._subscriptions:
                self._subscriptions[name] = asyncio.create_task(self._follow(name), name="subscription")
            elif action == "unsubscribe" and name in self._subscriptions:
                self._subscriptions.pop(name).cancel()

    async def _follow(self, name: MeetingName) -> None:
        channel = live_channel(self._user.id, name.platform, name.native_id)
        is_again = False
        while True:
            try:
                async with self._context.channels.subscribe(channel) as messages:
                    await self._send_state(name, with_segments=is_again)
                    async for message in messages:
                        if isinstance(message, Missed):
                            await self._send_state(name, with_segments=True)
                        else:
                            await self._send_text(message.decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # the client is gone, and whoever receives from it notices
            except UnavailableError as error:
                _log.warning("a subscription was lost, and is taken up again: %s", error)
            is_again = True
            await self._context.clock.sleep(_PAUSE)

    async def _send_state(self, name: MeetingName, *, with_segments: bool = False) -> None:
        """How the meeting stands, from the table: who subscribes late, or missed messages, has missed nothing."""
        found = await read_transcript(self._context, self._user.id, name)
        if found is None:
            return
        now = self._context.clock.now()
        status = self._context.profile.name_of(found.meeting.status)
        await self._send(frame("meeting.status", found.meeting, {"status": status}, now))
        segments = [to_json(it) for it in found.lines if it.segment.final]
        if with_segments and segments:
            await self._send(frame("transcript.finalized", found.meeting, {"segments": segments}, now))

    async def _send_error(self, error: str) -> None:
        await self._send({"type": "error", "error": error})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(json.dumps(message))


async def _authenticate(context: Context, socket: WebSocket) -> User | None:
    key = socket.headers.get("x-api-key") or socket.query_params.get("api_key")
    error, user = "missing_api_key", None
    if key:
        error = "invalid_api_key"
        try:
            user = await find_owner(context, key)
        except BotError:
            error = "authorization_service_error"
    if user is None and socket.application_state is WebSocketState.CONNECTED:
        await socket.send_text(json.dumps({"type": "error", "error": error}))
        await socket.close(NO_KEY)
    return user


def _read_names(listed: Any) -> list[MeetingName] | None:
    if not isinstance(listed, list) or not listed or len(listed) > MOST_SUBSCRIPTIONS:
        return None
    names: list[MeetingName] = []
    for item in listed:
        platform, native_id = (item.get("platform"), item.get("native_id")) if isinstance(item, dict) else (None, None)
        if platform not in list(Platform) or not isinstance(native_id, str) or not 0 < len(native_id) <= LONGEST_ID:
            return None
        names.append(MeetingName(Platform(platform), native_id))
    return list(dict.fromkeys(names))
