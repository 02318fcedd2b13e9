"""The line that every request leaves in the log."""

from __future__ import annotations

import logging
from json.encoder import encode_basestring_ascii as quote

#: The logger with one line a request.
ACCESS = "botserver.access"


class AccessRecord(logging.LogRecord):
    """One request that was answered, or a socket that was closed. Made without the search for the calling line."""

    def __init__(self, method: str, path: str, status: int, milliseconds: float, request_id: str) -> None:
        # !a keeps a path with line breaks on its line; the query is left out, as it may hold a token.
        plain = path if path.isascii() and path.isprintable() else ascii(path)[1:-1]
        self._known = (method, plain, status, milliseconds, request_id)
        super().__init__(ACCESS, logging.INFO, "", 0, "%s %s %d %.1f ms %s", self._known, None)
        self.address = self.user = self.token = ""

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
