"""botlib imports a short list of the standard library, and opens, prints and reads nothing."""

import ast
from pathlib import Path

import pytest

import botlib

#: What it may import. None of these does I/O by itself, but for what `ALLOWED_OF` limits.
ALLOWED = {
    "__future__",
    "asyncio",
    "collections",
    "datetime",
    "hmac",
    "heapq",
    "math",
    "os",
    "pathlib",
    "random",
    "re",
    "textwrap",
    "threading",
    "time",
    "typing",
    "unicodedata",
    "uuid",
}
#: Module -> all that may be used of it.
ALLOWED_OF = {
    "asyncio": {"Future", "get_running_loop", "sleep"},
    "os": {"urandom"},
    "pathlib": {"PurePath"},
    "time": {"monotonic"},
}
FORBIDDEN_NAMES = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
SOURCES = sorted(Path(botlib.__file__).parent.rglob("*.py"))


def violations(source: str) -> list[str]:
    """What a source does against the rule, in the order of its lines."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, f"import {it.name}") for it in node.names if it.name.split(".")[0] not in ALLOWED]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            if module == "botlib":
                continue
            if node.level or module not in ALLOWED:
                found.append((node.lineno, f"from {'.' * node.level}{node.module or ''}"))
            used = {it.name for it in node.names} - ALLOWED_OF.get(module, {it.name for it in node.names})
            found += [(node.lineno, f"{module}.{name}") for name in sorted(used)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ALLOWED_OF:
            if node.attr not in ALLOWED_OF[node.value.id]:
                found.append((node.lineno, f"{node.value.id}.{node.attr}"))
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            found.append((node.lineno, node.id))
    return [text for _, text in sorted(found)]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_a_module_keeps_the_rule(file: Path) -> None:
    assert violations(file.read_text()) == []


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) >= 8


def test_the_check_finds_what_breaks_the_rule() -> None:
    source = """
import os, socket
import pydantic.main
from pathlib import Path
from subprocess import run
from . import clock
from botlib.clock import Clock
def read(name):
    print(os.urandom(8), os.environ)
    with open(name) as file:
        return file.read()
"""
    assert violations(source) == [
        "import socket",
        "import pydantic.main",
        "pathlib.Path",
        "from subprocess",
        "from .",
        "os.environ",
        "print",
        "open",
    ]
