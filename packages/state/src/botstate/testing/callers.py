"""What every `Callers` does: names who is known, and takes everybody else for a stranger, whatever was sent.

A check is called with the implementation, and with headers that belong to a caller whom it knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from botstate.callers import Caller, Callers

RawHeaders = Sequence[tuple[bytes, bytes]]
CallersCheck = Callable[[Callers, RawHeaders], Awaitable[None]]


async def knows_its_own(callers: Callers, known: RawHeaders) -> None:
    caller = await callers.identify(known, b"")

    assert caller.user or caller.token
    assert await callers.identify(known, b"") == caller


async def never_tells_a_token(callers: Callers, known: RawHeaders) -> None:
    caller = await callers.identify(known, b"")

    sent = {part for _, value in known for part in value.decode("latin-1").split()}
    assert not sent & {caller.user, caller.token}


async def takes_everybody_else_for_a_stranger(callers: Callers, known: RawHeaders) -> None:
    guesses: list[RawHeaders] = [
        [],
        [(name, value + b"x") for name, value in known],
        [(name, b"") for name, _ in known],
        [(name, b"\xff\x00" * 5000) for name, _ in known],
        [(b"authorization", b"Bearer " + b"a" * 10_000), (b"cookie", b"a=b; ;=")],
    ]
    for headers in guesses:
        assert await callers.identify(headers, b"api_key=%ff&token=") == Caller()


CALLERS_CONTRACT: tuple[CallersCheck, ...] = (
    knows_its_own,
    never_tells_a_token,
    takes_everybody_else_for_a_stranger,
)
