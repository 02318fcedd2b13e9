"""Which of the installed services run. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from botlib import UnavailableError
from botstate import Service, StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from botserver.discovery import Broken, Discovery
    from botstate import AppState


def select(discovery: Discovery, names: Sequence[str]) -> Discovery:
    """Those that are named, or all. Raises `StartupError` for names that are not there or broken."""
    if not names:
        return discovery
    problems = tuple(_problems(discovery, names))
    if problems:
        raise StartupError(*problems)
    return discovery._replace(services=tuple(it for it in discovery.services if it.name in names), broken=())


def stand_in(broken: Broken) -> Service:
    """A service that only tells readiness why the broken one is not there."""

    async def check(_state: AppState) -> None:
        raise UnavailableError("It cannot be loaded.", remedy="The log says more.")

    return Service(name=broken.name, summary=f"Broken; of {broken.distribution}.", check=check)


def describe_broken(broken: Broken) -> str:
    """What an operator is told about a service that cannot be loaded."""
    return f"{broken.name} (of {broken.distribution}) cannot be loaded: {broken.trouble}"


def _problems(discovery: Discovery, names: Sequence[str]) -> Iterator[str]:
    known = [service.name for service in discovery.services]
    broken = {it.name: it for it in discovery.broken}
    for name in dict.fromkeys(names):
        if name in broken:
            yield describe_broken(broken[name])
        elif name not in known:
            yield f"No service is named {name}. {_hint(name, known)}"


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Installed are {', '.join(known)}." if known else f"None is installed: pip install 'botserver[{name}]'"
