"""Fixtures for tests of Partita and of what stands on it: a repository from a mapping, a command run in this process.

A `conftest.py` imports the fixtures it wants; nothing here is used outside tests.
"""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from partita.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class MakeTree(Protocol):
    """Writes files (text is dedented, bytes are kept) below a fresh folder and returns it."""

    def __call__(self, files: Mapping[str, str | bytes], name: str = "repository") -> Path: ...


class RunPartita(Protocol):
    """Runs `partita` with these words."""

    def __call__(self, *words: str | Path) -> Ran: ...


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees another's caches, nor the terminal of whoever runs it."""
    monkeypatch.setenv("PARTITA_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git as it is without a configuration, whoever runs the test, and from whatever hook."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.org")


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    def make(files: Mapping[str, str | bytes], name: str = "repository") -> Path:
        root = tmp_path / name
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return root

    return make


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str]) -> RunPartita:
    def run(*words: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run
