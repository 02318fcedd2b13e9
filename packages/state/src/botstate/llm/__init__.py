"""Language models: one narrow Protocol for all providers, and two models for tests. It loads nothing heavy."""

from botstate.llm.absent import AbsentModel
from botstate.llm.echo import EchoModel
from botstate.llm.errors import ContextTooLongError, ModelBusyError, ModelUnavailableError, RefusedError
from botstate.llm.model import LLM, LanguageModel, collect
from botstate.llm.replay import ReplayModel, Reply, parse_replies
from botstate.llm.requests import check_request
from botstate.llm.service import LlmSettings, llm_service
from botstate.llm.values import (
    Answer,
    Embeddings,
    Event,
    Finish,
    FinishReason,
    Part,
    Prompt,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)

__all__ = [
    "LLM",
    "AbsentModel",
    "Answer",
    "ContextTooLongError",
    "EchoModel",
    "Embeddings",
    "Event",
    "Finish",
    "FinishReason",
    "LanguageModel",
    "LlmSettings",
    "ModelBusyError",
    "ModelUnavailableError",
    "Part",
    "Prompt",
    "RefusedError",
    "ReplayModel",
    "Reply",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Turn",
    "Usage",
    "check_request",
    "collect",
    "llm_service",
    "parse_replies",
]
