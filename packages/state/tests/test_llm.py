import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from botlib import InvalidError
from botstate import LLM, compose, foundation, llm_service, read_settings
from botstate.configuration import Sources
from botstate.llm import (
    AbsentModel,
    Answer,
    EchoModel,
    Finish,
    LanguageModel,
    LlmSettings,
    ModelUnavailableError,
    Prompt,
    ReplayModel,
    Reply,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    check_request,
    parse_replies,
    replay,
)
from botstate.testing import fake_state
from botstate.testing.llm import LLM_CONTRACT, LlmCheck, ScriptedModel

pytestmark = pytest.mark.anyio

HELLO = Turn("user", (Text("hello"),))


@asynccontextmanager
async def open_replay(replies: Sequence[Reply]) -> AsyncIterator[ScriptedModel]:
    model = ReplayModel(replies)
    yield ScriptedModel(model, lambda: len(model.prompts), lambda: model.cut_off)


@pytest.mark.parametrize("check", LLM_CONTRACT, ids=lambda check: check.__name__)
async def test_contract_of_replay(check: LlmCheck) -> None:
    await check(open_replay)


async def test_the_contract_catches_a_model_that_goes_on_when_it_is_left() -> None:
    @asynccontextmanager
    async def open_deaf(replies: Sequence[Reply]) -> AsyncIterator[ScriptedModel]:
        async with open_replay(replies) as it:
            yield it._replace(cut_off=lambda: 0)

    check = next(it for it in LLM_CONTRACT if it.__name__ == "leaving_a_stream_ends_the_request")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await check(open_deaf)


async def test_the_contract_catches_a_model_that_asks_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "check_request", lambda _: None)
    check = next(it for it in LLM_CONTRACT if it.__name__.startswith("what_makes_no_sense"))
    with pytest.raises(AssertionError):
        await check(open_replay)


async def test_echo_repeats_the_last_turn() -> None:
    prompt = Prompt((Turn("user", (Text("never mind"),)), Turn("assistant", (Text("fine"),)), HELLO), most_tokens=5)
    async with EchoModel().stream(prompt) as events:
        assert [it async for it in events] == [TextDelta("hello"), Usage(4, 1), Finish("end", "echo")]
    prompt = Prompt((Turn("user", (Text("one  two three"),)),), most_tokens=3, model="loud")
    answer = await EchoModel().generate(prompt)
    assert answer == Answer("one  two", (), "length", "loud", Usage(3, 3))


async def test_vectors_of_echo_are_close_when_texts_share_words() -> None:
    first, second, third = (await EchoModel().embed(["rain in Bern", "Rain in Thun", "something else"])).vectors

    def closeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert closeness(first, first) == pytest.approx(1)
    assert closeness(first, second) > closeness(first, third)


async def test_without_a_provider_it_says_so_in_one_sentence() -> None:
    sentence = '^No language model is set up on this server\\. Set llm.provider; "echo" needs nothing else\\.$'
    model: LanguageModel = AbsentModel()
    with pytest.raises(ModelUnavailableError, match=sentence):
        await model.generate(Prompt((HELLO,)))
    with pytest.raises(ModelUnavailableError, match=sentence):
        await model.embed(["hello"])
    with pytest.raises(ModelUnavailableError, match=sentence):
        model.stream(Prompt((HELLO,)))


@pytest.mark.parametrize(("provider", "kind"), [("none", AbsentModel), ("echo", EchoModel)])
async def test_it_is_a_service(provider: str, kind: type) -> None:
    settings = read_settings({"llm": LlmSettings}, Sources(options={"llm.provider": provider}))
    async with compose([foundation(settings), llm_service]) as state:
        assert type(state.llm) is kind
        assert state.llm is state.require(LLM)


async def test_replies_are_played_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "replies").write_text('[{"text": "Hi"}, {"usage": [1, 1]}, {"finish": "end"}]\n')
    options = {"llm.provider": "replay", "llm.replies": str(tmp_path / "replies")}
    settings = read_settings({"llm": LlmSettings}, Sources(options=options))
    async with compose([foundation(settings), llm_service]) as state:
        assert await state.llm.generate(Prompt((HELLO,))) == Answer("Hi", (), "end", "replay", Usage(1, 1))
        with pytest.raises(ModelUnavailableError, match=r"^There is no further reply to play\."):
            await state.llm.generate(Prompt((HELLO,)))


async def test_tests_have_a_model_that_echoes() -> None:
    assert (await fake_state().llm.generate(Prompt((HELLO,)))).text == "hello"


def test_replies_are_written_as_events() -> None:
    text = '\n[{"text": "a"}, {"tool": "t", "id": "1", "arguments": {"b": 2}}, {"finish": "tools"}]\n\n[]'
    reply = Reply((TextDelta("a"), ToolCall("1", "t", {"b": 2}), Finish("tools", "replay")))
    assert parse_replies(text) == (reply, Reply())


@pytest.mark.parametrize("line", ["{", "1", "[1]", '[{"finish": "soon"}]', '[{"tool": "t"}]', '[{"text": 1}]'])
def test_a_line_that_is_not_understood_is_named(line: str) -> None:
    with pytest.raises(InvalidError, match=r"^Line 2 of the replies is not understood\."):
        parse_replies(f"[]\n{line}")


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    for wrong in (LlmSettings.__init__,):
        with pytest.raises(ValueError, match="replies is a file"):
            wrong(LlmSettings(), "replay", None)
        with pytest.raises(ValueError, match="replies is a file"):
            wrong(LlmSettings(), "echo", tmp_path)


CALL = ToolCall("1", "t", {})
CALLED = Turn("assistant", (CALL,))
TOOL = Tool("t", "Does it.")
FINE = [
    Prompt((HELLO,)),
    Prompt((HELLO, HELLO)),
    Prompt((HELLO, CALLED, Turn("user", (ToolResult("1", ""),))), tools=(TOOL,)),
    Prompt((HELLO, CALLED, Turn("user", (Text("so"), ToolResult("1", "x")))), tools=(TOOL,), choice="t"),
]
SENSELESS = [
    Prompt(()),
    Prompt((HELLO, Turn("assistant", (Text("hi"),)))),
    Prompt((Turn("user", ()),)),
    Prompt((Turn("user", (Text(""),)),)),
    Prompt((Turn("user", (CALL,)),)),
    Prompt((Turn("user", (ToolResult("1", "x"),)),)),
    Prompt((HELLO, CALLED, HELLO)),
    Prompt((HELLO, CALLED, Turn("user", (ToolResult("2", "x"),)))),
    Prompt((HELLO, Turn("assistant", (ToolResult("1", "x"),)), HELLO)),
    Prompt((HELLO,), tools=(TOOL, TOOL)),
    Prompt((HELLO,), tools=(Tool("a tool", ""),)),
    Prompt((HELLO,), tools=(Tool("t", "", {"type": "array"}),)),
    Prompt((HELLO,), choice="t"),
    Prompt((HELLO,), choice="required"),
    Prompt((HELLO,), most_tokens=0),
]


@pytest.mark.parametrize("prompt", FINE)
def test_this_prompt_makes_sense(prompt: Prompt) -> None:
    check_request(prompt)


@pytest.mark.parametrize("prompt", SENSELESS)
def test_this_prompt_makes_none(prompt: Prompt) -> None:
    with pytest.raises(InvalidError):
        check_request(prompt)
