"""Debian's Chromium through Playwright, and what a page must not do. Who uses it has Playwright in the group `test`."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page, Request

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Seconds that a page has to become what a test expects. Playwright's own five are too few on a busy machine.
_PATIENCE = 30.0


class Watched(NamedTuple):
    """A page and the noise it made: console messages, faults, dialogs, and requests to other servers. None is good."""

    page: Page
    noise: list[str]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The browser; without one the test is skipped, and in CI it fails."""
    import pytest
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "the browser is missing: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=_PATIENCE * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, url: str, path: str = "/", **options: Any) -> Iterator[Watched]:
    """A page of the server at `url` in a window of its own, listened to from the beginning.

    `options` are those of Playwright's `new_context`: color_scheme="dark", java_script_enabled=False, viewport=…
    """
    context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}, **options})
    try:
        page = context.new_page()
        page.set_default_timeout(10_000)
        watched = Watched(page, [])
        _listen(watched, url)
        page.goto(url + path)
        yield watched
    finally:
        context.close()


def find_faults(page: Page) -> list[str]:
    """What hinders somebody from using this page as it is now, one sentence each: contrast, names, headings, sizes."""
    script = (resources.files(__package__) / "faults.js").read_text(encoding="utf-8")
    found: list[str] = page.evaluate(script)
    return found


def _listen(watched: Watched, url: str) -> None:
    page, noise = watched

    def hear_dialog(dialog: Dialog) -> None:
        noise.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def hear_request(request: Request) -> None:
        if not request.url.startswith((url, "data:")):
            noise.append(f"request: {request.url}")

    page.on("console", lambda message: noise.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: noise.append(f"fault: {error}"))
    page.on("dialog", hear_dialog)
    page.on("request", hear_request)
