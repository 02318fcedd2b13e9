"""The pages in a real browser, used as a person uses them."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, expect

from botserver_core.testing import find_faults, open_browser, open_page, running
from botserver_workflows import service
from botserver_workflows.settings import WorkflowsSettings
from botstate import DatabaseSettings, DataSettings, Settings, database_service, foundation

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as it:
        yield it


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    parts = {
        "data": DataSettings(tmp_path_factory.mktemp("page")),
        "database": DatabaseSettings(),
        "workflows": WorkflowsSettings(environment="test"),
    }
    with running([foundation(Settings(parts)), database_service, service]) as it:
        yield it


def create(url: str, namespace: str, name: str, **context: Any) -> str:
    body = json.dumps({"namespace": namespace, "name": name, "context": context}).encode()
    request = urllib.request.Request(f"{url}/v1/tasks", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["task_uuid"])


def test_a_task_is_seen_as_it_runs(browser: Browser, url: str) -> None:
    with open_page(browser, url, "/workflows/") as (page, noise):
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "on")
        task = create(url, "diamond_workflow", "diamond_pattern", even_number=6)
        row = page.get_by_role("row").filter(has=page.locator(f"#task-{task}"))
        expect(row.locator(".badge")).to_have_text("complete", timeout=20_000)
        expect(row).to_contain_text("4 of 4")
        row.get_by_role("link").press("Enter")
        expect(page.get_by_role("heading", level=3)).to_have_text(
            ["diamond_start", "diamond_branch_b", "diamond_branch_c", "diamond_end"]
        )
        expect(page.locator("#graph > li")).to_have_count(3)
        expect(page.locator("#step-diamond_end")).to_contain_text("after diamond_branch_b, diamond_branch_c")
        expect(page.get_by_label("Result of diamond_end")).to_have_text("2821109907456")
    assert noise == []


def test_a_person_helps_a_task_that_is_stuck(browser: Browser, url: str) -> None:
    task = create(url, "test_errors", "error_testing", fail="retryable")
    with open_page(browser, url, f"/workflows/tasks/{task}") as (page, noise):
        expect(page.locator("#state")).to_have_text("blocked by failures", timeout=20_000)
        card = page.locator("#step-retryable_error_step")
        expect(card).to_contain_text("This did not work.")
        card.locator("summary").press("Enter")
        card.get_by_label("Result as JSON").fill("nonsense")
        card.get_by_role("button", name="Complete retryable_error_step").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("The result is no JSON.")
        card.locator("summary").press("Enter")
        card.get_by_label("Result as JSON").fill('{"by": "hand"}')
        card.get_by_role("button", name="Complete retryable_error_step").press("Enter")
        expect(page.locator("#state")).to_have_text("complete")
        expect(page.get_by_label("Result of retryable_error_step")).to_have_text('{"by": "hand"}')

        page.goto(f"{url}/workflows/")
        expect(page.get_by_role("heading", name="test_errors/error_testing")).to_have_count(1)
        page.get_by_label("Notes").fill("done by hand")
        page.get_by_role("button", name="Close").press("Enter")
        expect(page.get_by_text("No task waits for a person.")).to_be_visible()
    assert [it for it in noise if "409" not in it] == []  # the browser notes the answer to the nonsense


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_pages_can_be_used_by_everybody(browser: Browser, url: str, scheme: str, width: int) -> None:
    task = create(url, "test_errors", "error_testing", fail="permanent")
    for path in (f"/workflows/tasks/{task}", "/workflows/"):
        window = {"width": width, "height": 800}
        with open_page(browser, url, path, color_scheme=scheme, viewport=window) as (page, noise):
            if task in path:  # nothing moves any more, so no part of the page is replaced while it is looked at
                expect(page.locator("#state")).to_have_text("blocked by failures", timeout=20_000)
            for summary in page.locator("summary").all():
                summary.click()
            assert (find_faults(page), noise) == ([], [])


def test_without_scripts_everything_can_be_read_and_done(browser: Browser, url: str) -> None:
    task = create(url, "conditional_approval", "approval_routing", amount=500)
    with open_page(browser, url, "/workflows/", java_script_enabled=False) as (page, noise):
        page.locator(f"#task-{task}").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("conditional_approval/approval_routing 1.0.0")
        expect(page.get_by_role("heading", name="validate_request")).to_be_visible()
    assert noise == []
