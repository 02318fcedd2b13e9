"""The pytest plugin: servers for tests, started when the first test asks for them.

Under pytest-xdist each worker has a stack of its own, so tests that run at once share nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botserver_stack.blocking import BlockingStack
    from botserver_stack.stack import S3Access


class StackFactory(Protocol):
    """Starts a stack of the test's own, with the arguments of `TemporaryStack`. It ends with the test."""

    def __call__(self, **options: Any) -> BlockingStack: ...


@dataclass(frozen=True)
class BrowserWish:
    """HEADED and WEBDRIVER_URL of the environment."""

    headless: bool
    webdriver_url: str


@pytest.fixture(scope="session")
def e2e() -> None:
    """Skips what needs servers when SKIP_E2E_TESTS is set."""
    if os.environ.get("SKIP_E2E_TESTS"):
        pytest.skip("SKIP_E2E_TESTS is set; unset it to test with servers")


@pytest.fixture(scope="session")
def stack_services() -> tuple[str, ...]:
    """The servers of `stack`. Override it in a conftest.py."""
    return ("postgres", "redis")


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """The database that `postgres_url` copies. Override it with a fixture that fills one, to migrate once a run."""
    return "template1"


@pytest.fixture(scope="session")
def browser_wish() -> BrowserWish:
    """How the person who runs the tests wants to see the browser."""
    url = os.environ.get("WEBDRIVER_URL", "http://localhost:4444")
    return BrowserWish(headless=not os.environ.get("HEADED"), webdriver_url=url)


@pytest.fixture(scope="session")
def stack(e2e: None, stack_services: tuple[str, ...], request: pytest.FixtureRequest) -> Iterator[BlockingStack]:
    """One stack a run, for all tests that can share it."""
    from botserver_stack.blocking import BlockingStack

    del e2e
    found = BlockingStack(services=stack_services).start()
    yield found
    found.stop(failed=bool(request.session.testsfailed))


@pytest.fixture
def postgres_url(stack: BlockingStack, postgres_template: str) -> Iterator[str]:
    """The address of a fresh database; it is dropped after the test."""
    name = f"test_{os.urandom(6).hex()}"
    url = stack.run(stack.stack.create_database(name, postgres_template))
    yield url
    stack.run(stack.stack.drop_database(name))


@pytest.fixture
def redis_url(stack: BlockingStack) -> Iterator[str]:
    """The address of an empty keyspace; it is emptied after the test. Channels are shared, as the server has it."""
    number = stack.run(stack.stack.take_keyspace())
    yield stack.stack.keyspace_url(number)
    stack.run(stack.stack.empty_keyspace(number))


@pytest.fixture
def s3(stack: BlockingStack) -> S3Access:
    """A fresh bucket, with all that a client needs. `stack_services` has to name s3; the bucket goes with the stack."""
    return stack.run(stack.stack.create_bucket(f"test-{os.urandom(6).hex()}"))


@pytest.fixture
def fresh_stack(e2e: None, request: pytest.FixtureRequest) -> Iterator[StackFactory]:
    """Stacks of the test's own, whose servers it may stop, kill and start again."""
    from botserver_stack.blocking import BlockingStack

    del e2e
    failures = request.session.testsfailed
    started: list[BlockingStack] = []

    def start(**options: Any) -> BlockingStack:
        found = BlockingStack(**options).start()
        started.append(found)
        return found

    yield start
    for found in reversed(started):
        found.stop(failed=request.session.testsfailed > failures)
