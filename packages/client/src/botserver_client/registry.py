"""What is installed on a server, who runs it, and how the server is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that has templates."""

    name: str
    handler_count: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """What a workflow is made of."""

    name: str
    namespace: str
    version: str
    step_templates: tuple[str, ...] = ()
    description: str | None = None
    input_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One life of a worker. It is taken for dead when `lease_until` is over."""

    worker_id: str
    name: str = ""
    status: str
    health: str = ""
    worker_type: str
    namespaces: tuple[str, ...]
    registered_handlers: tuple[str, ...]
    uptime_seconds: float
    host: str = ""
    pid: int | None = None
    version: str = ""
    started_at: datetime | None = None
    lease_until: datetime | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether it lives."""
        return self.health == "healthy"


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """Whether a worker lives."""

    worker_id: str
    status: str
    lease_until: datetime | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether it lives."""
        return self.status == "healthy"


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """One service of a server. `trouble` is "" when it is ready."""

    name: str
    ready: bool
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """A server, and each of its services where it tells them."""

    status: str
    services: tuple[ServiceHealth, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether work may be sent there."""
        return self.status in {"ready", "healthy"}
