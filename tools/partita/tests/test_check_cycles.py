"""`partita check-cycles` as a person and a program see it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from partita.commands.check_cycles import create_line_reader
from partita.graph import Evidence
from partita.tree import Tree

if TYPE_CHECKING:
    from partita.fixtures import MakeTree, RunPartita

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def manifest(name: str, *dependencies: str, more: str = "") -> str:
    return f"[project]\nname = '{name}'\nversion = '1'\ndependencies = {list(dependencies)!r}\n{more}"


#: Two packages that need each other, by way of three files.
CIRCLE = {
    "shop/pyproject.toml": manifest("shop", "stock"),
    "shop/src/shop/orders.py": "import os\nfrom stock.items import Item\n",
    "shop/src/shop/prices.py": "PRICES = {}\n\n\ndef order():\n    from shop.orders import Item\n",
    "stock/pyproject.toml": manifest("stock", "shop"),
    "stock/src/stock/items.py": "def price(item):\n    from shop.prices import PRICES\n",
}
#: One package of three modules: a pair at the top, all three with type checking.
MODULES = {
    "app/pyproject.toml": manifest("app"),
    "app/src/app/a.py": "import app.b\nfrom app import c\n",
    "app/src/app/b.py": "import app.a\n",
    "app/src/app/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.a\n",
}
#: A chain of packages and modules without a cycle.
CLEAN = {
    "app/pyproject.toml": manifest("app", "lib"),
    "app/src/app/main.py": "import lib.tools\n",
    "lib/pyproject.toml": manifest("lib"),
    "lib/src/lib/tools.py": "",
}


def read_json(out: str) -> list[dict[str, Any]]:
    document = json.loads(out)
    jsonschema.validate(document, json.loads((REFERENCE / "check-cycles.schema.json").read_text(encoding="utf-8")))
    cycles: list[dict[str, Any]] = document["cycles"]
    return cycles


def test_a_package_cycle_is_told_with_the_loop_of_files_behind_it(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check-cycles", "--level", "packages", "--root", make_tree(CIRCLE))
    assert (ran.code, ran.err) == (1, "")
    assert (
        ran.out
        == """\
error PT101: 2 packages need each other in a circle at run time
  packages: 2 at run time / 2 with extras / 2 with dev groups
  between them: 2 imports: 1 top-level / 1 lazy / 0 type-checking

  shop
  │   runtime        shop/pyproject.toml:4
  │   1 import: 1 top-level / 0 lazy / 0 type-checking
  ▼
  stock
  │   runtime        stock/pyproject.toml:4
  │   1 import: 0 top-level / 1 lazy / 0 type-checking
  ▼   cut here
  shop

  the shortest loop of files behind it:

  shop.orders
  │   top-level      shop/src/shop/orders.py:2
  │                  from stock.items import Item
  ▼
  stock.items
  │   lazy           stock/src/stock/items.py:2
  │                  from shop.prices import PRICES
  ▼
  shop.prices
  │   lazy           shop/src/shop/prices.py:5
  │                  from shop.orders import Item
  ▼
  shop.orders

  cut 1 edge at a cost of 3: no cheaper cut exists
  that is 1 declaration and 1 import: 0 top-level / 1 lazy / 0 type-checking
  packages in a circle before → after each:
    2 → 0  stock → shop  cost 3  stock/pyproject.toml:4 and 1 more


1 cycle fails (2 packages searched)
"""
    )


def test_module_cycles_are_told_from_the_worst_to_the_legal(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check-cycles", "--level", "modules", "--root", make_tree(MODULES))
    assert (ran.code, ran.err) == (1, "")
    assert (
        ran.out
        == """\
error PT102: 2 modules import each other in a circle when they are loaded
  modules: 2 top-level / 2 with lazy / 3 with type-checking imports
  between them: 2 imports: 2 top-level / 0 lazy / 0 type-checking

  app.a
  │   top-level      app/src/app/a.py:1
  │                  import app.b
  ▼
  app.b
  │   top-level      app/src/app/b.py:1
  │                  import app.a
  ▼   cut here
  app.a

  cut 1 edge at a cost of 10: no cheaper cut exists
  that is 1 import: 1 top-level / 0 lazy / 0 type-checking
  modules in a circle before → after each:
    2 → 0  app.b → app.a  cost 10  app/src/app/b.py:1


legal: 3 modules import each other in a circle once lazy and type-checking imports count
  modules: 2 top-level / 2 with lazy / 3 with type-checking imports
  between them: 4 imports: 3 top-level / 0 lazy / 1 type-checking
  app.a, app.b, app.c

  shortest way round, as above: app.a → app.b → app.a

  cut 2 edges at a cost of 11: no cheaper cut exists
  that is 2 imports: 1 top-level / 0 lazy / 1 type-checking
  modules in a circle before → after each:
    3 → 2  app.c → app.a  cost 1  app/src/app/c.py:3
    2 → 0  app.b → app.a  cost 10  app/src/app/b.py:1


1 cycle fails; 1 legal cycle, a fault only with --strict (3 modules searched)
"""
    )


def test_json_lists_every_set_of_edges_apart(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check-cycles", "--json", "--root", make_tree(MODULES))
    cycles = read_json(ran.out)
    assert ran.code == 1
    assert [(cycle["edges"], cycle["members"], cycle["fails"]) for cycle in cycles] == [
        ("toplevel", ["app.a", "app.b"], True),
        ("runtime", ["app.a", "app.b"], False),
        ("all", ["app.a", "app.b", "app.c"], False),
    ]


def test_json_holds_the_whole_story(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check-cycles", "--level", "packages", "--json", "--root", make_tree(CIRCLE))
    cycle = read_json(ran.out)[0]
    there = {"file": "stock/pyproject.toml", "line": 4, "kind": "runtime"}
    where = {"file": "stock/src/stock/items.py", "line": 2, "kind": "lazy"}
    assert cycle == {
        "level": "packages",
        "edges": "runtime",
        "fails": True,
        "members": ["shop", "stock"],
        "imports": {"toplevel": 1, "lazy": 1, "type-checking": 0},
        "shortest": ["shop", "stock"],
        "evidence": [
            {"from": "shop", "to": "stock", "file": "shop/pyproject.toml", "line": 4, "kind": "runtime"},
            {"from": "shop", "to": "stock", "file": "shop/src/shop/orders.py", "line": 2, "kind": "toplevel"},
            {"from": "stock", "to": "shop", **there},
            {"from": "stock", "to": "shop", **where},
        ],
        "loop": [
            {
                "from": "shop.orders",
                "to": "stock.items",
                "file": "shop/src/shop/orders.py",
                "line": 2,
                "kind": "toplevel",
            },
            {"from": "stock.items", "to": "shop.prices", **where},
            {"from": "shop.prices", "to": "shop.orders", "file": "shop/src/shop/prices.py", "line": 5, "kind": "lazy"},
        ],
        "cut": [{"from": "stock", "to": "shop", "weight": 3, "evidence": [there, where]}],
        "cut_is_minimal": True,
        "cut_weight": 3,
        "cut_lower_bound": 3,
        "cut_relaxed": [],
    }


def test_without_a_cycle_all_is_well(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(CLEAN)
    assert partita("check-cycles", "--strict", "--root", root) == (
        0,
        "no cycle (2 packages and 2 modules searched)\n",
        "",
    )
    assert partita("check-cycles", "--json", "--root", root) == (
        0,
        '{"schema":1,\n"cycles":[],\n"problems":[]\n}\n',
        "",
    )


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("runtime+optional", "[project.optional-dependencies]\nall = ['app']\n"),
        ("runtime+optional+dev", "[dependency-groups]\ntest = ['app']\n"),
    ],
)
def test_a_cycle_that_extras_or_groups_close_is_legal_unless_strict(
    make_tree: MakeTree, partita: RunPartita, kind: str, more: str
) -> None:
    root = make_tree({**CLEAN, "lib/pyproject.toml": manifest("lib", more=more)})
    shown = partita("check-cycles", "--json", "--root", root)
    assert (shown.code, read_json(shown.out)[0]["edges"]) == (0, kind)
    assert "; 1 legal cycle" not in (told := partita("check-cycles", "--root", root)).out
    assert told.code == 0
    assert "1 legal cycle, a fault only with --strict" in told.out
    strict = partita("check-cycles", "--strict", "--root", root)
    assert strict.code == 1
    assert "error PT101: 2 packages need each other" in strict.out
    assert "nothing in lib imports app: only the declaration closes the cycle" in strict.out


def test_a_cycle_of_grouping_alone_is_told_as_such(make_tree: MakeTree, partita: RunPartita) -> None:
    files = {
        **CIRCLE,
        "shop/src/shop/prices.py": "",
        "shop/src/shop/orders.py": "import stock.items\n",
        "stock/src/stock/items.py": "",
        "stock/src/stock/moves.py": "import shop.prices\n",
    }
    ran = partita("check-cycles", "--root", make_tree(files))
    assert "no files import each other in a circle" in ran.out
    assert "│                  import shop.prices" in ran.out
    assert ran.code == 1


def test_levels_are_asked_apart(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MODULES, **CIRCLE})
    levels = {
        level: {
            cycle["level"]
            for cycle in read_json(partita("check-cycles", "--json", "--level", level, "--root", root).out)
        }
        for level in ("packages", "modules", "modules,packages")
    }
    assert levels == {"packages": {"packages"}, "modules": {"modules"}, "modules,packages": {"packages", "modules"}}


def test_tiers_say_what_is_to_be_cut(make_tree: MakeTree, partita: RunPartita) -> None:
    tiers = """\
        schema = 1
        [[tier]]
        name = "low"
        members = ["stock"]
        [[tier]]
        name = "high"
        members = ["shop"]
        """
    reverse = tiers.replace("stock", "x").replace("shop", "stock").replace('"x"', '"shop"')
    cuts = [
        [edge["from"] for edge in read_json(partita("check-cycles", "--json", "--root", root).out)[0]["cut"]]
        for root in (
            make_tree({**CIRCLE, "workspace.toml": tiers}, "one"),
            make_tree({**CIRCLE, "workspace.toml": reverse}, "two"),
        )
    ]
    assert cuts == [["stock"], ["shop"]]
    told = partita("check-cycles", "--root", make_tree({}, "two"))
    assert "1 edge of it against the order of the tiers: to be cut in any case" in told.out


def test_importers_of_the_most_used_module_are_left_alone_unless_asked(
    make_tree: MakeTree, partita: RunPartita
) -> None:
    files = {f"app/src/app/user{number}.py": "import app.base\n" for number in range(9)}
    files |= {"app/src/app/base.py": "import app.top\n", "app/src/app/top.py": "def f():\n    import app.base\n"}
    root = make_tree({"app/pyproject.toml": manifest("app"), **files})
    kept = read_json(partita("check-cycles", "--json", "--root", root).out)
    free = read_json(partita("check-cycles", "--json", "--allow-hubs", "--root", root).out)
    assert [edge["from"] for edge in kept[-1]["cut"]] == ["app.base"]
    assert [edge["from"] for edge in free[-1]["cut"]] == ["app.top"]
    told = partita("check-cycles", "--root", root).out
    assert "the most used modules lose no user: app.base (--allow-hubs cuts there, too)" in told


def test_two_most_used_modules_that_import_each_other_cannot_both_be_left_alone(
    make_tree: MakeTree, partita: RunPartita
) -> None:
    files = {f"app/src/app/user{number}.py": "import app.one\nimport app.two\n" for number in range(11)}
    files |= {"app/src/app/user99.py": "import app.one\n"}
    files |= {"app/src/app/one.py": "import app.two\n", "app/src/app/two.py": "import app.one\n"}
    root = make_tree({"app/pyproject.toml": manifest("app"), **files})
    [first, *_] = read_json(partita("check-cycles", "--json", "--root", root).out)
    assert [(edge["from"], edge["to"]) for edge in first["cut"]] == [("app.one", "app.two")]
    assert first["cut_relaxed"] == [{"from": "app.one", "to": "app.two"}]
    told = partita("check-cycles", "--root", root).out
    assert "1 edge of those could not be left alone: they close a circle of such edges" in told


def test_sarif_has_one_result_a_cycle(make_tree: MakeTree, partita: RunPartita, tmp_path: Path) -> None:
    root, file = make_tree(MODULES), tmp_path / "cycles.sarif"
    for words in ((), ("--json",)):
        assert partita("check-cycles", "--root", root, "--sarif", file, *words).code == 1
        first, second = json.loads(file.read_text())["runs"][0]["results"]
        assert (first["ruleId"], first["level"], second["level"]) == ("PT102", "error", "note")
        assert first["message"]["text"] == (
            "2 modules import each other in a circle when they are loaded; the shortest way round: app.a -> app.b -> "
            "app.a. Cut app.b -> app.a, at a cost of 10: no cheaper cut exists"
        )
        [flow] = first["codeFlows"]
        assert len(flow["threadFlows"][0]["locations"]) == 2
        file.unlink()


def test_a_sarif_file_that_cannot_be_written_is_told(make_tree: MakeTree, partita: RunPartita, tmp_path: Path) -> None:
    ran = partita("check-cycles", "--root", make_tree(MODULES), "--sarif", tmp_path / "no" / "file")
    assert ran.code == 2
    assert ran.err == f"partita: --sarif {tmp_path}/no/file: cannot be written: No such file or directory\n"


#: Five modules whose packed cycles prove no cut.
TANGLE = {
    "app/pyproject.toml": manifest("app"),
    "app/src/app/m0.py": "import app.m2\n",
    "app/src/app/m1.py": "import app.m2\nimport app.m3\n",
    "app/src/app/m2.py": "import app.m3\nimport app.m4\n",
    "app/src/app/m3.py": "import app.m0\nimport app.m4\n",
    "app/src/app/m4.py": "import app.m0\nimport app.m1\n",
}


def test_without_the_solver_everything_but_the_proof_is_told(
    make_tree: MakeTree, partita: RunPartita, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(TANGLE)
    proven = read_json(partita("check-cycles", "--json", "--root", root).out)
    monkeypatch.setitem(sys.modules, "highspy", None)
    ran = partita("check-cycles", "--json", "--no-cache", "--root", root)
    greedy = read_json(ran.out)
    assert ran.code == 1
    assert all(cycle["cut_is_minimal"] for cycle in proven)
    assert not all(cycle["cut_is_minimal"] for cycle in greedy)
    assert [(cycle["members"], cycle["shortest"]) for cycle in greedy] == [
        (cycle["members"], cycle["shortest"]) for cycle in proven
    ]
    told = partita("check-cycles", "--no-cache", "--root", root).out
    assert "to find the cheapest: pip install 'partita[cut]'" in told


def test_time_that_runs_out_is_told_with_the_bound(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check-cycles", "--seconds", "0", "--root", make_tree(TANGLE))
    assert "time ran out before the cheapest was found (--seconds gives it more)" in ran.out


def test_an_answer_that_more_time_could_better_is_not_remembered(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(TANGLE)
    words = ("check-cycles", "--json", "--seconds", "0", "--root", root)
    assert partita(*words) == partita(*words)


def test_what_cannot_be_read_is_told(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**CLEAN, "app/src/app/broken.py": "import (\n"})
    ran = partita("check-cycles", "--root", root)
    assert ran.code == 0
    assert "note: app/src/app/broken.py:1: PT011 " in ran.out
    document = json.loads(partita("check-cycles", "--json", "--root", root).out)
    assert [(problem["code"], problem["file"]) for problem in document["problems"]] == [
        ("PT011", "app/src/app/broken.py")
    ]


def test_a_large_cycle_is_told_in_a_few_lines(make_tree: MakeTree, partita: RunPartita) -> None:
    """Four modules that all others use, forty pairs, and seven files that cannot be read."""
    hubs = [f"base{number}" for number in range(4)]
    files = {f"app/src/app/{hub}.py": "import app.part00\n" for hub in hubs}
    for number in range(40):
        uses = (*hubs, f"part{(number + 1) % 40:02}", f"part{(number - 1) % 40:02}")
        files[f"app/src/app/part{number:02}.py"] = "".join(f"import app.{name}\n" for name in uses)
    files |= {f"app/src/app/broken{number}.py": "import (\n" for number in range(7)}
    out = partita("check-cycles", "--strict", "--root", make_tree({"app/pyproject.toml": manifest("app"), **files})).out
    story = out.split("\n\n\n")[-2]
    assert story.startswith("error PT102: 44 modules import each other in a circle when they are loaded\n")
    assert "app.part30" not in story
    assert "edges more, which --json lists\n" in story
    assert "the most used modules lose no user: app.base0, app.base1, app.base2 and 1 more" in story
    assert len(story.splitlines()) < 40
    assert out.endswith("note: 2 problems more, which --json lists\n")


def test_a_file_that_is_gone_has_no_lines(tmp_path: Path) -> None:
    read = create_line_reader(Tree(str(tmp_path)))
    assert read(Evidence("toplevel", "gone.py", 1)) == ""
    (tmp_path / "here.py").write_bytes(b"\xef\xbb\xbffirst\r\n  second \xff\r\n")
    here = [read(Evidence("toplevel", "here.py", line)) for line in range(5)]
    assert here == ["", "first", "second \ufffd", "", ""]


def test_everything_wrong_with_the_options_is_told(partita: RunPartita, make_tree: MakeTree) -> None:
    ran = partita("check-cycles", "--level", "files,modules", "--seconds", "soon", "--root", make_tree(CLEAN))
    assert ran == (
        2,
        "",
        "partita: --level 'files' is not one of packages, modules\npartita: --seconds 'soon' is no number of seconds\n",
    )
    assert partita("check-cycles", "--level", ",", "--root", make_tree(CLEAN)).code == 2


def test_a_narrow_terminal_in_ascii_gets_the_same_story(
    make_tree: MakeTree, partita: RunPartita, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("partita.reports.terminal._can_print_boxes", lambda _: False)
    out = partita("check-cycles", "--root", make_tree(CIRCLE)).out
    assert out.isascii()
    assert "  v   cut here\n" in out
    assert "  |                  from stock.items...\n" in out
    assert "    2 -> 0  stock -> shop\n" in out
