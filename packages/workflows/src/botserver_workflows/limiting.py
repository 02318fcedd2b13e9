"""How many steps of a namespace may run at a time, over all workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from botserver_workflows.states import StepState
from botserver_workflows.tables import namespaces, steps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from botserver_workflows.unit import Unit


async def set_limits(unit: Unit, limits: Mapping[str, int]) -> None:
    """These are the limits from now on; every other namespace has none. Workers know them after a sign of life."""
    await unit.session.execute(delete(namespaces))
    if limits:
        await unit.session.execute(insert(namespaces), [{"name": it, "limit": limits[it]} for it in sorted(limits)])


async def limited_namespaces(unit: Unit) -> frozenset[str]:
    """The namespaces that have a limit."""
    return frozenset((await unit.session.execute(select(namespaces.c.name))).scalars())


async def free_places(unit: Unit, names: Collection[str]) -> dict[str, int]:
    """How many more steps may be started in each of these namespaces until this unit ends.

    Those that another worker takes from at the moment are left out: its turn is short.
    """
    query = select(namespaces.c.name, namespaces.c.limit).where(namespaces.c.name.in_(names))
    query = query.order_by(namespaces.c.name)
    limits = {row.name: row.limit for row in await unit.session.execute(query.with_for_update(skip_locked=True))}
    counted = (
        select(steps.c.namespace, func.count().label("running"))
        .where(steps.c.state == StepState.IN_PROGRESS.value, steps.c.namespace.in_(limits))
        .group_by(steps.c.namespace)
    )
    running = {row.namespace: row.running for row in await unit.session.execute(counted)}
    return {name: max(0, limit - running.get(name, 0)) for name, limit in limits.items()}
