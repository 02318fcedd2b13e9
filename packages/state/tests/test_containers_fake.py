import pytest

from botstate.testing import CONTAINERS_CONTRACT, ContainersCheck, FakeContainerRunner


@pytest.mark.anyio
@pytest.mark.parametrize("check", CONTAINERS_CONTRACT, ids=lambda check: check.__name__)
async def test_the_fake_keeps_the_contract(check: ContainersCheck) -> None:
    await check(FakeContainerRunner(), "localhost/lab/greet:1")
