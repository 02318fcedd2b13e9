"""What is said to a language model, and what it says.

How these map to the two families of providers:

| here | OpenAI-compatible (chat completions) | Anthropic (messages) |
|---|---|---|
| `instructions` | the first message, of the role `system` | `system` |
| `Turn` with `Text` | a message with `content` | the same, a block `text` |
| `ToolCall` in a turn | `tool_calls[]`, arguments as a string | a block `tool_use`, `input` as an object |
| `ToolResult` | a message of the role `tool` | a block `tool_result` of a `user` message |
| `ToolResult.failed` | told in the text | `is_error` |
| `Tool.parameters` | `tools[].function.parameters` | `tools[].input_schema` |
| `choice` | `auto`, `none`, `required`, a function | `auto`, `none`, `any`, `tool` |
| `schema` | `response_format`, `json_schema` | `output_config.format`, else a tool that is forced |
| `most_tokens` | `max_completion_tokens` | `max_tokens`, which must be there |
| `stop` | `stop` | `stop_sequences` |
| `TextDelta` | `delta.content` | `content_block_delta` of a text |
| `ToolCall`, told once whole | `delta.tool_calls[]`, joined by `index` | `input_json_delta` to `content_block_stop` |
| `Usage` | the last chunk, with `include_usage` | `message_start` and `message_delta` |
| `"end"` | `stop` | `end_turn`, `stop_sequence` |
| `"length"` | `length` | `max_tokens`, `model_context_window_exceeded` |
| `"tools"` | `tool_calls` | `tool_use` |
| `"refused"` | `content_filter`, `refusal` | `refusal` |
| `ModelBusyError` | 429 | 429, 529 |
| `ContextTooLongError` | 400, `context_length_exceeded` | 400 with a prompt that is too long, 413 |
| `RefusedError` | 400, `content_filter` | none: it is a finish |
| `ModelUnavailableError` | 5xx, 401, 403, no connection | the same |
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botstate.llm.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Whose turn it was. What tools gave is a turn of the user.
Role = Literal["user", "assistant"]
#: "end": it is done. "length": there was no more room. "tools": it waits for results. "refused": it will not go on.
FinishReason = Literal["end", "length", "tools", "refused"]


@dataclass(frozen=True)
class Text:
    """Something said."""

    text: str


@dataclass(frozen=True)
class ToolCall:
    """The model wants this tool called. `id` is what the result refers to. It is an event too, once it is whole.

    `arguments` are what the model made up: check them against the schema before anything is done with them.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """What came of a call, for the model to read."""

    call: str
    text: str
    failed: bool = False


Part = Text | ToolCall | ToolResult


@dataclass(frozen=True)
class Turn:
    """What one side said. A user says texts and results of tools, an assistant texts and calls of tools."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Tool:
    """Something that the model may ask for. `parameters` is a JSON Schema of the type "object"."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True)
class Prompt:
    """One request. `model` is a name that the provider knows, or "" for the one that the operator has chosen.

    `choice` is "auto", "none", "required", or the name of the one tool that must be called. With a `schema` the answer
    is JSON that keeps to it: `Answer.value()`. What is None is up to the provider.
    """

    turns: tuple[Turn, ...]
    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    schema: Mapping[str, Any] | None = None
    model: str = ""
    temperature: float | None = None
    most_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextDelta:
    """The next piece of text."""

    text: str


@dataclass(frozen=True)
class Usage:
    """What was counted, in tokens. `cached` of the input was cheaper because the provider had seen it before."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True)
class Finish:
    """The last event, always. `model` is the one that answered."""

    reason: FinishReason
    model: str = ""


#: What a stream consists of: pieces of text and calls in the order in which they come, `Usage` at most once, `Finish`.
Event = TextDelta | ToolCall | Usage | Finish


@dataclass(frozen=True)
class Answer:
    """All of what a model said. `usage` is None when the provider does not count."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: FinishReason
    model: str = ""
    usage: Usage | None = None

    @property
    def turn(self) -> Turn:
        """The answer as a part of the conversation that goes on."""
        said: tuple[Part, ...] = (Text(self.text),) if self.text else ()
        return Turn("assistant", (*said, *self.calls))

    def value(self) -> Any:
        """The JSON of an answer that was asked for by a schema. `ModelUnavailableError` when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise ModelUnavailableError(
                "The language model did not answer in JSON.", remedy="Try again, or use another model."
            ) from None


@dataclass(frozen=True)
class Embeddings:
    """A vector for each text, all of one length, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage | None = None
