"""A model that plays what was written down: for tests of whatever talks to one."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botlib import InvalidError
from botstate.llm.echo import EchoModel
from botstate.llm.errors import ModelUnavailableError
from botstate.llm.model import collect
from botstate.llm.requests import check_request
from botstate.llm.values import Finish, TextDelta, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from botlib import BotError
    from botstate.llm.values import Answer, Embeddings, Event, Prompt


@dataclass(frozen=True)
class Reply:
    """What the model does with one prompt: tell these events, and then fail, or say nothing more for ever."""

    events: tuple[Event, ...] = ()
    error: BotError | None = None
    hangs: bool = False


class ReplayModel:
    """A `LanguageModel` that gives one reply after the other, whatever it is asked. `prompts` is what it was asked.

    `cut_off` counts the streams that were left before their end.
    """

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.prompts: list[Prompt] = []
        self.cut_off = 0
        self._replies = list(replies)
        self._echo = EchoModel()

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Event]]:
        check_request(prompt)
        self.prompts.append(prompt)
        if not self._replies:
            raise ModelUnavailableError("There is no further reply to play.", remedy="Write down as many as are asked.")
        reply = self._replies.pop(0)
        if reply.error is not None and not reply.events:
            raise reply.error
        ended = False

        async def play() -> AsyncIterator[Event]:
            nonlocal ended
            for event in reply.events:
                yield event
            if reply.hangs:
                await asyncio.Event().wait()
            ended = True
            if reply.error is not None:
                raise reply.error

        try:
            yield play()
        finally:
            last = reply.events[-1] if reply.events else None
            self.cut_off += not ended and not isinstance(last, Finish)

    async def generate(self, prompt: Prompt) -> Answer:
        async with self.stream(prompt) as events:
            return await collect(events)

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embeddings:
        return await self._echo.embed(texts, model=model)


def parse_replies(text: str) -> tuple[Reply, ...]:
    """Replies that are written down, one JSON list of events a line:

        [{"text": "Let me "}, {"text": "look."}, {"tool": "search", "id": "1", "arguments": {"for": "rain"}},
         {"usage": [12, 5]}, {"finish": "tools"}]

    `InvalidError` names the line that cannot be understood.
    """
    replies: list[Reply] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            replies.append(Reply(tuple(_event(it) for it in json.loads(line))))
        except (ValueError, KeyError, TypeError):
            raise InvalidError(
                f"Line {number} of the replies is not understood.",
                remedy='Write [{"text": "Hello"}, {"finish": "end"}].',
            ) from None
    return tuple(replies)


def _event(written: dict[str, Any]) -> Event:
    match written:
        case {"text": str(text)}:
            return TextDelta(text)
        case {"tool": str(name), "id": str(identifier), "arguments": dict(arguments)}:
            return ToolCall(identifier, name, arguments)
        case {"usage": [int(taken), int(given)]}:
            return Usage(taken, given)
        case {"finish": "end" | "length" | "tools" | "refused" as reason}:
            return Finish(reason, "replay")
        case _:
            raise ValueError
