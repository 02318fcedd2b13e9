from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from partita.errors import MissingExtraError, PartitaError
from partita.reports.svg import render, render_png
from partita.sketches import sketch
from partita.view import GraphView, build_view

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"
SHOP = """
    tier low: lib
    tier high: app other
    app -> lib runtime import
    app -> other import
    other -> app import
"""


@pytest.fixture
def shop() -> GraphView:
    return build_view(*sketch(SHOP, root="/repo/shop"), compared=True)


def test_the_svg_has_a_title_a_description_and_everything_in_it(
    shop: GraphView, capfd: pytest.CaptureFixture[str]
) -> None:
    picture = ET.fromstring(render(shop))

    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "picture-title picture-description"
    assert [picture[0].text, picture[1].text] == ["shop", "3 packages in 2 tiers, 3 dependencies, 1 cycle"]
    texts = [element.text for element in picture.iter(f"{SVG}text")]
    assert {"app ↻1", "lib", "other ↻1", "high", "low"} <= set(texts)
    assert len([group for group in picture.iter(f"{SVG}g") if "edge" in (group.get("class") or "").split()]) >= 3
    assert capfd.readouterr() == ("", "")


def test_the_svg_exchanges_its_colours_for_those_who_read_in_the_dark(shop: GraphView) -> None:
    picture = render(shop).decode()
    style = picture.partition("<style>")[2].partition("</style>")[0]

    used = {part.split('"')[1] for part in picture.split() if part.startswith(('fill="#', 'stroke="#'))}
    assert "prefers-color-scheme:dark" in style
    assert all(f'="{colour}"]' in style for colour in used)


def test_the_svg_asks_for_nothing_from_elsewhere(shop: GraphView) -> None:
    picture = ET.fromstring(render(shop))

    names = {name for element in picture.iter() for name in element.attrib}
    assert not {name for name in names if name.endswith("href") or name.startswith("on")}
    assert not list(picture.iter(f"{SVG}script"))
    assert not list(picture.iter(f"{SVG}image"))


def test_a_hostile_name_is_text_in_the_svg(shop: GraphView) -> None:
    name = "</text><script>alert(1)</script>\x1b&amp;\"'\\"
    nodes = tuple(node._replace(name=name) if node.name == "lib" else node for node in shop.nodes)
    edges = tuple(edge._replace(target=name) if edge.target == "lib" else edge for edge in shop.edges)

    picture = ET.fromstring(render(shop._replace(title=name, nodes=nodes, edges=edges)))

    told = name.replace("\x1b", "\\x1b")
    assert picture[0].text == told
    assert told in [element.text for element in picture.iter(f"{SVG}text")]
    assert not list(picture.iter(f"{SVG}script"))


def test_a_png_is_drawn_without_a_word(shop: GraphView, capfd: pytest.CaptureFixture[str]) -> None:
    assert render_png(shop).startswith(b"\x89PNG\r\n\x1a\n")
    assert capfd.readouterr() == ("", "")


def test_a_drawing_that_takes_too_long_is_given_up_with_advice(shop: GraphView) -> None:
    with pytest.raises(PartitaError, match=r"did not draw 3 packages and 3 dependencies in 0\.001 s; .* --focus NAME"):
        render(shop, deadline=0.001)


def test_a_graphviz_that_fails_is_told_with_its_last_word(
    shop: GraphView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pygraphviz.py").write_text("import sys\nsys.exit('out of ink')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(PartitaError, match=r"did not draw 3 packages and 3 dependencies at all \(out of ink\)"):
        render(shop)


def test_a_graph_of_a_thousand_packages_is_drawn_within_the_deadline() -> None:
    edges = {(f"n{number}", f"n{number * step // 13}") for number in range(1, 1000) for step in (5, 7, 11)}
    view = build_view(*sketch("\n".join(f"{source} -> {target} runtime" for source, target in sorted(edges))))

    assert render(view).count(b'class="node"') == 1000


def test_without_graphviz_the_extra_that_brings_it_is_named(shop: GraphView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)

    with pytest.raises(MissingExtraError, match=r"drawing SVG .* pip install 'partita\[render\]'"):
        render(shop)


def test_a_module_in_the_current_folder_is_not_run_in_place_of_graphviz(
    shop: GraphView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pygraphviz.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)

    assert b"<svg" in render(shop)
    assert not (tmp_path / "ran").exists()
