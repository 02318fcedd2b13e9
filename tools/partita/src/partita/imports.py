"""The import statements of one Python file: bytes in, plain tuples out. Exact, and fast where people write plainly."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from partita.findings import UNDECODABLE_SOURCE, UNREADABLE_SOURCE
from partita.scanning import scan_statements
from partita.strings import UnsureError

#: One imported module: its line, its kind (of `MODULE_KINDS`), how many dots it starts with, what comes after them,
#: the names taken from it (none for `import module`, ``*`` for all), and whether a failure to import it is caught
#: within the same function. `import a, b` are two. Plain, because a repository has hundreds of thousands of them.
Statement = tuple[int, str, int, str, tuple[str, ...], bool]

_MARK = b"\xef\xbb\xbf"
_CODING = rb"[ \t\f]*+#[^\n]*?coding[:=][ \t]*+([-\w.]+)"
_NO_CODE = rb"[ \t\f]*+(?:#[^\n]*+)?+\n"
_RESET = r"\n[ \t\f]*\f"


class Imports(NamedTuple):
    """What a file imports, in the order of its lines.

    `problem` is the code, the line and the sentence of what kept the file from being read; then there are no
    statements. A file that is too new for this Python has none, if its imports can be told without a parser.
    """

    statements: tuple[Statement, ...]
    problem: tuple[str, int, str] | None = None


def parse_imports(source: bytes) -> Imports:
    """Read the import statements of a file. Never raises."""
    if b"\r" in source:
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        source = _to_utf8(source)
    except (UnicodeError, LookupError) as error:
        line = source.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else 1
        return Imports((), (UNDECODABLE_SOURCE, line, f"the file cannot be decoded: {error}"))
    try:
        return Imports(tuple(scan_statements(_to_text(source))))
    except (UnsureError, RecursionError):
        return _parse(source.decode())


def _parse(source: str) -> Imports:
    from partita.syntax import parse_statements  # the parser takes 10 ms to import, and few files need it

    try:
        return Imports(tuple(parse_statements(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno or 0 if isinstance(error, SyntaxError) else 0
        told = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Imports((), (UNREADABLE_SOURCE, line, f"the file is not valid Python {version}: {told}"))


def _to_utf8(source: bytes) -> bytes:
    """The source in UTF-8 without byte order mark (PEP 263). Raises UnicodeError and LookupError."""
    marked = source.startswith(_MARK)
    if marked:
        source = source[len(_MARK) :]
    encoding = _find_encoding(source)
    if encoding == "utf-8":
        if not source.isascii():
            source.decode()
        return source
    if marked:
        raise LookupError(f"it starts with the mark of UTF-8 and says {encoding}")
    return source.decode(encoding).encode()


def _find_encoding(source: bytes) -> str:
    """The encoding that one of the first two lines names, as Python shortens it; UTF-8 unless one does."""
    head = source[: source.find(b"\n", source.find(b"\n") + 1) + 1] or source
    if b"coding" not in head:
        return "utf-8"
    found = re.match(_CODING, head)
    if not found and (first := re.match(_NO_CODE, head)):
        found = re.match(_CODING, head[first.end() :])
    name = found[1].decode().lower().replace("_", "-") if found else "utf-8"
    for known in ("utf-8", "latin-1", "iso-8859-1", "iso-latin-1"):
        if name == known or name.startswith(f"{known}-"):
            return known
    return name


def _to_text(source: bytes) -> str:
    """A source in the form that `Strings` describes. A form feed starts the indentation of its line anew."""
    text = f"\n{source.decode('latin-1')}\n"
    return re.sub(_RESET, "\n", text) if "\f" in text else text
