"""Whether a prompt makes sense, before it costs anything. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botlib import InvalidError
from botstate.llm.values import Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from botstate.llm.values import Prompt, Turn

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what both families of providers take


def check_request(prompt: Prompt) -> None:
    """`InvalidError` for a prompt that no provider would take. Each provider calls it first."""
    if not prompt.turns or prompt.turns[-1].role != "user":
        raise InvalidError("A prompt ends with a turn of the user.")
    _check_tools(prompt)
    open_calls: set[str] = set()
    for turn in prompt.turns:
        results = {part.call for part in turn.parts if isinstance(part, ToolResult)}
        if results != open_calls:
            raise InvalidError("Every call of a tool is followed by its result, in the next turn.")
        open_calls = {part.id for part in turn.parts if isinstance(part, ToolCall)}
        _check_parts(turn)
    if prompt.most_tokens is not None and prompt.most_tokens < 1:
        raise InvalidError("An answer of less than one token is none.")


def _check_tools(prompt: Prompt) -> None:
    names = [tool.name for tool in prompt.tools]
    if any(not _TOOL_NAME.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise InvalidError("Names of tools are different, and have 1 to 64 letters, digits, dashes and underscores.")
    if any(tool.parameters.get("type") != "object" for tool in prompt.tools):
        raise InvalidError('The parameters of a tool are a JSON Schema of the type "object".')
    if prompt.choice not in {"auto", "none", "required", *names}:
        raise InvalidError("The tool that must be called is not among the tools.")
    if prompt.choice == "required" and not names:
        raise InvalidError("A tool must be called, and there is none.")


def _check_parts(turn: Turn) -> None:
    foreign = ToolCall if turn.role == "user" else ToolResult
    if not turn.parts or any(isinstance(part, foreign) for part in turn.parts):
        raise InvalidError("A user says texts and results of tools, an assistant texts and calls of tools.")
    if any(isinstance(part, Text) and not part.text for part in turn.parts):
        raise InvalidError("A text that is said is not empty.")
