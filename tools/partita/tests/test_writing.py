"""Writes to several files: planned, shown, and applied all or nothing, whatever happens on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from partita.testing import break_every_call, undo_interrupted
from partita.writing import plan_changes, write

if TYPE_CHECKING:
    from pathlib import Path


def prepare(root: str) -> None:
    os.makedirs(f"{root}/docs")
    for path, content in {"a.txt": "old a\n", "docs/b.txt": "old b\n", "docs/gone.txt": "gone\n", "other": "x"}.items():
        with open(f"{root}/{path}", "w") as file:
            file.write(content)
    os.chmod(f"{root}/a.txt", 0o640)

WANTED = {"a.txt": b"new a\n"*100, "docs/b.txt": b"new b\n", "docs/gone.txt": None, "made/deep/c.txt": b"c\n", "made/d.txt": b"d\n"}
def run(root: str) -> int:
    write(root, lambda: plan_changes(root, WANTED))
    return 0

def test_all(tmp_path: Path) -> None:
    import time
    t=time.time()
    report = break_every_call(prepare, run, undo_interrupted, tmp_path)
    print(len(report.calls), report.runs, time.time()-t, report.calls)
    assert report.failures == ()
