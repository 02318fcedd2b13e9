from __future__ import annotations

import pytest

from partita.graph import EDGE_KINDS, MODULE_KINDS
from partita.reports import dot
from partita.reports.looks import CYCLE_DARK, CYCLE_LIGHT, LOOKS
from partita.reports.svg import DARK
from partita.view import style_of

PLAIN = ("both", "declared", "import")


def luminance(colour: str) -> float:
    """How bright a colour is, as the contrast of the Web Content Accessibility Guidelines counts it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_kind_of_edge_has_a_look() -> None:
    for compared in (True, False):
        for kind in (*EDGE_KINDS, *MODULE_KINDS):
            assert style_of([kind], compared=compared) in LOOKS


def test_no_two_styles_differ_by_colour_alone() -> None:
    shapes = {style: (look.line, look.head) for style, look in LOOKS.items()}

    assert {shapes[style] for style in PLAIN} == {("solid", "normal")}
    assert len(set(shapes.values())) == len(LOOKS) - len(PLAIN) + 1


@pytest.mark.parametrize("ground", [dot.GROUND, dot.CARD, dot.LANE])
def test_lines_stand_out_from_every_ground_in_light_and_dark(ground: str) -> None:
    for look in LOOKS.values():
        assert contrast(look.light, ground) >= 3
        assert contrast(look.dark, DARK[ground]) >= 3
    assert contrast(CYCLE_LIGHT, ground) >= 4.5
    assert contrast(CYCLE_DARK, DARK[ground]) >= 4.5
    assert contrast(dot.INK, ground) >= 7
    assert contrast(DARK[dot.INK], DARK[ground]) >= 7
