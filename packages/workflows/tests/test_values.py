import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_workflows.errors import UnrepresentableError
from botserver_workflows.values import to_json

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | TEXT | st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, "-9223372036854775809"),
        ({"a": (6**64, [True])}, {"a": [str(6**64), [True]]}),
    ],
)
def test_whole_numbers_stay_exact(value: object, expected: object) -> None:
    assert to_json(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2}]}, r"^result\.a\[1\] cannot be stored: JSON has no set\. Return objects"),
        ({1: 2}, r"^result cannot be stored: the key 1 is no text\."),
        ([math.nan], r"^result\[0\] cannot be stored: JSON has no nan\."),
        (b"bytes", "JSON has no bytes"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(UnrepresentableError, match=message):
        to_json(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(UnrepresentableError, match="nested more than 100 levels deep"):
        to_json(endless)


@given(JSON)
def test_it_is_what_a_reader_of_64_bits_reads_back(value: object) -> None:
    stored = to_json(value)
    assert json.loads(json.dumps(stored)) == stored == to_json(stored)


@pytest.mark.parametrize("value", ["a\0b", {"a\0": 1}, ["\ud800"]])
def test_text_that_no_database_stores_is_refused(value: object) -> None:
    with pytest.raises(UnrepresentableError, match="a sign that cannot be stored"):
        to_json(value)
