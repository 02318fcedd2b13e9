"""The lock of this workspace says what its manifests ask for."""

from __future__ import annotations

from pathlib import Path

from partita.commands.lock import check
from partita.workspace import read_workspace

ROOT = Path(__file__).parent.parent


def test_the_lock_is_fresh_and_the_constraints_are_its_own() -> None:
    assert check(read_workspace(str(ROOT))) == []


def test_the_lock_names_no_index_and_no_folder_of_a_machine() -> None:
    written = (ROOT / "requirements.lock").read_text()
    assert [
        word for word in ("://", " @ ", "--index", "--find-links", "/home", "/root", "/tmp") if word in written
    ] == []
