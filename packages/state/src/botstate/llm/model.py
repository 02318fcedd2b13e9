"""The Protocol of language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from botstate.capability import Capability
from botstate.llm.errors import ModelUnavailableError
from botstate.llm.values import Answer, Finish, TextDelta, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from botstate.llm.values import Embeddings, Event, Prompt


class LanguageModel(Protocol):
    """One or several models behind one provider.

    Errors: `ModelBusyError`, `ContextTooLongError`, `RefusedError`, `ModelUnavailableError`, and `InvalidError` for a
    prompt that makes no sense. Once an event has come, only `ModelUnavailableError` may follow. None of them repeats
    what was said. A provider does not try again by itself: the caller knows how long it can wait.
    """

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """The answer as it comes. Leaving the context ends the request to the provider, also half-way."""
        ...

    async def generate(self, prompt: Prompt) -> Answer:
        """The whole answer. Cancelling it ends the request to the provider."""
        ...

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embeddings:
        """A vector for each text. No text is no request."""
        ...


LLM = Capability[LanguageModel]("llm", remedy="Add `botstate.llm_service` to the services.")


async def collect(events: AsyncIterator[Event]) -> Answer:
    """The whole answer of a stream, for providers: `generate` is `stream` and this."""
    pieces: list[str] = []
    calls: list[ToolCall] = []
    usage: Usage | None = None
    async for event in events:
        match event:
            case TextDelta():
                pieces.append(event.text)
            case ToolCall():
                calls.append(event)
            case Usage():
                usage = event
            case Finish():
                return Answer("".join(pieces), tuple(calls), event.reason, event.model, usage)
    raise ModelUnavailableError("The language model stopped in the middle of its answer.", remedy="Try again.")
