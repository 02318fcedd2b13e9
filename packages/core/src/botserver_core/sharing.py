"""What the answers of one application share, wherever a request has got to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from starlette.requests import HTTPConnection

    from botlib import Clock
    from botserver_core.rendering import Pages
    from botserver_core.shapes import Territories
    from botserver_core.stopping import Switch

_KEY = "botserver"


class Shared(NamedTuple):
    """One an application. It travels in the scope, so applications that are mounted within find it too."""

    pages: Pages
    territories: Territories
    switch: Switch
    clock: Clock


def share(scope: MutableMapping[str, Any], shared: Shared) -> None:
    """Put it into the scope of a request."""
    scope[_KEY] = shared


def shared_of(connection: HTTPConnection) -> Shared:
    """What `create_app` has put into the scope of this request or socket."""
    found: Shared = connection.scope[_KEY]
    return found


async def wait_for_stop(connection: HTTPConnection) -> None:
    """Return when the server is told to stop. What answers without an end of its own ends then."""
    await shared_of(connection).switch.wait()
