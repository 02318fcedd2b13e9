"""What every `LanguageModel` does. Each check gets a way to open one whose provider answers with these replies.

For a real provider that is a server on loopback that speaks its language.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import NamedTuple

from botlib import BotError, InvalidError
from botstate.llm.errors import ContextTooLongError, ModelBusyError, ModelUnavailableError, RefusedError
from botstate.llm.model import LanguageModel  # noqa: TC001 - a NamedTuple names it
from botstate.llm.replay import Reply
from botstate.llm.values import (
    Answer,
    Event,
    Finish,
    Prompt,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)


class ScriptedModel(NamedTuple):
    """A model, how many requests its provider has got, and how many of them were cut off before their end."""

    model: LanguageModel
    requests: Callable[[], int]
    cut_off: Callable[[], int]


OpenModel = Callable[[Sequence[Reply]], AbstractAsyncContextManager[ScriptedModel]]
LlmCheck = Callable[[OpenModel], Awaitable[None]]

WEATHER = Tool(
    "weather",
    "Tells the weather of a town.",
    {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
)
_HELLO = Prompt((Turn("user", (Text("Hello"),)),))
_CALL = ToolCall("call-1", "weather", {"town": "Bern", "days": [1, 2], "deep": {"ä": None}})


async def an_answer_comes_in_pieces(open_model: OpenModel) -> None:
    told = (TextDelta("Good "), TextDelta("mörning\n"), Usage(5, 2, 1), Finish("end"))
    async with open_model([Reply(told)]) as it, it.model.stream(_HELLO) as events:
        got = [event async for event in events]
    assert "".join(event.text for event in got if isinstance(event, TextDelta)) == "Good mörning\n"
    assert [event for event in got if isinstance(event, Usage)] == [Usage(5, 2, 1)]
    assert isinstance(got[-1], Finish)
    assert got[-1].reason == "end"


async def an_answer_can_be_had_as_a_whole(open_model: OpenModel) -> None:
    async with open_model([Reply((TextDelta("Good "), TextDelta("day"), Usage(5, 2), Finish("length")))]) as it:
        answer = await it.model.generate(_HELLO)
    assert (answer.text, answer.calls, answer.finish, answer.usage) == ("Good day", (), "length", Usage(5, 2))
    assert answer.turn == Turn("assistant", (Text("Good day"),))


async def a_piece_is_told_before_the_next_one_is_there(open_model: OpenModel) -> None:
    async with open_model([Reply((TextDelta("Well, "),), hangs=True)]) as it, it.model.stream(_HELLO) as events:
        assert await _within_a_while(anext(events)) == TextDelta("Well, ")


async def tools_are_called_and_answered(open_model: OpenModel) -> None:
    second = ToolCall("call-2", "weather", {"town": "Thun"})
    replies = [
        Reply((TextDelta("I look."), _CALL, second, Finish("tools"))),
        Reply((TextDelta("Rain."), Finish("end"))),
    ]
    async with open_model(replies) as it:
        prompt = Prompt(_HELLO.turns, "Be short.", (WEATHER,), choice="weather")
        first = await it.model.generate(prompt)
        assert (first.text, first.calls, first.finish) == ("I look.", (_CALL, second), "tools")
        results = (ToolResult("call-1", "rain"), ToolResult("call-2", "No such town.", failed=True))
        going_on = Prompt((*_HELLO.turns, first.turn, Turn("user", results)), tools=(WEATHER,))
        assert (await it.model.generate(going_on)).text == "Rain."
        assert it.requests() == 2


async def an_answer_keeps_to_a_schema(open_model: OpenModel) -> None:
    schema = {"type": "object", "properties": {"rain": {"type": "boolean"}}, "required": ["rain"]}
    replies = [
        Reply((TextDelta('{"rain":'), TextDelta(" true}"), Finish("end"))),
        Reply((TextDelta("no"), Finish("end"))),
    ]
    async with open_model(replies) as it:
        answer = await it.model.generate(Prompt(_HELLO.turns, schema=schema))
        assert answer.value() == {"rain": True}
        answer = await it.model.generate(Prompt(_HELLO.turns, schema=schema))
        accepted = False
        with suppress(ModelUnavailableError):
            answer.value()
            accepted = True
        assert not accepted


async def a_refusal_half_way_is_a_finish(open_model: OpenModel) -> None:
    async with open_model([Reply((TextDelta("First you"), Finish("refused")))]) as it:
        answer = await it.model.generate(_HELLO)
    assert (answer.text, answer.finish) == ("First you", "refused")


async def errors_have_their_kinds(open_model: OpenModel) -> None:
    errors: list[BotError] = [
        ModelBusyError("Later.", retry_after=7),
        ContextTooLongError("Too long."),
        RefusedError("No."),
        ModelUnavailableError("Away."),
    ]
    async with open_model([Reply(error=error) for error in errors]) as it:
        raised = [await _raised(it.model) for _ in errors]
        assert [type(error) for error in raised] == [type(error) for error in errors]
        assert getattr(raised[0], "retry_after", None) == 7
        assert it.requests() == len(errors), "a provider does not try again by itself"


async def a_stream_that_breaks_off_is_an_error(open_model: OpenModel) -> None:
    broken = [Reply((TextDelta("Well, "),), error=ModelUnavailableError("Away.")), Reply((TextDelta("Well, "),))]
    async with open_model(broken) as it:
        for _ in broken:
            assert isinstance(await _raised(it.model), ModelUnavailableError)


async def leaving_a_stream_ends_the_request(open_model: OpenModel) -> None:
    async with open_model([Reply((TextDelta("Well, "),), hangs=True)] * 3) as it:
        async with it.model.stream(_HELLO) as events:
            await _within_a_while(anext(events))
        await _until(lambda: it.cut_off() == 1)
        reading = asyncio.create_task(_read_all(it.model))
        await _until(lambda: it.requests() == 2)
        reading.cancel()
        await asyncio.wait([reading])
        await _until(lambda: it.cut_off() == 2)
        generating = asyncio.create_task(it.model.generate(_HELLO))
        await _until(lambda: it.requests() == 3)
        generating.cancel()
        await asyncio.wait([generating])
        await _until(lambda: it.cut_off() == 3)
        assert generating.cancelled()


async def several_are_asked_at_once(open_model: OpenModel) -> None:
    replies = [Reply((TextDelta(str(number)), Finish("end"))) for number in range(10)]
    async with open_model(replies) as it:
        answers = await asyncio.gather(*(it.model.generate(_HELLO) for _ in replies))
    assert sorted(answer.text for answer in answers) == [str(number) for number in range(10)]


async def what_makes_no_sense_is_refused_before_it_costs_anything(open_model: OpenModel) -> None:
    async with open_model([Reply((Finish("end"),))]) as it:
        accepted = False
        with suppress(InvalidError):
            await it.model.generate(Prompt(()))
            accepted = True
        assert not accepted
        assert it.requests() == 0


async def texts_become_vectors(open_model: OpenModel) -> None:
    async with open_model([]) as it:
        embeddings = await it.model.embed(["rain", "sun", "rain"])
        assert len(embeddings.vectors) == 3
        assert embeddings.vectors[0] == embeddings.vectors[2] != embeddings.vectors[1]
        assert len({len(vector) for vector in embeddings.vectors}) == 1
        assert (await it.model.embed([])).vectors == ()


LLM_CONTRACT: tuple[LlmCheck, ...] = (
    an_answer_comes_in_pieces,
    an_answer_can_be_had_as_a_whole,
    a_piece_is_told_before_the_next_one_is_there,
    tools_are_called_and_answered,
    an_answer_keeps_to_a_schema,
    a_refusal_half_way_is_a_finish,
    errors_have_their_kinds,
    a_stream_that_breaks_off_is_an_error,
    leaving_a_stream_ends_the_request,
    several_are_asked_at_once,
    what_makes_no_sense_is_refused_before_it_costs_anything,
    texts_become_vectors,
)


async def _raised(model: LanguageModel) -> BotError | Answer:
    try:
        return await model.generate(_HELLO)
    except BotError as error:
        return error


async def _read_all(model: LanguageModel) -> list[Event]:
    async with model.stream(_HELLO) as events:
        return [event async for event in events]


async def _within_a_while(step: Awaitable[Event]) -> Event:
    async with asyncio.timeout(10):
        return await step


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)
