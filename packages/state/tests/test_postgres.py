import pytest

from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings
from botstate.postgres import open_postgres
from botstate.testing.database import DATABASE_CONTRACT, DatabaseCheck

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", DATABASE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: DatabaseCheck, fresh_postgres: DatabaseSettings) -> None:
    await check(lambda: open_postgres(fresh_postgres, SystemClock(), FakeRandomness()))
