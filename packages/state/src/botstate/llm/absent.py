"""What a server without a provider has in the place of a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate.llm.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import NoReturn

    from botstate.llm.values import Answer, Embeddings, Event, Prompt


class AbsentModel:
    """A `LanguageModel` that says plainly that it is none."""

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Event]]:  # noqa: ARG002 - as in the Protocol
        _refuse()

    async def generate(self, prompt: Prompt) -> Answer:  # noqa: ARG002
        _refuse()

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embeddings:  # noqa: ARG002
        _refuse()


def _refuse() -> NoReturn:
    raise ModelUnavailableError(
        "No language model is set up on this server.", remedy='Set llm.provider; "echo" needs nothing else.'
    )
