from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.patch import render_plan
from partita.testing import take_snapshot
from partita.writing import Change, Plan, plan_changes, write

if TYPE_CHECKING:
    from pathlib import Path


def test_files_that_come_go_and_change() -> None:
    plan = Plan(
        "/", (Change("a", b"1\n2\n", b"1\n3"), Change("b", b"x\n", None), Change("c", None, b"", executable=True))
    )
    assert render_plan(plan) == (
        "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n\\ No newline at end of file\n"
        "diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/c b/c\nnew file mode 100755\n"
    )


def test_binary_files_are_only_named() -> None:
    patch = render_plan(Plan("/", (Change("a.txt", b"old", b"\xff"), Change("x", None, b"\0"))))
    assert patch == (
        "diff --git a/a.txt b/a.txt\nBinary files differ\n"
        "diff --git a/x b/x\nnew file mode 100644\nBinary files differ\n"
    )


LINES = st.lists(st.sampled_from(["a", "b\r", "", "é\x0c", " c\u2028"]), max_size=5).map("\n".join)
CONTENTS = st.one_of(st.none(), LINES.map(str.encode), LINES.map(lambda text: f"{text}\n".encode()))
TREES = st.fixed_dictionaries({"x": CONTENTS, "folder/y": CONTENTS})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, TREES)
def test_the_patch_of_a_dry_run_gives_what_the_run_gives(
    tmp_path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None]
) -> None:
    trees = []
    for name in ("written", "patched"):
        trees.append(root := str(tmp_path / name))
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(f"{root}/folder")
        write(root, lambda: plan_changes(root, before))
    patch = render_plan(plan_changes(trees[1], after))
    write(trees[0], lambda: plan_changes(trees[0], after))
    if patch:
        command = ["git", "apply", "--whitespace=nowarn"]
        subprocess.run(command, cwd=trees[1], input=patch.encode(), check=True, capture_output=True)
    written, patched = (files(tree) for tree in trees)
    assert written == patched


def files(root: str) -> dict[str, bytes]:
    """Without folders: git takes one away with its last file."""
    return {path: content for path, (kind, _, content) in take_snapshot(root).items() if kind == "file"}
