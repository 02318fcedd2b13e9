"""How often, after which pauses and within which limits a call is made, with answers that are written down here."""

from collections.abc import Sequence

import pytest

from botlib import FakeClock, FakeRandomness
from botserver_client import DeadlineError, RefusedError, UnreachableError, UnreadableError
from botserver_client.calling import Caller
from botserver_client.connection import Answer, Connection, Request
from botserver_client.registry import Health
from botserver_client.retrying import Retries, pause_before
from botserver_client.routes import CANCEL_TASK, GET_HEALTH, GET_TASK, LIST_NAMESPACES

pytestmark = pytest.mark.anyio

WELL = Answer(200, b'{"status": "ready", "services": []}')
BUSY = Answer(503, b'{"error": {"code": "SERVICE_UNAVAILABLE", "message": "Later."}}')
NOBODY = UnreachableError("Nobody listens.")


class Sleepless(FakeClock):
    """Passes the time as soon as somebody sleeps, and remembers for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._monotonic += seconds


class Scripted(Connection):
    """Answers what it was told to, one thing after the other."""

    def __init__(self, script: Sequence[Answer | Exception]) -> None:
        super().__init__("http://server")
        self.script = list(script)
        self.limits: list[float] = []

    async def send(self, _request: Request, limit: float) -> Answer:
        self.limits.append(limit)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def caller_of(*script: Answer | Exception, timeout: float = 30.0) -> tuple[Caller, Scripted, Sleepless]:
    connection, clock = Scripted(script), Sleepless()
    return Caller(connection, clock, FakeRandomness(), timeout=timeout, retries=Retries()), connection, clock


async def test_what_may_pass_later_is_asked_again_after_growing_pauses() -> None:
    caller, connection, clock = caller_of(NOBODY, BUSY, DeadlineError("Late."), WELL)
    # The health of a server is an answer also with 503; this route is none of those.
    assert await caller.call(Health, LIST_NAMESPACES) == Health("ready")
    assert [round(limit, 6) for limit in connection.limits[:1]] == [15.0]
    assert [0.1, 0.2, 0.4] <= clock.slept <= [0.2, 0.4, 0.8]


async def test_the_last_failure_is_told_when_all_tries_are_over() -> None:
    caller, connection, clock = caller_of(NOBODY, NOBODY, NOBODY, BUSY)
    with pytest.raises(RefusedError, match=r"Later\.") as caught:
        await caller.call(Health, LIST_NAMESPACES)
    assert (caught.value.code, len(connection.limits), len(clock.slept)) == ("SERVICE_UNAVAILABLE", 4, 3)


@pytest.mark.parametrize("answer", [BUSY, NOBODY, DeadlineError("Late.")])
async def test_what_may_have_been_done_is_not_asked_again(answer: Answer | Exception) -> None:
    caller, connection, _ = caller_of(answer, WELL)
    with pytest.raises((RefusedError, UnreachableError, DeadlineError)):
        await caller.call(Health, CANCEL_TASK, task="1")
    assert connection.limits == [30.0]


async def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    caller, _, clock = caller_of(BUSY._replace(retry_after=7.0), WELL)
    await caller.call(Health, LIST_NAMESPACES)
    assert clock.slept == [7.0]


async def test_a_pause_beyond_the_deadline_is_not_waited_for() -> None:
    caller, _, clock = caller_of(BUSY._replace(retry_after=31.0), WELL)
    with pytest.raises(RefusedError) as caught:
        await caller.call(Health, LIST_NAMESPACES)
    assert (caught.value.retry_after, clock.slept) == (31.0, [])


async def test_a_server_that_is_not_ready_is_an_answer() -> None:
    caller, connection, _ = caller_of(Answer(503, b'{"status": "not ready"}'))
    assert await caller.call(Health, GET_HEALTH) == Health("not ready")
    assert len(connection.limits) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"status": 1}', b"\xff"])
async def test_an_answer_of_something_else_is_told_once(body: bytes) -> None:
    caller, connection, _ = caller_of(Answer(200, body))
    with pytest.raises(UnreadableError, match=r"answered GET /v1/tasks/\{task\} with something"):
        await caller.call(Health, GET_TASK, task="1")
    assert len(connection.limits) == 1


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error": {"code": "NOT_FOUND", "message": "No."}}', "NOT_FOUND", "No."),
        (b'{"title": "Gone", "detail": "It is gone."}', "HTTP_404", "It is gone."),
        (b'{"error": "no"}', "HTTP_404", "The server answered with status 404."),
        (b"<html>", "HTTP_404", "The server answered with status 404."),
    ],
)
async def test_a_refusal_is_read_in_every_form(body: bytes, code: str, message: str) -> None:
    caller, _, _ = caller_of(Answer(404, body))
    with pytest.raises(RefusedError) as caught:
        await caller.call(Health, GET_TASK, task="1")
    assert (caught.value.status, caught.value.code, caught.value.message) == (404, code, message)


def test_pauses_double_up_to_a_limit_and_half_of_each_is_chance() -> None:
    retries, randomness = Retries(10, first=1.0, longest=6.0), FakeRandomness()
    for retry, pause in enumerate((1.0, 2.0, 4.0, 6.0, 6.0), start=1):
        assert pause / 2 <= pause_before(retry, retries, randomness) <= pause
    assert pause_before(1, retries, randomness, asked_for=9.0) == 9.0
