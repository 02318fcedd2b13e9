from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_containers.push import board as boards
from botserver_containers.push.board import Board
from botserver_containers.push.patches import diff

keys = st.sampled_from(["a", "b", "a/b", "m~n", "~1", ""])
documents = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, 1.0, "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(documents, documents)
def test_a_patch_makes_the_new_of_the_old(old: Any, new: Any) -> None:
    patched = jsonpatch.apply_patch(copy.deepcopy(old), diff(old, new))
    assert repr(patched) == repr(new) or (patched == new and diff(patched, new) == [])


@given(documents)
def test_nothing_changed_is_no_operation(document: Any) -> None:
    assert diff(document, copy.deepcopy(document)) == []


def test_one_and_true_are_two_things() -> None:
    assert diff({"a": 1}, {"a": True}) == [{"op": "replace", "path": "/a", "value": True}]
    assert diff([1], [1.0]) == [{"op": "replace", "path": "", "value": [1.0]}]


@pytest.mark.anyio
async def test_who_watches_has_the_same_document() -> None:
    board = Board()
    with board.watch() as watcher:
        board.put({"state": "installing"}, "package-data", "a")
        first = await watcher.next()
        assert first.data is not None
        mine, rev = first.data, first.rev
        board.put({"state": "running", "health": "healthy"}, "package-data", "a")
        board.put({"state": "running", "health": "healthy"}, "package-data", "a")
        board.put(None, "package-data", "a")
        board.put(None, "package-data", "a")
        for _ in range(2):
            frame = await watcher.next()
            assert frame.rev == rev + 1
            assert frame.patch is not None
            mine, rev = jsonpatch.apply_patch(mine, frame.patch), frame.rev
        assert (mine, rev) == (board.whole(), board.rev)


@pytest.mark.anyio
async def test_who_is_too_slow_gets_the_whole_document_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "WAITING", 3)
    board = Board()
    with board.watch() as watcher:
        await watcher.next()
        for number in range(5):
            board.put(number, "server-info", "n")
        frame = await watcher.next()
        assert (frame.rev, frame.data) == (5, board.whole())
        board.put(9, "server-info", "n")
        assert (await watcher.next()).patch == [{"op": "replace", "path": "/server-info/n", "value": 9}]


@pytest.mark.anyio
async def test_what_is_handed_out_is_a_copy() -> None:
    board = Board()
    entry = {"state": ["a"]}
    board.put(entry, "package-data", "a")
    entry["state"].append("b")
    board.whole()["package-data"].clear()
    assert board.whole()["package-data"] == {"a": {"state": ["a"]}}
