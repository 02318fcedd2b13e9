import pytest

from botstate import Caller
from botstate.testing import CALLERS_CONTRACT, FakeCallers
from botstate.testing.callers import CallersCheck

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", CALLERS_CONTRACT, ids=lambda check: check.__name__)
async def test_the_fake_keeps_the_contract(check: CallersCheck) -> None:
    callers = FakeCallers({"Bearer abc": Caller("anna", "token-1")})

    await check(callers, [(b"authorization", b"Bearer abc")])


class Careless(FakeCallers):
    async def identify(self, headers: object, query: bytes) -> Caller:  # noqa: ARG002 - as Callers has it
        return Caller("anna", "abc")


@pytest.mark.parametrize("check", CALLERS_CONTRACT[1:], ids=lambda check: check.__name__)
async def test_a_careless_one_is_found_out(check: CallersCheck) -> None:
    with pytest.raises(AssertionError):
        await check(Careless({}), [(b"authorization", b"Bearer abc")])
