"""The page in a real browser, used as a person uses it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from botserver_containers.capability import ORCHESTRATOR
from botserver_containers.podman.mock import Behaviour
from botserver_containers.router import create_router
from botserver_containers.settings import ContainersSettings
from botserver_containers.testing import IMAGE, World, open_world
from botserver_core.testing import find_faults, open_browser, open_page, running
from botstate import CLOCK, RANDOMNESS, SETTINGS, AppState, Provider, Service, Settings, foundation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from botserver_containers.orchestrator.orchestrator import Orchestrator

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as it:
        yield it


async def let_time_pass(world: World) -> None:
    while True:
        await asyncio.sleep(0.02)
        await world.clock.advance(0.02)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server over the mock, in real time, with two apps."""

    @asynccontextmanager
    async def open_orchestrator(_state: AppState) -> AsyncIterator[Orchestrator]:
        async with open_world(tmp_path) as world:
            world.mock.registry[IMAGE] = Behaviour(log=("well met",))
            for name in ("filebrowser", "mempool-db"):
                await world.install(name)
            going = asyncio.create_task(let_time_pass(world))
            try:
                yield world.orchestrator
            finally:
                going.cancel()

    service = Service(
        name="containers",
        create_router=create_router,
        paths=("/rpc", "/ws", "/containers"),
        page="/containers/",
        settings=ContainersSettings,
        provides=(Provider(ORCHESTRATOR, open_orchestrator),),
        requires=(SETTINGS, CLOCK, RANDOMNESS),
    )
    with running([foundation(Settings({"containers": ContainersSettings()})), service]) as address:
        yield address


def test_apps_are_stopped_started_read_and_removed_by_keyboard(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/containers/") as (page, noise):
        card = page.locator('[data-app="filebrowser"]')
        state = card.locator('[data-field="state"]')
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        expect(state).to_have_text("running")
        card.get_by_role("button", name="Stop filebrowser").focus()
        page.keyboard.press("Enter")
        expect(state).to_have_text("stopped")
        card.get_by_role("button", name="Start filebrowser").focus()
        page.keyboard.press("Enter")
        expect(state).to_have_text("running")
        card.get_by_role("button", name="Logs of filebrowser").focus()
        page.keyboard.press("Enter")
        expect(card.locator("pre")).to_contain_text("well met")
        assert find_faults(page) == []
        card.get_by_role("button", name="Uninstall filebrowser").focus()
        page.keyboard.press("Enter")
        dialog = page.locator("#sure")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        page.keyboard.press("Tab")
        expect(dialog.get_by_role("button", name="Uninstall")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("[data-app]")).to_have_count(1)
        expect(page.locator('[data-app="mempool-db"] [data-field="state"]')).to_have_text("running")
        assert noise == []


def test_a_question_that_was_dismissed_does_not_answer_the_next_one(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/containers/") as (page, noise):
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        # In one go: a dialog tells that it was closed only afterwards, when it asks again already.
        page.evaluate("""() => {
            const dialog = document.querySelector("#sure");
            for (const app of ["mempool-db", "filebrowser"]) {
                document.querySelector(`[data-app="${app}"] [data-verb="uninstall"]`).click();
                if (app === "mempool-db") dialog.close();
            }
        }""")
        page.get_by_role("dialog").get_by_role("button", name="Uninstall").click()
        expect(page.locator('[data-app="filebrowser"]')).to_have_count(0)
        expect(page.locator("[data-app]")).to_have_count(1)
        assert noise == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_in_light_and_dark_and_without_scripts(browser: Browser, url: str, scheme: str) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": 400, "height": 800}}
    with open_page(browser, url, "/containers/", **options) as (page, noise):
        assert find_faults(page) == []
        assert noise == []
    with open_page(browser, url, "/containers/", java_script_enabled=False) as (page, _noise):
        expect(page.locator('[data-app="filebrowser"] [data-field="state"]')).to_have_text("running")
