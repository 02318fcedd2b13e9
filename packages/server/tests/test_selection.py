import asyncio

import pytest

from botlib import UnavailableError
from botserver.discovery import Broken, Discovery
from botserver.selection import select, stand_in
from botstate import AppState, Service, StartupError

BROKEN = Broken("bad", "botserver-bad", "bad:service cannot be imported.")
INSTALLED = Discovery(tuple(Service(name=name) for name in ("chat", "mail", "workflows")), (BROKEN,))


def problems(discovery: Discovery, *names: str) -> tuple[str, ...]:
    with pytest.raises(StartupError) as caught:
        select(discovery, names)
    return caught.value.problems


def test_without_names_all_are_selected_broken_ones_included() -> None:
    assert select(INSTALLED, []) == INSTALLED


def test_names_select_and_what_else_is_broken_does_not_matter() -> None:
    selected = select(INSTALLED, ["mail", "chat", "mail"])

    assert ([service.name for service in selected.services], selected.broken) == (["chat", "mail"], ())


def test_names_that_cannot_run_are_all_told() -> None:
    assert problems(INSTALLED, "workflow", "bad", "zebra") == (
        "No service is named workflow. Did you mean workflows?",
        "bad (of botserver-bad) cannot be loaded: bad:service cannot be imported.",
        "No service is named zebra. Installed are chat, mail, workflows.",
    )
    assert problems(Discovery((), ()), "mail") == (
        "No service is named mail. None is installed: pip install 'botserver[mail]'",
    )


def test_a_broken_service_is_heard_by_readiness() -> None:
    check = stand_in(BROKEN).check
    assert check is not None

    async def ask() -> None:
        await check(AppState())

    with pytest.raises(UnavailableError, match="It cannot be loaded"):
        asyncio.run(ask())
