"""Random workflows through the tables, and by the plain reading of the rules: both say the same (W9)."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from botlib import FakeRandomness, IdSource, SystemClock
from botserver_workflows.attempt import Success
from botserver_workflows.claiming import claim_steps
from botserver_workflows.completing import complete_attempt
from botserver_workflows.leases import register_worker
from botserver_workflows.proofs.checking import find_violations
from botserver_workflows.proofs.graphs import (
    HANDLER,
    NAMESPACE,
    draw_bypassed,
    draw_choices,
    draw_template,
    evaluate,
    inherit,
    value_of,
)
from botserver_workflows.proofs.memory import Access, Memory
from botserver_workflows.request import TaskRequest
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import steps
from botserver_workflows.unit import Store

if TYPE_CHECKING:
    from uuid import UUID

    from botserver_workflows.unit import Unit

_LEASE = 3_600.0


def compare_graphs(seeds: range) -> list[str]:
    """A sentence for each workflow of these seeds that did not become what the plain reading says."""
    return asyncio.run(_compare(seeds))


async def _compare(seeds: range) -> list[str]:
    memory = Memory(Random(0))  # noqa: S311 - repeatable is the point
    clock, randomness = SystemClock(), FakeRandomness()
    store = Store(Access(memory), clock, IdSource(clock, randomness))
    try:
        worker = await store.write("w", lambda unit: register_worker(unit, "w", [NAMESPACE], [HANDLER], "1", _LEASE))
        found = [it for seed in seeds for it in await _compare_one(store, worker, Random(seed), seed)]  # noqa: S311
        return found + await store.read(find_violations)
    finally:
        memory.close()


async def _compare_one(store: Store, worker: UUID, die: Random, seed: int) -> list[str]:
    template = draw_template(die, f"t{seed}")
    choices, bypassed = draw_choices(die, template), draw_bypassed(die, template)
    parents = inherit(template, bypassed)
    randomness = FakeRandomness(seed)

    async def begin(unit: Unit) -> UUID:
        await register_template(unit, template)
        return (await submit(unit, TaskRequest(NAMESPACE, template.name, bypassed=bypassed))).task_id

    async def turn(unit: Unit) -> int:
        claims = await claim_steps(unit, worker, [NAMESPACE], [HANDLER], die.randint(1, 3))
        for claim in sorted(claims, key=lambda _: die.random()):
            value = value_of(template, claim.name, choices, claim.results, parents[claim.name])
            assert await complete_attempt(unit, worker, claim, Success(value), randomness)
        return len(claims)

    async def read(unit: Unit) -> dict[str, Any]:
        rows = await unit.session.execute(select(steps.c.name, steps.c.result).where(steps.c.task_id == task_id))
        return {row.name: row.result and row.result["result"] for row in rows}

    task_id = await store.write("client", begin)
    while await store.write("w", turn):
        pass
    expected, actual = evaluate(template, choices, bypassed), await store.read(read)
    return [] if actual == expected else [f"seed {seed}: expected {expected}, and it became {actual}"]
