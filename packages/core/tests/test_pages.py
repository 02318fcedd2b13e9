"""Pages in a real browser, used as a person uses them: by keyboard, without scripts, in light and dark."""

import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import APIRouter, Request, Response
from playwright.sync_api import Browser, expect

from botlib import UnavailableError
from botserver_core import Event, Feed, render_page, stream_events
from botserver_core.testing import find_faults, open_browser, open_page, running
from botstate import IDS, AppState, Service, foundation

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEMPLATE = """
{% extends "botserver_core/layout.html" %}
{% block title %}Notes{% endblock %}
{% block main %}
<h1>Notes</h1>
<p>{{ text }} <span data-live=""></span></p>
<form class="stacked"><div class="field"><label for="note">A note</label><input id="note" name="note"></div>
<button class="main">Keep</button></form>
<div class="row"><span class="badge good">good</span><span class="badge busy">busy</span>
<span class="badge warn">warn</span><span class="badge bad">bad</span><span class="badge">plain</span></div>
<p class="note bad">Gone.</p><p class="note warn">Soon gone.</p><p class="note good">Kept.</p><p class="note">So.</p>
<dl class="facts"><dt>Size</dt><dd>1</dd></dl>
<div class="empty"><p>Nothing is here.</p></div>
<ol id="told"></ol>
<script type="module" src="{{ file('notes_for_tests/notes.js') }}"></script>
<script>document.body.dataset.stranger = "ran"</script>
{% endblock %}
"""
SCRIPT = """
import { follow } from "botserver/events.js";
const list = document.querySelector("#told");
const add = (text) => list.append(Object.assign(document.createElement("li"), { textContent: text }));
follow("/notes/events", { note: (data) => add(data.text), missed: () => add("missed") });
"""
TROUBLE: list[str] = []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as it:
        yield it


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a service that has a page, and one that comes into trouble when a test wants it."""
    folder = tmp_path_factory.mktemp("packages")
    pages = folder / "notes_for_tests" / "pages"
    (pages / "static").mkdir(parents=True)
    (pages.parent / "__init__.py").touch()
    (pages / "index.html").write_text(TEMPLATE)
    (pages / "static" / "notes.js").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botserver_core.health.WATCH_INTERVAL", 0.05)
        patch.syspath_prepend(folder)
        with running([foundation(), notes_service(), moody_service()]) as it:
            yield it
    sys.modules.pop("notes_for_tests", None)


def notes_service() -> Service:
    def create_router(state: AppState) -> APIRouter:
        router, feed = APIRouter(), Feed(str(state.require(IDS).new_id()))

        @router.get("/notes/")
        async def page(request: Request) -> Response:
            return render_page(request, "notes_for_tests/index.html", text="<b>5 < 6</b>")

        @router.post("/notes/")
        async def keep(text: str) -> None:
            feed.tell("note", {"text": text})

        @router.get("/notes/events")
        async def events(request: Request) -> Response:
            return stream_events(request, feed.watch)

        @router.get("/notes/short")
        async def short(request: Request) -> Response:
            async def watch(_last_id: str) -> AsyncIterator[Event]:
                yield Event("note", {"text": "only one"})

            return stream_events(request, watch)

        return router

    create_router.__module__ = "notes_for_tests.router"  # as if it stood in that package
    return Service(name="notes", summary="Keeps notes.", create_router=create_router, paths=("/notes",), page="/notes/")


def moody_service() -> Service:
    async def check(_state: AppState) -> None:
        if TROUBLE:
            raise UnavailableError(TROUBLE[0])

    return Service(name="moody", summary="Works at times.", check=check)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("path", ["/", "/docs", "/notes/"])
def test_pages_can_be_used_by_everybody(browser: Browser, url: str, path: str, scheme: str, width: int) -> None:
    if path == "/":
        TROUBLE.append("The moon is full.")
    try:
        window = {"width": width, "height": 800}
        with open_page(browser, url, path, color_scheme=scheme, viewport=window) as (page, noise):
            for summary in page.locator("summary").all():
                summary.click()
            faults = find_faults(page)
    finally:
        TROUBLE.clear()

    assert faults == []
    refused = [it for it in noise if "Content Security Policy" in it]
    assert (len(refused), noise) == ((1, refused) if path == "/notes/" else (0, []))


def test_a_page_with_faults_is_found_out(browser: Browser, url: str) -> None:
    """The control of the test above."""
    with open_page(browser, url) as (page, _):
        page.locator("main").evaluate("""main => main.insertAdjacentHTML("beforeend", `
            <p>plain</p><input><button></button><img src="data:,"><h5>deep</h5><i id="main"></i>`)""")
        page.locator(".lead").evaluate("lead => { lead.style.color = '#999' }")
        found = [fault.partition(":")[0] for fault in find_faults(page)]

    assert [it for it in found if it.startswith("The text")] == [
        'The text "Everything here can work." has a contrast of 2.69 to 1.'
    ]
    assert [it for it in found if not it.startswith(("The text", "Too small"))] == [
        "A control has no label",
        "Something to press has no name",
        "A picture has no alt",
        "A heading of level 5 follows one of 2.",
        "The id main is there twice.",
    ]


def test_scripts_that_the_page_does_not_vouch_for_do_not_run(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/notes/") as (page, _):
        assert page.locator("body").get_attribute("data-stranger") is None
        assert page.locator("main > p").first.inner_text().strip().startswith("<b>5 < 6</b>")


def test_the_keyboard_comes_to_the_content_first_and_then_everywhere(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/notes/") as (page, _):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("A note")).to_be_focused()
        assert page.get_by_label("A note").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        expect(page.get_by_role("link", name="notes")).to_have_attribute("aria-current", "page")


def test_without_scripts_everything_can_be_read(browser: Browser, url: str) -> None:
    with open_page(browser, url, java_script_enabled=False) as (page, noise):
        assert page.get_by_role("heading", level=1).inner_text() == "3 services"
        page.get_by_role("link", name="notes").first.click()
        assert page.get_by_role("heading", level=1).inner_text() == "Notes"
        page.get_by_role("link", name="API").click()
        page.locator("summary", has_text="/notes/").first.click()
        expect(page.get_by_role("heading", name="Answers").first).to_be_visible()
    assert noise == []


def test_the_overview_tells_trouble_as_it_comes_and_goes(browser: Browser, url: str) -> None:
    with open_page(browser, url) as (page, noise):
        card = page.locator("[data-service=moody]")
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        expect(card.locator(".badge")).to_have_text("ready")
        try:
            TROUBLE.append("The moon is full.")
            expect(card.locator(".badge")).to_have_text("in trouble")
            expect(card.locator(".trouble")).to_have_text("The moon is full.")
            expect(page.locator("#state")).to_have_text("Not everything here can work.")
        finally:
            TROUBLE.clear()
        expect(card.locator(".badge")).to_have_text("ready")
        expect(card.locator(".trouble")).to_be_hidden()
    assert noise == []


def test_operations_are_found_by_their_words(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/docs") as (page, _):
        page.get_by_label("Show only operations with").fill("get NOTES")
        expect(page.locator("details:visible code")).to_have_text(["/notes/", "/notes/events", "/notes/short"])
        expect(page.locator("#found")).to_contain_text("3 of ")


def test_a_page_hears_what_happens(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/notes/") as (page, _):
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        for text in ("one", "two"):
            page.request.post(f"{url}/notes/?text={text}")
        expect(page.locator("#told li")).to_have_text(["one", "two"])


def test_a_page_that_was_cut_off_comes_back_and_misses_nothing(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/notes/") as (page, noise):
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        page.request.post(f"{url}/notes/?text=before")
        expect(page.locator("#told li")).to_have_text(["before"])
        page.route("**/notes/events*", lambda route: route.abort())
        page.context.set_offline(True)
        page.evaluate(
            "dispatchEvent(new Event('pagehide')); document.querySelector('[data-live]').dataset.live = 'off'"
        )
        page.request.post(f"{url}/notes/?text=meanwhile")
        page.context.set_offline(False)
        page.unroute("**/notes/events*")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        expect(page.locator("#told li")).to_have_text(["before", "meanwhile"])
    assert [it for it in noise if "Content Security Policy" not in it] == []
