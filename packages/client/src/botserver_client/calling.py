"""Makes calls: each within its deadline, again where that is safe, its answer read into a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from botserver_client.connection import Request
from botserver_client.errors import DeadlineError, UnreachableError, UnreadableError, read_refusal
from botserver_client.retrying import limit_of_attempt, may_pass_later, pause_before

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botlib import Clock, Randomness
    from botserver_client.connection import Answer, Connection
    from botserver_client.errors import ClientError
    from botserver_client.retrying import Retries
    from botserver_client.routes import Route

T = TypeVar("T")


class Caller:
    """Calls one server. `timeout` is how many seconds a call may take, with its retries and the pauses between them."""

    def __init__(
        self, connection: Connection, clock: Clock, randomness: Randomness, *, timeout: float, retries: Retries
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.randomness = randomness
        self.timeout = timeout
        self._retries = retries

    async def call(
        self,
        kind: type[T],
        route: Route,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        within: float | None = None,
        **parts: object,
    ) -> T:
        """The answer as a value of this kind, or a `ClientError`. `within` is a shorter time than `timeout`."""
        import msgspec

        asked = {name: str(value) for name, value in (query or {}).items() if value is not None}
        content = None if body is None else msgspec.json.encode(body)
        request = Request(route.method, route.at(**parts), asked, content)
        answer = await self._answer(route, request, min(self.timeout, within or self.timeout))
        if not 200 <= answer.status < 300 and answer.status not in route.answers:
            raise read_refusal(answer.status, answer.body, answer.retry_after)
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableError(
                f"{self.connection.base_url} answered {route.method} {route.path} with something else: {error}.",
                remedy="Is this the address of a workflows service?",
            ) from None

    async def _answer(self, route: Route, request: Request, within: float) -> Answer:
        deadline = self.clock.monotonic() + within
        tries = self._retries.most if route.repeatable else 0
        for retry in range(tries + 1):
            limit = limit_of_attempt(deadline - self.clock.monotonic(), is_last=retry == tries)
            failure: ClientError
            try:
                answer = await self.connection.send(request, limit)
            except (UnreachableError, DeadlineError) as error:
                failure, asked_for = error, None
            else:
                if not may_pass_later(route, answer.status):
                    return answer
                failure, asked_for = read_refusal(answer.status, answer.body, answer.retry_after), answer.retry_after
            pause = pause_before(retry + 1, self._retries, self.randomness, asked_for=asked_for)
            if retry == tries or self.clock.monotonic() + pause >= deadline:
                raise failure
            await self.clock.sleep(pause)
        raise AssertionError("the last try returns or raises")


def plain(value: object) -> Any:
    """A value as JSON has it: dictionaries, lists, text and numbers."""
    import msgspec

    return msgspec.json.decode(msgspec.json.encode(value))  # its own shortcut would keep tuples
