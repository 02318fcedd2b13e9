"""How the suites wait, and what they find."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vexa_client import VexaClient

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 60.0  # seconds that anything may take when the plan's own pauses are not kept
_PAUSE = 0.1


class SuiteError(AssertionError):
    """A suite has found something else than the plan says."""


def check(condition: object, what: str) -> None:
    """Go on when it is so; else the suite has failed, for this reason."""
    if not condition:
        raise SuiteError(what)


@dataclass
class Run:
    """One pass through the plan: `real_time` keeps its pauses, else each wait ends when what is waited for is there.

    `user` and `bots` go from suite to suite, as in the plan; `findings` are for the report.
    """

    url: str
    admin_token: str
    real_time: bool = False
    user: Any = None
    bots: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def admin(self) -> Any:
        """The client of the admin."""
        return VexaClient(base_url=self.url, admin_key=self.admin_token)

    def new_user(self, name: str, limit: int = 2) -> Any:
        """A client of a user that nobody else has."""
        user = self.admin.create_user(f"smoke-{name}-{time.time_ns()}@example.com", name, max_concurrent_bots=limit)
        check(user["max_concurrent_bots"] == limit, f"the limit is {user['max_concurrent_bots']}, not {limit}")
        token = self.admin.create_token(user["id"])
        return VexaClient(base_url=self.url, api_key=token["token"])

    def wait(self, seconds: float, condition: Callable[[], object], what: str) -> None:
        """The pause of the plan, and then it is so; or, when time is not kept, until it is so."""
        if self.real_time:
            time.sleep(seconds)
            check(condition(), f"after {seconds:g} seconds: {what}")
            return
        deadline = time.monotonic() + LIMIT
        while not condition():
            check(time.monotonic() < deadline, f"not within {LIMIT:g} seconds: {what}")
            time.sleep(_PAUSE)

    def find(self, user: Any, native_meeting_id: str) -> dict[str, Any]:
        """The newest meeting of this id."""
        found = [it for it in user.get_meetings() if it["native_meeting_id"] == native_meeting_id]
        check(found, f"there is no meeting {native_meeting_id}")
        meeting: dict[str, Any] = found[0]
        return meeting

    def is_in(self, user: Any, native_meeting_id: str, *statuses: str) -> bool:
        """Whether its status is one of these."""
        return self.find(user, native_meeting_id)["status"] in statuses


def refused(call: Callable[[], object], what: str) -> str:
    """The text of the refusal that has to come."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the plan takes any refusal
        return str(error)
    raise SuiteError(f"{what} was not refused")
