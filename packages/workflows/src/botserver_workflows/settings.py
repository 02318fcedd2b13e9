"""What an operator can choose: the part `workflows` of the settings of a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkflowsSettings:
    """`packages` hold templates and handlers, `environment` chooses among the overrides of templates.

    `workers`: how many steps this server runs itself, 0 for none; `lease` and `drain` are seconds: how long others wait
    for a sign of life of a worker, and how long running steps have when it stops.
    """

    packages: tuple[str, ...] = ("botserver_workflows.samples",)
    environment: str = ""
    workers: int = 16
    lease: float = 30.0
    drain: float = 10.0

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError("workers is a number of steps, at least 0.")
        if self.lease < 5 or self.drain < 0:
            raise ValueError("lease is at least 5 seconds, and drain not less than 0.")
