"""The fixtures, used as the tests of a service use them: in a pytest of their own."""

import subprocess
import sys
from pathlib import Path

SUITE = """
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from botlib import FakeClock, FakeRandomness, NotFoundError, Secret
from botstate import CLOCK, DATABASE, IDS, AppState, Capability, Provider, Service


@dataclass(frozen=True)
class MailSettings:
    port: int = 25


@pytest.fixture
def app_settings() -> tuple[object, ...]:
    return (MailSettings(port=1),)


@pytest.fixture
def app_secrets() -> dict[str, str]:
    return {"env:TOKEN": "hunter2"}


@pytest.mark.anyio
async def test_the_state_is_made_of_the_other_fixtures(
    app_state: AppState, fake_clock: FakeClock, fake_randomness: FakeRandomness
) -> None:
    assert app_state.settings.part(MailSettings) == MailSettings(port=1)
    assert await app_state.secrets.get("env:TOKEN") == Secret("hunter2")
    assert app_state.require(CLOCK) is fake_clock
    await fake_clock.advance(60)
    assert app_state.require(IDS).new_id().version == 7


@pytest.mark.anyio
async def test_a_composed_state_has_a_database(compose_state, fake_clock: FakeClock) -> None:
    service = Service(name="mail", requires=(DATABASE,), settings=MailSettings)
    async with compose_state(service) as state:
        assert await state.database.read(count_tables) > 0
        assert state.settings.part(MailSettings) == MailSettings(port=1)
        assert state.require(CLOCK) is fake_clock


async def count_tables(session) -> int:
    return (await session.execute(text("SELECT count(*) FROM sqlite_master"))).scalar_one()


@pytest.mark.anyio
async def test_a_service_that_does_not_start_fails_the_test(compose_state) -> None:
    @asynccontextmanager
    async def refuse(state: AppState):
        raise NotFoundError("There is no mail here.")
        yield

    with pytest.raises(AssertionError, match="mail did not start: mail did not open: There is no mail here."):
        async with compose_state(Service(name="mail", provides=(Provider(Capability("mail"), refuse),))):
            pass


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
"""


def run(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr


def test_a_service_gets_a_state_full_of_fakes(tmp_path: Path) -> None:
    (tmp_path / "test_service.py").write_text(SUITE)

    assert "3 passed" in run(tmp_path)


def test_who_uses_no_fixture_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_nothing_of_us_is_loaded():\n"
        "    assert 'botstate_pytest' in sys.modules\n"
        "    assert {'botlib', 'botstate', 'sqlalchemy', 'pydantic'} & set(sys.modules) == set()\n"
    )

    assert "1 passed" in run(tmp_path)


def test_a_contract_that_is_broken_says_what_it_compared(tmp_path: Path) -> None:
    (tmp_path / "test_contract.py").write_text(
        "import asyncio\n"
        "from botlib import FakeClock\n"
        "from botstate import MemoryCache\n"
        "from botstate.testing import CACHE_CONTRACT\n"
        "class Forgetful(MemoryCache):\n"
        "    async def get(self, key): return None\n"
        "def test_contract():\n"
        "    clock = FakeClock()\n"
        "    asyncio.run(CACHE_CONTRACT[0](Forgetful(clock), clock.advance))\n"
    )

    said = run(tmp_path)

    assert "1 failed" in said
    assert "AssertionError: assert None == " in said


def test_every_fixture_is_listed_with_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("")

    said = run(tmp_path, "--fixtures")

    names = ("fake_clock", "fake_randomness", "app_settings", "app_secrets", "app_state", "compose_state")
    assert [name for name in names if f"{name} -- " not in said] == []
