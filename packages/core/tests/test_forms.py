import pytest
from starlette.requests import Request
from starlette.types import Message

from botlib import InvalidError
from botserver_core import read_form
from botserver_core.bodies import BodyTooLargeError

pytestmark = pytest.mark.anyio


def request_of(*pieces: bytes) -> Request:
    left = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


async def test_of_each_field_the_last_value_counts() -> None:
    assert await read_form(request_of(b"a=1&b=x+", b"%C3%A9&a=2&c="), 100) == {"a": "2", "b": "x é"}


async def test_as_many_bytes_as_the_limit_pass_and_one_more_does_not() -> None:
    assert await read_form(request_of(b"a=", b"12"), 4) == {"a": "12"}
    with pytest.raises(BodyTooLargeError, match="The body is larger than 4 bytes"):
        await read_form(request_of(b"a=", b"123"), 4)


async def test_more_fields_than_a_page_has_are_told() -> None:
    assert len(await read_form(request_of(b"&".join(b"%d=1" % it for it in range(20))), 1000)) == 20
    with pytest.raises(InvalidError) as caught:
        await read_form(request_of(b"&".join(b"%d=1" % it for it in range(21))), 1000)
    assert str(caught.value) == "The form has more than 20 fields."
