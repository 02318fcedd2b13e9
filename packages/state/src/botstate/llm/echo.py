"""A model that says what it was told: for tests, and to try a server without a provider."""

from __future__ import annotations

import hashlib
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from botstate.llm.model import collect
from botstate.llm.requests import check_request
from botstate.llm.values import Embeddings, Finish, Text, TextDelta, ToolResult, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from botstate.llm.values import Answer, Event, Prompt

_MODEL = "echo"
_DIMENSIONS = 64


class EchoModel:
    """A `LanguageModel` that repeats the last turn of the user, a word at a time. A token is a word.

    Its vectors are such that texts with the same words lie close together, so that search can be tried too.
    """

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Event]]:
        check_request(prompt)
        async with aclosing(_events(prompt)) as events:
            yield events

    async def generate(self, prompt: Prompt) -> Answer:
        async with self.stream(prompt) as events:
            return await collect(events)

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embeddings:
        words = sum(len(text.split()) for text in texts)
        return Embeddings(tuple(_vector(text) for text in texts), model or _MODEL, Usage(words, 0))


async def _events(prompt: Prompt) -> AsyncGenerator[Event, None]:
    said = " ".join(part.text for part in prompt.turns[-1].parts if isinstance(part, Text | ToolResult))
    words = said.split(" ")
    kept = words[: prompt.most_tokens]
    for number, word in enumerate(kept):
        yield TextDelta(word if number == 0 else f" {word}")
    yield Usage(sum(len(_texts(it.parts).split()) for it in prompt.turns), len(kept))
    yield Finish("end" if len(kept) == len(words) else "length", prompt.model or _MODEL)


def _texts(parts: Sequence[object]) -> str:
    return " ".join(part.text for part in parts if isinstance(part, Text | ToolResult))


def _vector(text: str) -> tuple[float, ...]:
    counts = [0.0] * _DIMENSIONS
    for word in text.lower().split() or [""]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        counts[digest[0] % _DIMENSIONS] += 1.0
    length = sum(it * it for it in counts) ** 0.5
    return tuple(it / length for it in counts)
