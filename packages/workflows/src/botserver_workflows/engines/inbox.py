"""The supply of engines that carry messages: those of one life of a worker, until they are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botserver_workflows.claiming import claim_steps, enqueued_handlers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from botserver_workflows.attempt import Claim
    from botserver_workflows.engine import Life, Message
    from botserver_workflows.unit import Unit


class _Letter(NamedTuple):
    message: Message
    settle: Callable[[], None]


class Inbox:
    """Messages wait here until there is room. One whose step cannot run now is settled, as another one comes for it.

    A step whose handler this worker does not have is left to others: `give_back` sends its message again.
    """

    def __init__(self, life: Life, give_back: Callable[[Message], None]) -> None:
        self._life = life
        self._give_back = give_back
        self._waiting: dict[UUID, list[_Letter]] = {}
        self._running: dict[UUID, list[_Letter]] = {}
        self._stale: set[UUID] = set()
        self._foreign: set[UUID] = set()

    def put(self, message: Message, settle: Callable[[], None]) -> None:
        """A message has come. `settle` tells the engine that it is done with."""
        self._waiting.setdefault(message.step_id, []).append(_Letter(message, settle))
        self._life.doorbell.ring()

    async def claim(self, unit: Unit, room: int, limited: Collection[str]) -> list[Claim]:
        """Start those that may run. What becomes of the others is settled when the unit is stored."""
        life, ids = self._life, list(self._waiting)
        self._stale, self._foreign = set(), set()
        if not ids:
            return []
        claims = await claim_steps(unit, life.worker_id, life.namespaces, life.handlers, room, limited, among=ids)
        left = set(ids) - {claim.step_id for claim in claims}
        handlers = await enqueued_handlers(unit, left)
        self._stale = left - handlers.keys()
        self._foreign = {step_id for step_id, handler in handlers.items() if handler not in life.handlers}
        return claims

    def begin(self, claims: Sequence[Claim]) -> None:
        """These run now; their messages are settled when they end."""
        for claim in claims:
            self._running.setdefault(claim.step_id, []).extend(self._waiting.pop(claim.step_id, ()))
        for step_id in self._foreign:
            self._give_back(self._waiting[step_id][0].message)
        for step_id in self._stale | self._foreign:
            _settle_all(self._waiting.pop(step_id, ()))
        self._stale, self._foreign = set(), set()

    def settle(self, claim: Claim) -> None:
        """Its handler has ended, and there is room for another message."""
        _settle_all(self._running.pop(claim.step_id, ()))


def _settle_all(letters: Sequence[_Letter]) -> None:
    for letter in letters:
        letter.settle()
