"""The forms of pages: small, and written by whoever sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from botlib import InvalidError
from botserver_core.bodies import BodyTooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_FIELDS = 20


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """The fields of a form, of each the last value; one that was left empty is not among them.

    That it comes from a page of this server is what the application sees to. More bytes than `limit` become the answer
    413; more than 20 fields raise `InvalidError`.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise BodyTooLargeError(limit)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidError(f"The form has more than {_MOST_FIELDS} fields.") from None
    return {name: values[-1] for name, values in fields.items()}
