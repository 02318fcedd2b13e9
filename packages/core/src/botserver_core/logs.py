"""Log lines: JSON for machines, columns for people, and no secrets in either."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from botlib import Secret
from botserver_core.access import ACCESS, AccessRecord

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import TextIO

HIDDEN = "[hidden]"


#: Names of fields whose values never go into a log.
_SECRET_NAME = re.compile(
    r"(?i)passw|secret|token|authorization|cookie|credential|api[_-]?key|private[_-]?key|signature"
)
# What looks like a secret within a text: what follows a scheme of HTTP authentication, the password in an address, the
# value of a parameter with a telling name.
_SECRET_TEXT = re.compile(
    r"(?i)(?P<keep>\b(?:bearer|basic)\s+|://[^\s/:@]*:(?=[^\s/@]+@)"
    r"|\b[\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|signature)[\"']?\s*[=:]\s*[\"']?)(?P<hide>[^\s\"'&,;@]+)"
)
# The expression above is slow and most lines hold none of its words; this tells most of them apart.
_SUSPICIOUS = re.compile(r"(?i)bearer|basic|passw|secret|token|api[_-]?key|signature|://[^/\s]*@")

# What every record has; everything else was given as `extra`.
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_Fields = dict[str, Any]


#: What these libraries tell below a warning is what passes through them: statements with values, frames, headers.
_INDISCREET = ("sqlalchemy.engine", "httpcore", "websockets")


def configure_logging(
    level: str = "INFO", *, stream: TextIO | None = None, as_json: bool | None = None, folder: str = ""
) -> None:
    """Send all log lines of this process from a level on to a stream (stderr), in the form that suits it.

    JSON, one object a line, when the stream is no terminal or `as_json` says so; else columns for people. With a
    `folder`, requests go to `api.log` there and not to the stream, and every line, whatever its level, to `debug.log`;
    both are JSON, and grow. Fields come from `extra=` of the standard library, or from `structlog.get_logger()`, which
    ends here too. For programs: a library does not call it. Raises `OSError`, and changes nothing then, when the folder
    cannot be written to.
    """
    import structlog  # 80 ms, and 400 where rich is installed, that a library does not need

    stream = stream or sys.stderr
    as_json = not stream.isatty() if as_json is None else as_json
    files = _open_files(folder) if folder else ()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if as_json else PeopleFormatter(colors=stream.isatty()))
    handler.setLevel(level)
    if files:
        handler.addFilter(lambda record: not _is_request(record))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    for new in (handler, *files):
        root.addHandler(new)
    root.setLevel(logging.DEBUG if files else level)
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def redact(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide what is named like a secret, and what looks like one within a text."""
    for name, value in fields.items():
        if isinstance(value, str):
            if name not in _PLAIN and _SECRET_NAME.search(name):
                fields[name] = HIDDEN
            elif _SUSPICIOUS.search(value):
                fields[name] = redact_text(value)
        elif value is not None and not isinstance(value, int | float):
            fields[name] = HIDDEN if _SECRET_NAME.search(name) else _redact_value(value)
    return fields


def redact_text(text: str) -> str:
    """The text without what looks like a secret."""
    return _SECRET_TEXT.sub(rf"\g<keep>{HIDDEN}", text)


#: Fields that every line has. Their names are no secrets, so they are not looked at each time.
_PLAIN = frozenset({"time", "level", "logger", "event", "request_id", "method", "path", "address", "user"})


class _FieldsFormatter(logging.Formatter):
    """Makes fields of a record, has them redacted, and renders them."""

    def __init__(self, render: Callable[[object, str, _Fields], str | bytes]) -> None:
        super().__init__()
        self._render = render
        self._second, self._written = -1, ""

    def format(self, record: logging.LogRecord) -> str:
        fields: _Fields = {
            "time": self.time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields.update((name, value) for name, value in record.__dict__.items() if name not in _USUAL)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return str(self._render(None, "", dict(redact(None, "", fields))))

    def time_of(self, record: logging.LogRecord) -> str:
        """The moment in UTC, for servers stand in many places."""
        second = int(record.created)
        if second != self._second:
            self._second, self._written = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._written}.{int(record.msecs):03d}Z"


class JsonFormatter(_FieldsFormatter):
    """One JSON object a line. What is no JSON is written as its repr."""

    def __init__(self) -> None:
        import structlog

        super().__init__(structlog.processors.JSONRenderer(default=repr))

    def format(self, record: logging.LogRecord) -> str:
        # One line a request: written by hand it costs a tenth. Its fields are known, and none of them is a secret.
        if isinstance(record, AccessRecord):
            return record.to_json(self.time_of(record))
        return super().format(record)


class PeopleFormatter(_FieldsFormatter):
    """Columns."""

    def __init__(self, *, colors: bool) -> None:
        import structlog

        console = structlog.dev.ConsoleRenderer(
            colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
        )
        super().__init__(console)


def _open_files(folder: str) -> tuple[logging.Handler, ...]:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    paths = (os.path.join(folder, it) for it in ("api.log", "debug.log"))
    requests, everything = (logging.FileHandler(it, encoding="utf-8") for it in paths)
    requests.addFilter(_is_request)
    for handler in (requests, everything):
        handler.setFormatter(JsonFormatter())
    return requests, everything


def _is_request(record: logging.LogRecord) -> bool:
    return record.name == ACCESS


def _redact_value(value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, dict):
        return dict(redact(None, "", {str(name): it for name, it in value.items()}))
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(it) for it in value]
    if isinstance(value, str):
        return redact_text(value) if _SUSPICIOUS.search(value) else value
    return value if isinstance(value, int | float | type(None)) else redact_text(repr(value))
