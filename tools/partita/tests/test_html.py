"""The page as text. What a person does with it in a browser is in test_page.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.graph import Evidence
from partita.reports.html import MODULES, document, render
from partita.reports.looks import LOOKS
from partita.sketches import sketch
from partita.view import GraphView, Link, Node, build_view

SHOP = """
    tier low: lib
    tier high: app tool
    app -> lib runtime@7 import@1,2,3,4,5
    app -> tool import@9
    tool -> app import@2
    tool -> lib optional@8
"""


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text between them; what stands in a script apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, _tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style"):
            self.raw.append(data)
        else:
            self.text += f" {data}"

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements and the names of their attributes: what a name must never change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def embedded(page: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(page.partition('id="graph">')[2].partition("</script>")[0])
    return data


def view_of(name: str) -> GraphView:
    """A view in which every foreign text is this one."""
    nodes = (Node("app", name, "app", name, name, 0, 0), Node(name, "packages/lib", name, name, "1.0", 0, 0))
    edges = (Link("app", name, ("runtime",), "both", (Evidence("runtime", name, 3),), 0),)
    return GraphView(name, "packages", (name,), True, nodes, edges, (), 0, (name,))


def test_the_data_holds_nodes_edges_and_cycles_by_their_place() -> None:
    assert document(build_view(*sketch(SHOP), compared=True)) == {
        "level": "packages",
        "what": "package",
        "ordered": True,
        "looks": {
            style: {"words": look.words, "meaning": look.meaning, "line": look.line, "head": look.head}
            for style, look in LOOKS.items()
            if style in ("both", "imported-only", "optional")
        },
        "tiers": ("high", "low"),
        "files": [
            "packages/app/pyproject.toml",
            "packages/app/src/app/__init__.py",
            "packages/tool/pyproject.toml",
            "packages/tool/src/tool/__init__.py",
        ],
        "nodes": [
            ["app", "packages/app", "app", 0, "1.0", 0, 1],
            ["lib", "packages/lib", "lib", 1, "1.0", 0, 0],
            ["tool", "packages/tool", "tool", 0, "1.0", 0, 1],
        ],
        "edges": [
            [0, 1, "both", 0, [*(["import", 1, line] for line in range(1, 6)), ["runtime", 0, 7]]],
            [0, 2, "imported-only", 1, [["import", 1, 9]]],
            [2, 0, "imported-only", 1, [["import", 3, 2]]],
            [2, 1, "optional", 0, [["optional", 2, 8]]],
        ],
        "cycles": [[True, [0, 2]]],
    }


def test_the_list_tells_everything_without_scripts() -> None:
    text = " ".join(Elements(render(build_view(*sketch(SHOP), compared=True))).text.split())

    assert "repository 3 packages in 2 tiers, 4 dependencies, 1 cycle" in text
    assert "app ↻1 packages/app" in text
    assert "tool ↻1 not declared 1 place packages/app/src/app/__init__.py:9 import" in text
    assert "lib optional 1 place packages/tool/pyproject.toml:8 optional" in text
    assert "lib 6 places packages/app/src/app/__init__.py:1 import" in text
    assert "and 3 more" in text
    assert "lib packages/lib app , tool" in text


def test_the_policy_allows_the_scripts_and_the_style_of_the_page_and_nothing_else() -> None:
    page = render(build_view(*sketch(SHOP)))
    policy = page.partition('Content-Security-Policy" content="')[2].partition('"')[0]

    def hashes(pattern: str) -> set[str]:
        parts = re.findall(pattern, page, re.DOTALL)
        return {f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in parts}

    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed == {
        "default-src": "'none'",
        "script-src": allowed["script-src"],
        "style-src": allowed["style-src"],
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert set(allowed["script-src"].split()) == hashes(r'<script(?: type="module")?>(.*?)</script>')
    assert set(allowed["style-src"].split()) == hashes("<style>(.*?)</style>")


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = render(build_view(*sketch(SHOP)))

    links = [
        value or ""
        for _, attributes in Elements(page).elements
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "data", "poster", "style") or name.startswith("on")
    ]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("name", MODULES)
def test_no_part_of_the_script_makes_markup_from_text(name: str) -> None:
    source = files("partita.reports").joinpath("page", f"{name}.js").read_text(encoding="utf-8")

    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setTimeout|fetch\(|import\("
    )
    assert not re.search(forbidden, source)
    assert [line for line in source.splitlines() if line.startswith("import")] == re.findall(
        r'^import \{ .* \} from "\./\w+\.js";$', source, re.MULTILINE
    )


HOSTILE = [
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "</title></style></template><svg onload=alert(1)>",
    "<!--<script>",
    "]]>\u2028\u2029\x00\x1b\ud800",
    "@script@ @data@ \\1 \\g<0>",
    "&lt;b&gt; &amp;",
    "__proto__",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_changes_no_element_and_is_read_back_as_it_is(name: str) -> None:
    page = render(view_of(name))

    assert Elements(page).shape() == Elements(render(view_of("lib"))).shape()
    assert embedded(page)["nodes"][1][0] == name
    assert page.encode("utf-8").decode("utf-8") == page


@settings(deadline=None)
@given(st.text(min_size=1))
def test_no_name_changes_any_element(name: str) -> None:
    page = render(view_of(name))

    assert Elements(page).shape() == Elements(render(view_of("lib"))).shape()
    assert embedded(page)["files"] == [name]


@pytest.mark.parametrize("name", HOSTILE[:3])
def test_a_page_that_trusts_names_is_found_out(name: str) -> None:
    """The control of the two tests above: the same page with its escapes taken back must fail them."""
    naive = render(view_of("lib")).replace(">lib<", f">{name}<").replace('"lib"', json.dumps(name))

    assert Elements(naive).shape() != Elements(render(view_of("lib"))).shape()


def test_a_thousand_packages_make_a_page_of_a_few_megabytes() -> None:
    lines = [
        f"n{number} -> n{number * step // 13} runtime import@1,2,3" for number in range(1, 1000) for step in (5, 7, 11)
    ]

    page = render(build_view(*sketch("\n".join(lines)), compared=True))

    assert len(embedded(page)["nodes"]) == 1000
    assert len(page) < 3_000_000
