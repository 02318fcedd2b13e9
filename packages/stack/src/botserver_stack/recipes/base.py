"""What a recipe is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botserver_stack.ports import HOST

if TYPE_CHECKING:
    from botlib import Clock, Secret
    from botserver_stack.spawning import Order

#: Runs a program to its end as a child of the keeper. Raises `StackError` with what it said when it fails.
Run = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True)
class Site:
    """Where one server of one stack stands.

    `folder` is its own, `stack` the one of the whole stack. `published` is what the servers of lower layers publish.
    """

    stack: str
    folder: str
    port: int
    user: str
    password: Secret
    environment: dict[str, str]
    published: dict[str, str]
    clock: Clock

    @property
    def host(self) -> str:
        return HOST

    @property
    def data(self) -> str:
        return os.path.join(self.folder, "data")


@dataclass(frozen=True)
class Launch:
    """How to start a server, and how to end it: signals with the seconds that each is given, before SIGKILL."""

    order: Order
    signals: tuple[tuple[str, float], ...]
    lock_file: str = ""


class Recipe(Protocol):
    """A server. Recipes hold no state: what belongs to a stack is in its `Site`.

    `name` is what people call it in `--services`, `title` what messages do, `folder` its place in the stack's folder,
    `port` the one that the plan gives it, `user` the name to log in with, where {random} stands for chance. Several may
    share a name: `choice` names one of them alone, and the `recommended` one says how to get any. Servers of layer 2
    are started when those of layer 1 are ready, and ended before them. `warning` is what its user must know, or "".
    """

    @property
    def name(self) -> str: ...
    @property
    def choice(self) -> str: ...
    @property
    def recommended(self) -> bool: ...
    @property
    def warning(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def folder(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def layer(self) -> int: ...

    def find(self) -> str:
        """The path of its program. Raises `StackError` that says how to get it."""
        ...

    async def prepare(self, site: Site, run: Run) -> None:
        """Make its files. Called once for a stack."""
        ...

    async def launch(self, site: Site) -> Launch:
        """How to start it on the port of the site. Called for each start."""
        ...

    async def is_up(self, site: Site) -> bool:
        """Whether it listens. Cheap: it is asked every few milliseconds."""
        ...

    async def settle(self, site: Site) -> None:
        """Create what a client expects to be there. Called once, when it is up for the first time."""
        ...

    async def is_ready(self, site: Site) -> bool:
        """Whether a client's first real request works, by the published address and password."""
        ...

    async def explain(self, site: Site) -> str:
        """Why it is up and not ready, as it says itself; "" when it says no more than its log does."""
        ...

    def publish(self, site: Site) -> dict[str, str]:
        """The variables of `env.stack` by which clients find it."""
        ...
