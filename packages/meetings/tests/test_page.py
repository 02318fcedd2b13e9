"""The page in a real browser, used as a person uses it."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, expect

from botlib import SystemClock
from botserver_core.testing import find_faults, open_browser, open_page, running
from botserver_meetings.testing import ADMIN, FakeRunner, create_services

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Api:
    """The API behind the page, for what others do meanwhile."""

    def __init__(self, url: str, runner: FakeRunner) -> None:
        self.url = url
        self.runner = runner
        self.users = 0

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        sent = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, sent, {**(headers or {}), "Content-Type": "application/json"})
        request.method = method
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def user(self, limit: int = 3) -> str:
        self.users += 1
        body = {"email": f"user-{self.users}@example.org", "max_concurrent_bots": limit}
        user = self.ask("POST", "/admin/users", body, ADMIN)
        key: str = self.ask("POST", f"/admin/users/{user['id']}/tokens", None, ADMIN)["token"]
        return key

    def bot(self, key: str, name: str) -> dict[str, Any]:
        """The BOT_CONFIG of a new bot."""
        wish = {"platform": "google_meet", "native_meeting_id": name}
        meeting = self.ask("POST", "/bots", wish, {"X-API-Key": key})
        return self.config_of(meeting["id"])

    def config_of(self, meeting_id: int) -> dict[str, Any]:
        name = next(it for it in self.runner.configs if it.startswith(f"vexa-bot-{meeting_id}-"))
        found: dict[str, Any] = json.loads(self.runner.configs[name])
        return found

    def say(self, config: dict[str, Any], path: str, method: str = "POST", **body: Any) -> None:
        sent = {"connection_id": config["connectionId"], **body}
        self.ask(method, f"/bots/internal/{path}", sent, {"Authorization": f"Bearer {config['token']}"})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as it:
        yield it


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    runner = FakeRunner()
    with running(create_services(tmp_path_factory.mktemp("page"), SystemClock(), runner)) as url:
        yield Api(url, runner)


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bots now")).to_be_visible()


def test_bots_are_seen_as_they_come_speak_and_go(browser: Browser, api: Api) -> None:
    key = api.user()
    with open_page(browser, api.url, "/meetings/") as (page, noise):
        sign_in(page, key)
        expect(page.get_by_text("No bot is in a meeting.")).to_be_visible()
        config = api.bot(key, "daily")
        card = page.get_by_role("region", name="daily")
        expect(card.get_by_text("reserved", exact=True)).to_be_visible()

        api.say(config, "callback/started")
        api.say(config, "callback/joined")
        expect(card.locator(".badge")).to_have_text("active")
        expect(card.get_by_role("list", name="History of daily")).to_contain_text("starting")
        piece = {"start": 0, "end": 2, "text": "Good morning", "speaker": "Ben", "completed": False}
        api.say(config, "transcription", segments=[piece])
        expect(card.get_by_text("Good morning …")).to_be_visible()
        whole = {**piece, "text": "Good morning, <b>all</b>", "completed": True}
        api.say(config, "transcription", segments=[whole])
        expect(card.get_by_text("Ben Good morning, <b>all</b>")).to_be_visible()

        card.get_by_label("Language").fill("fr")
        page.keyboard.press("Enter")
        expect(card.get_by_label("Language")).to_have_value("fr")
        card.get_by_role("button", name="Stop the bot in daily").press("Enter")
        api.say(config, "callback/status", "PATCH", status="stopping")
        expect(card.locator(".badge")).to_have_text("stopping")
        api.say(config, "callback/exited", exit_code=0, reason="stopped")
        expect(page.locator("#ended summary")).to_contain_text("completed")
        expect(card).to_have_count(0)
    assert noise == []
    path = f"/bots/internal/commands?connection_id={config['connectionId']}"
    told = api.ask("GET", path, None, {"Authorization": f"Bearer {config['token']}"})
    assert told == {"commands": [], "over": True}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_it_can_be_used_by_everybody(browser: Browser, api: Api, scheme: str, width: int) -> None:
    key = api.user()
    api.bot(key, "weekly")
    config = api.bot(key, "daily")
    api.say(config, "callback/started")
    api.say(config, "callback/joined")
    ended = api.bot(key, "over")
    api.say(ended, "callback/exited", exit_code=1, reason="execution_error")
    with open_page(browser, api.url, "/meetings/", color_scheme=scheme, viewport={"width": width, "height": 800}) as (
        page,
        noise,
    ):
        faults = find_faults(page)
        sign_in(page, key)
        page.locator("summary").click()
        faults += find_faults(page)
    assert (faults, noise) == ([], [])


def test_it_works_without_scripts(browser: Browser, api: Api) -> None:
    key = api.user(limit=1)
    with open_page(browser, api.url, "/meetings/", java_script_enabled=False) as (page, noise):
        sign_in(page, key)
        for _ in range(2):
            page.get_by_label("Meeting id").fill("daily")
            page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("Maximum concurrent bots limit reached (1)")
        page.get_by_role("button", name="Stop the bot in daily").click()
        expect(page.locator("#ended summary")).to_contain_text("completed")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
    assert [it for it in noise if "409" not in it] == []


def test_strangers_and_other_sites_get_nothing(browser: Browser, api: Api) -> None:
    key, other = api.user(), api.user()
    api.bot(other, "secret-meeting")
    with open_page(browser, api.url, "/meetings/") as (page, _noise):
        page.get_by_label("API key").fill("x" * 40)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This key is not known, or no longer.")
        sign_in(page, key)
        assert "secret-meeting" not in page.content()
        cookie = page.context.cookies()[0]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/meetings")
        assert cookie["value"] != key
        foreign = {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"}
        form = "platform=google_meet&native_meeting_id=mine"
        answer = page.request.post(f"{api.url}/meetings/bots", data=form, headers=foreign, max_redirects=0)
        assert answer.status == 403
        own = {**foreign, "Origin": api.url}
        answer = page.request.post(f"{api.url}/meetings/bots", data=form, headers=own, max_redirects=0)
        assert answer.status == 303
