"""What a server connects to: the services of the basis are opened as a server would, asked, and closed again."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from botlib import BotError
from botserver.doctor.finding import Finding
from botstate import STANDINGS, AppState, compose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from botserver.doctor.finding import State
    from botserver.tables import Tables
    from botstate import Service
    from botstate.migrations import Branch

#: Seconds that one answer may take, and from which on it is doubtful.
TIME_LIMIT, SLOW = 5.0, 0.25


async def check_backends(services: Sequence[Service]) -> tuple[Finding, ...]:
    """How each of them answers. `services` are those of the basis: no installed service is started by this."""
    async with compose(services) as state:
        troubles = {it.service: it.trouble for it in state.require(STANDINGS)}
        found: list[Finding] = []
        for service in services:
            if troubles[service.name]:
                found.append(Finding(service.name, "fail", troubles[service.name], _next_step(service.name)))
            elif service.check is not None:
                found.append(await _ask(service.name, service.check, state))
        return tuple(found)


async def check_database(tables: Tables, *, upgrades: bool) -> tuple[Finding, ...]:
    """How fast it answers, and how the tables of each service stand. Nothing is changed.

    `upgrades`: whether a server applies what is missing when it starts.
    """
    from botstate.migrations.connecting import connect

    async def ping(_state: AppState) -> None:
        async with connect(tables.located) as connection:
            await connection.exec_driver_sql("SELECT 1")

    answer = await _ask("database", ping, AppState())  # the first one also loads the driver
    if answer.state == "fail":
        return (answer,)
    answer = await _ask("database", ping, AppState())
    try:
        branches = await tables.status()
    except BotError as error:
        return answer, Finding("tables", "fail", str(error), "Mend the package that it names, or leave it out.")
    return answer, _judge(branches, upgrades=upgrades)


def _judge(branches: Sequence[Branch], *, upgrades: bool) -> Finding:
    harmful = {"newer"} if upgrades else {"newer", "behind"}
    kinds_of: tuple[tuple[State, set[str]], ...] = (("fail", harmful), ("warn", {"removed"}))
    for state, kinds in kinds_of:
        sentences = [it.sentence for it in branches if it.state in kinds]
        if sentences:
            return Finding("tables", state, "\n".join(sentences), "`botserver db status` tells how each one stands.")
    missing = [revision for it in branches for revision in it.pending]
    if missing:
        return Finding("tables", "pass", f"The next start applies {', '.join(missing)}.")
    return Finding("tables", "pass", "They are up to date.")


async def _ask(name: str, question: Callable[[AppState], Awaitable[None]], state: AppState) -> Finding:
    began = time.perf_counter()
    limit = asyncio.timeout(TIME_LIMIT)
    try:
        async with limit:
            await question(state)
    except Exception as error:  # noqa: BLE001 - whatever a backend raises is a finding
        if limit.expired():
            return Finding(name, "fail", f"It does not answer within {TIME_LIMIT:g} seconds.", _next_step(name))
        text = str(error) if isinstance(error, BotError) else f"It answers with {type(error).__name__}."
        return Finding(name, "fail", text, _next_step(name))
    seconds = time.perf_counter() - began
    text = f"It answers within {seconds * 1000:.1f} ms."
    if seconds > SLOW:
        return Finding(name, "warn", text, "Bring it nearer, or look for what keeps it busy.")
    return Finding(name, "pass", text)


def _next_step(name: str) -> str:
    return f"Look at the settings of {name}: `botserver config show`."
