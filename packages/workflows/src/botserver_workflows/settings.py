"""What an operator can choose: the parts `workflows` and `worker` of the settings of a server."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - what reads the settings looks at the types of their fields
from dataclasses import dataclass, field
from typing import Literal

#: The longest time in seconds that running steps may have when their worker stops.
LONGEST_DRAIN = 300.0


@dataclass(frozen=True)
class NamespaceSettings:
    """`limit`: how many steps of the namespace may run at a time, over all workers."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError("limit is a number of steps, at least 1.")


@dataclass(frozen=True)
class WorkflowsSettings:
    """`packages` hold templates and handlers, `environment` chooses among the overrides of templates.

    `workers`: how many steps this server runs itself, 0 for none; `lease` and `drain` are seconds: how long others wait
    for a sign of life of a worker, and how long running steps have when it stops. `keep_days`: when tasks that ended
    are forgotten. `engine` tells workers that a step may run: `local` lets them look at the rows, `dbos` sends messages
    through the queues of DBOS in the same PostgreSQL.
    """

    packages: tuple[str, ...] = ("botserver_workflows.samples",)
    environment: str = ""
    workers: int = 16
    lease: float = 30.0
    drain: float = 10.0
    keep_days: float = 30.0
    engine: Literal["local", "dbos"] = "local"
    namespaces: Mapping[str, NamespaceSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError("workers is a number of steps, at least 0.")
        if self.keep_days <= 0:
            raise ValueError("keep_days is a number of days, more than 0.")
        if self.lease < 5 or not 0 <= self.drain <= LONGEST_DRAIN:
            raise ValueError(f"lease is at least 5 seconds, and drain from 0 to {LONGEST_DRAIN:g}.")


@dataclass(frozen=True)
class WorkerSettings:
    """What `botserver worker` runs: the steps of these `namespaces`, or of all; `slots` of them at a time.

    `name` is how people call it. What is installed, lease and drain stand in the part `workflows`.
    """

    namespaces: tuple[str, ...] = ()
    slots: int = 16
    name: str = "worker"

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError("slots is a number of steps, at least 1.")
