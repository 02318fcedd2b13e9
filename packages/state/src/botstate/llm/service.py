"""The service that provides a language model where no provider is installed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - settings read the types of their fields at run time
from typing import TYPE_CHECKING, Literal

from botlib import InvalidError
from botstate.llm.absent import AbsentModel
from botstate.llm.echo import EchoModel
from botstate.llm.model import LLM, LanguageModel
from botstate.llm.replay import ReplayModel, parse_replies
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.state import AppState


@dataclass(frozen=True)
class LlmSettings:
    """`provider` is "none", "echo", or "replay" of the replies in `replies`, one JSON list of events a line."""

    provider: Literal["none", "echo", "replay"] = "none"
    replies: Path | None = None

    def __post_init__(self) -> None:
        if (self.provider == "replay") != (self.replies is not None):
            raise ValueError('replies is a file, and the provider "replay" needs it.')


@asynccontextmanager
async def _open_llm(state: AppState) -> AsyncIterator[LanguageModel]:
    settings = state.settings.part(LlmSettings)
    if settings.replies is not None:
        yield ReplayModel(parse_replies(await asyncio.to_thread(_read, settings.replies)))
    else:
        yield EchoModel() if settings.provider == "echo" else AbsentModel()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise InvalidError(f"The replies in {file} cannot be read.", remedy="Set llm.replies to a text file.") from None


#: Provides a language model to the services that require one, and says so when there is none.
llm_service: Service = Service(
    name="llm",
    summary="Talks to language models.",
    provides=(Provider(LLM, _open_llm),),
    requires=(SETTINGS,),
    settings=LlmSettings,
)
