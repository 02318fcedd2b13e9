"""The line that every request leaves in the log."""

from __future__ import annotations

import logging
import time
from json.encoder import encode_basestring_ascii as quote

#: The logger with one line a request.
ACCESS = "botserver.access"


# What all of these records have in common, as the base class makes it.
_CONSTANT = {
    **logging.LogRecord(ACCESS, logging.INFO, "", 0, "%s %s %d %.1f ms %s", None, None).__dict__,
    "address": "",
    "user": "",
    "token": "",
}


class AccessRecord(logging.LogRecord):
    """One request that was answered, or a socket that was closed. Made without the search for the calling line."""

    address: str
    user: str
    token: str

    def __init__(self, method: str, path: str, status: int, milliseconds: float, request_id: str) -> None:
        # !a keeps a path with line breaks on its line; the query is left out, as it may hold a token.
        plain = path if path.isascii() and path.isprintable() else ascii(path)[1:-1]
        # Not the base class: it asks for the names of thread, process and task, which takes longer than all the rest.
        fields = self.__dict__
        fields.update(_CONSTANT)
        fields["created"] = created = time.time()
        fields["msecs"] = created * 1000 % 1000
        fields["args"] = self._known = (method, plain, status, milliseconds, request_id)

    def to_json(self, moment: str) -> str:
        """The line."""
        method, path, status, milliseconds, request_id = self._known
        who = "".join(
            f', "{name}": {quote(value)}' for name, value in (("user", self.user), ("token", self.token)) if value
        )
        return (
            f'{{"time": "{moment}", "level": "info", "logger": "{ACCESS}", "event": "request", '
            f'"method": {quote(method)}, "path": {quote(path)}, "status": {status}, '
            f'"milliseconds": {milliseconds:.1f}, "request_id": {quote(request_id)}, '
            f'"address": {quote(self.address)}{who}}}'
        )
