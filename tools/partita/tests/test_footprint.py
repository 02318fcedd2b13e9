"""What each member costs, as figures and as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from partita.footprint import Figures, Footprint, render_text, shares

if TYPE_CHECKING:
    from partita.fixtures import MakeTree, RunPartita

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SMALL = Figures(10_000, 50_000, 1, 0.01, 1_000_000, 0.5)
LARGE = Figures(40_000, 5_000_000, 9, 0.2, 20_000_000, None)
WHOLE = Figures(50_000, 5_000_000, 10, 0.2, 20_000_000, None)
FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "packages/small/pyproject.toml": """\
        [project]
        name = "small"
        version = "1"
        requires-python = ">=3.11"

        [build-system]
        requires = ["uv_build>=0.9"]
        build-backend = "uv_build"
        """,
    "packages/small/src/small/__init__.py": "",
    "packages/small/tests/test_it.py": "def test_it():\n    pass\n",
    "packages/large/pyproject.toml": """\
        [project]
        name = "large"
        version = "1"
        requires-python = ">=3.11"
        dependencies = ["small", "pluggy"]

        [build-system]
        requires = ["uv_build>=0.9"]
        build-backend = "uv_build"
        """,
    "packages/large/src/large/__init__.py": "",
    "packages/large/src/large/memory.py": "import time\n\nHELD = bytearray(30_000_000)\ntime.sleep(0.05)\n",
}


def test_the_table_reads_well() -> None:
    shown = render_text(Footprint((("large", LARGE), ("small", SMALL)), WHOLE))
    assert shown.splitlines() == [
        "package           wheel  installed with closure       import        memory         tests",
        "large        40 kB  80%             5.0 MB 100%  200 ms 100%  20.0 MB 100%  not run",
        "small        10 kB  20%              50 kB   1%   10 ms   5%   1.0 MB   5%    0.5 s",
        "----------------------------------------------------------------------------------------",
        "all of them  50 kB                  5.0 MB       200 ms       20.0 MB       not run",
    ]


def test_a_share_is_a_part_of_the_whole_workspace_or_unknown() -> None:
    rounded = {name: share and round(share, 6) for name, share in shares(SMALL, WHOLE).items()}
    assert rounded == {
        "wheel_bytes": 0.2,
        "installed_bytes": 0.01,
        "distributions": 0.1,
        "import_seconds": 0.05,
        "memory_bytes": 0.05,
        "test_seconds": None,
    }


@pytest.mark.usefixtures("offline")
def test_figures_are_those_of_the_member_and_its_closure(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("footprint", "--json", "--runs", "3", "--root", make_tree(FILES))
    shown: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(shown, json.loads((REFERENCE / "footprint.schema.json").read_text()))
    large, small = shown["members"]
    whole = shown["workspace"]
    assert (large["name"], large["distributions"]) == ("large", 3)
    assert (small["name"], small["distributions"]) == ("small", 1)
    assert whole["distributions"] == 3
    assert whole["wheel_bytes"] == small["wheel_bytes"] + large["wheel_bytes"]
    assert whole["installed_bytes"] == large["installed_bytes"] > 10 * small["installed_bytes"]
    assert large["import_seconds"] > 0.05 > small["import_seconds"]
    assert large["memory_bytes"] > 25_000_000 > small["memory_bytes"]
    assert (small["test_seconds"], small["shares"]["test_seconds"]) == (None, None)
    assert small["shares"]["wheel_bytes"] == round(small["wheel_bytes"] / whole["wheel_bytes"], 4)


@pytest.mark.usefixtures("offline")
def test_tests_that_were_run_count(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({path: text for path, text in FILES.items() if "large" not in path})
    ran = partita("footprint", "--run", "--json", "--runs", "1", "--root", root)
    shown: dict[str, Any] = json.loads(ran.out)
    assert shown["members"][0]["test_seconds"] == shown["workspace"]["test_seconds"] > 0
    assert shown["members"][0]["shares"]["test_seconds"] == 1


def test_less_than_one_run_is_refused(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("footprint", "--runs", "0", "--root", make_tree(FILES))
    assert (ran.code, ran.err) == (2, "partita: --runs 0: there must be at least one\n")
