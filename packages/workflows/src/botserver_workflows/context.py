"""What the routes of this service work with. Opened once, at start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botstate import Capability

if TYPE_CHECKING:
    from botserver_workflows.doorbell import Doorbell
    from botserver_workflows.library import Library
    from botserver_workflows.lives import Lives
    from botserver_workflows.unit import Store


class Workflows(NamedTuple):
    """The tables, what is installed, and the bell of the workers in this process."""

    store: Store
    library: Library
    doorbell: Doorbell


WORKFLOWS = Capability[Workflows]("workflows", remedy="Install botserver[workflows].")


class Working(NamedTuple):
    """A process that runs steps: the tables, what is installed, and its worker."""

    store: Store
    library: Library
    lives: Lives


WORKING = Capability[Working]("worker", remedy="Start it by `botserver worker`.")
