from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_meetings.export import FORMATS
from botserver_meetings.segments import Line, Segment, is_noise, merge, put_in_order, read_segments

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
segments = st.builds(
    Segment,
    start=st.integers(0, 20).map(float),
    end=st.integers(21, 30).map(float),
    text=st.sampled_from(["good morning", "Good morning", "shall we", "yes <b> & --> no"]),
    speaker=st.sampled_from(["Anna", "Ben", None]),
    final=st.booleans(),
)


@pytest.mark.parametrize(
    "item",
    [
        None,
        {},
        {"start": 0, "end": 1},
        {"start": -1, "end": 1, "text": "hello there"},
        {"start": 2, "end": 1, "text": "hello there"},
        {"start": "nan", "end": 1, "text": "hello there"},
        {"start": True, "end": 1, "text": "hello there"},
        {"start": 0, "end": 1e9, "text": "hello there"},
        {"start": 0, "end": 1, "text": ["hello"]},
        {"start": 0, "end": 1, "text": "[BLANK_AUDIO]"},
        {"start": 0, "end": 1, "text": "(music playing)..."},
        {"start": 0, "end": 1, "text": "♪ la la ♪"},
        {"start": 0, "end": 1, "text": "uh"},
        {"start": 0, "end": 1, "text": "... -- !"},
    ],
)
def test_what_is_no_piece_or_says_nothing_is_left_out(item: Any) -> None:
    good = {"start": "0.5", "end": 1, "text": " hello\0 there \ud800", "speaker": " ", "completed": False}
    assert read_segments([item, good]) == [Segment(0.5, 1.0, "hello there ?", final=False)]


def test_words_and_numbers_are_no_noise() -> None:
    assert not any(map(is_noise, ["Ja!!", "1, 2, 3", "[Anna] said so", "你好吗"]))


def test_a_piece_grows_until_it_is_final() -> None:
    short, long = Segment(1.0, 2.0, "good", final=False), Segment(1.0, 3.0, "good morning", final=False)
    final = replace(long, text="Good morning.", final=True)
    assert merge({}, [short, long]) == {1000: long}
    assert merge({1000: long}, [long]) == {}
    assert merge({1000: long}, [final, replace(final, text="Too late.")]) == {1000: final}
    assert merge({1000: final}, [short]) == {}


@given(st.lists(segments, max_size=30), st.lists(segments, max_size=30))
def test_merging_twice_is_merging_once(first: list[Segment], second: list[Segment]) -> None:
    known = merge({}, first)
    both = known | merge(known, second)
    assert merge(both, [it for it in first if it.final]) == {}
    assert all(both[key] == it for key, it in known.items() if it.final)


@given(st.lists(segments, max_size=30))
def test_a_reader_gets_pieces_in_order_and_none_twice(pieces: list[Segment]) -> None:
    lines = put_in_order([Line(it, BEGAN) for it in pieces])
    assert [it.segment.start for it in lines] == sorted(it.segment.start for it in lines)
    assert put_in_order(lines) == lines
    words = [(it.segment.text.casefold(), it.segment.speaker) for it in lines]
    assert len(set(words)) == len(words)  # all of them overlap: starts up to 20, ends from 20 on
    assert set(words) == {(it.text.casefold(), it.speaker) for it in pieces}


def test_sessions_are_put_together_by_the_time_on_the_wall() -> None:
    late = Line(Segment(0.0, 1.0, "the second session"), BEGAN + timedelta(seconds=60))
    early = Line(Segment(30.0, 31.0, "the first session"), BEGAN)
    assert put_in_order([late, early]) == [early, late]


LINES = [
    Segment(0.0, 1.5, "Shall we\n\nbegin?", "en", "Anna"),
    Segment(3661.0015, 3662.0, "a < b & c --> d", "en", None),
]


def test_files_have_the_form_of_their_kind() -> None:
    assert FORMATS["txt"].render(LINES) == "[00:00:00] Anna: Shall we begin?\n[01:01:01] a < b & c --> d\n"
    assert FORMATS["srt"].render(LINES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nAnna: Shall we begin?\n\n"
        "2\n01:01:01,002 --> 01:01:02,000\na < b & c --> d\n\n"
    )
    assert FORMATS["vtt"].render(LINES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Anna>Shall we begin?\n\n"
        "01:01:01.002 --> 01:01:02.000\na &lt; b &amp; c --&gt; d\n\n"
    )
    assert [it["text"] for it in json.loads(FORMATS["json"].render(LINES))] == ["Shall we\n\nbegin?", "a < b & c --> d"]


@given(st.lists(st.builds(Segment, st.floats(0, 1e5), st.floats(1e5, 2e5), st.text().map("a{}".format)), max_size=5))
def test_text_never_breaks_a_file(pieces: list[Segment]) -> None:
    arrow = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}$")
    cues = FORMATS["vtt"].render(pieces).split("\n\n")[1:]
    assert len([it for it in cues if it]) == len(pieces)
    assert all(arrow.fullmatch(it.split("\n")[0]) for it in cues if it)
