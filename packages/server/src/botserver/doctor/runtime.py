"""Python and the SQLite that it was built with."""

from __future__ import annotations

import os
import platform
import sqlite3
import struct
import sys
import sysconfig
import tempfile
from typing import TYPE_CHECKING

from botserver.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Versions of Python that are tested: from, and below.
TESTED = ((3, 11), (3, 15))
_FEATURES = (
    ("RETURNING", "CREATE TABLE a (b); INSERT INTO a VALUES (1) RETURNING b"),
    ("JSON", "SELECT json_extract('{\"a\": 1}', '$.a')"),
    ("FTS5", "CREATE VIRTUAL TABLE a USING fts5 (b)"),
)
_NEEDED = {"RETURNING", "JSON"}
_OTHER_PYTHON = "Use another build of Python: `uv python install 3.13` brings one with a current SQLite."


def check_python() -> Finding:
    """The interpreter, and how it was built."""
    low, high = (".".join(map(str, version)) for version in TESTED)
    bits = struct.calcsize("P") * 8
    build = "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else f"{bits} bit"
    text = f"{platform.python_implementation()} {platform.python_version()}, {build}, {platform.machine()}"
    if not TESTED[0] <= sys.version_info[:2] < TESTED[1]:
        return Finding("python", "fail", text, f"Use a Python from {low} on, below {high}.")
    if build != "64 bit":
        return Finding("python", "warn", text, "Use a common 64-bit build: others are not tested.")
    if sys.version_info.releaselevel != "final":
        return Finding("python", "warn", text, "Use a final release.")
    return Finding("python", "pass", text)


def check_sqlite() -> Finding:
    """The library, and each feature that somebody builds on."""
    present = dict(_features())
    text = f"SQLite {sqlite3.sqlite_version} with {', '.join(name for name, there in present.items() if there)}"
    missing = [name for name, there in present.items() if not there]
    if missing:
        text += f", without {', '.join(missing)}"
    if sqlite3.threadsafety < 1 or _NEEDED.intersection(missing):
        return Finding("sqlite", "fail", text, _OTHER_PYTHON)
    if missing:
        return Finding("sqlite", "warn", text, f"Full-text search and vector extensions need them. {_OTHER_PYTHON}")
    return Finding("sqlite", "pass", text)


def _features() -> Iterator[tuple[str, bool]]:
    yield "WAL", _keeps_log()
    for name, script in _FEATURES:
        yield name, _runs(script)
    yield "extension loading", hasattr(sqlite3.Connection, "enable_load_extension")


def _keeps_log() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(os.path.join(folder, "probe.sqlite3"))
        try:
            return bool(connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",))
        finally:
            connection.close()


def _runs(script: str) -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in script.split("; "):
            connection.execute(statement).fetchall()
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return True
