from __future__ import annotations

import httpx2
import pytest

from botserver_core import create_app
from botserver_core.instance import tell_instance
from botstate.testing import fake_state


@pytest.mark.anyio
async def test_a_server_that_was_given_a_name_answers_with_it() -> None:
    app = create_app(fake_state(), tell_instance("seven"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/instance")).text == "seven"


def test_a_server_without_a_name_has_no_such_path() -> None:
    assert tell_instance("") == ()
