from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from partita.edits import Path, add_to_array, render, set_value
from partita.errors import PartitaError

LISTED = """\
# the partition
[[tier]]
name = "low"
members = [
  "alpha",   # the first
  # what came later
  "gamma"    # no comma here
]

[[tier]]
name = "high"   # above all
members = ["beta", "delta"]
"""


def added(source: str, path: Path, item: str) -> str:
    return add_to_array(source.encode(), path, item, "file.toml").decode()


def put(source: str, path: Path, value: Any) -> str:
    return set_value(source.encode(), path, value, "file.toml").decode()


@pytest.mark.parametrize(
    ("item", "old", "new"),
    [
        ("aaa", '[\n  "alpha",', '[\n  "aaa",\n  "alpha",'),
        ("beta", "# the first\n", '# the first\n  "beta",\n'),
        ("omega", '"gamma"    # no comma here\n', '"gamma",    # no comma here\n  "omega"\n'),
    ],
)
def test_a_list_of_lines_gets_a_line_at_its_place(item: str, old: str, new: str) -> None:
    assert added(LISTED, ("tier", 0, "members"), item) == LISTED.replace(old, new)


@pytest.mark.parametrize(
    ("item", "new"),
    [
        ("aaa", '["aaa", "beta", "delta"]'),
        ("cosine", '["beta", "cosine", "delta"]'),
        ("omega", '["beta", "delta", "omega"]'),
    ],
)
def test_a_list_on_one_line_stays_on_it(item: str, new: str) -> None:
    assert added(LISTED, ("tier", 1, "members"), item) == LISTED.replace('["beta", "delta"]', new)


@pytest.mark.parametrize(
    ("source", "item", "expected"),
    [
        ("m = []\n", "a", 'm = ["a"]\n'),
        ("m = [ ]\n", "a", 'm = ["a"]\n'),
        ("m = [\n]\n", "a", 'm = [\n  "a",\n]\n'),
        ("m = [\n  # none yet\n]\n", "a", 'm = [\n  # none yet\n  "a",\n]\n'),
        ('m = ["b",]\n', "c", 'm = ["b", "c",]\n'),
        ('m = ["b",\n     "d"]\n', "c", 'm = ["b",\n     "c",\n     "d"]\n'),
        ('m = ["b",\n     "d"]\n', "e", 'm = ["b",\n     "d", "e"]\n'),
        ('m = [\n  "a", "b",\n  "d", "e",\n]\n', "c", 'm = [\n  "a", "b",\n  "c",\n  "d", "e",\n]\n'),
        ('m = [\n  "b"\n  , "d"\n]\n', "c", 'm = [\n  "b", "c"\n  , "d"\n]\n'),
        ('m = [\n  "z",\n  "a",\n]\n', "c", 'm = [\n  "z",\n  "a",\n  "c",\n]\n'),
        ('m = [\r\n  "b",\r\n]\r\n', "c", 'm = [\r\n  "b",\r\n  "c",\r\n]\r\n'),
        ('\ufeffm = ["b"]\n', "c", '\ufeffm = ["b", "c"]\n'),
        ('m = ["b"]', "c", 'm = ["b", "c"]'),
        ('m = ["b"]\n', "b", 'm = ["b"]\n'),
        ('m = [1, "b"]\n', "a", 'm = [1, "b", "a"]\n'),
        ("", "a", 'm = ["a"]\n'),
    ],
)
def test_an_item_is_added_as_its_neighbours_are_written(source: str, item: str, expected: str) -> None:
    assert added(source, ("m",), item) == expected


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("[a]\nb = 1\nd = 2\n\n# about e\n[e]\n", ("a", "c"), "[a]\nb = 1\nc = true\nd = 2\n\n# about e\n[e]\n"),
        ("[a]\nb = 1\n\n# about e\n[e]\n", ("a", "c"), "[a]\nb = 1\nc = true\n\n# about e\n[e]\n"),
        ("[a]\nz = 1\nb = 1  # last\n[e]\n", ("a", "c"), "[a]\nz = 1\nb = 1  # last\nc = true\n[e]\n"),
        ("[a]  # empty\n\n[e]\n", ("a", "c"), "[a]  # empty\nc = true\n\n[e]\n"),
        ("[e]\n[a]", ("a", "c"), "[e]\n[a]\nc = true\n"),
        ("[a]\nb = 1", ("a", "c"), "[a]\nb = 1\nc = true\n"),
        ("[a]\r\nb = 1\r\n[e]\r\n", ("a", "c"), "[a]\r\nb = 1\r\nc = true\r\n[e]\r\n"),
        ("a = { b = 1 }\n", ("a", "c"), "a = { b = 1, c = true }\n"),
        ("a = {}\n", ("a", "c"), "a = { c = true }\n"),
        ("[t]\na = {b = 1} # end\n", ("t", "a", "c"), "[t]\na = {b = 1, c = true} # end\n"),
        ("[a.x]\nq = 1\n", ("a", "c"), "[a.x]\nq = 1\n\n# new\n[a]\nc = true\n"),
        ("[e]\nq = 1\n", ("a", "b-b", "c d"), '[e]\nq = 1\n\n# new\n[a.b-b]\n"c d" = true\n'),
        ("[e]\nq = 1", ("a", "c"), "[e]\nq = 1\n\n# new\n[a]\nc = true\n"),
        ("", ("a", "c"), "# new\n[a]\nc = true\n"),
        ("q = 1\n[a]\n", ("r",), "q = 1\nr = true\n[a]\n"),
        ("[[t]]\nn = 1\n\n[[t]]\nn = 2\n", ("t", 0, "z"), "[[t]]\nn = 1\nz = true\n\n[[t]]\nn = 2\n"),
        (
            "[tool.a]\nx = 1\n[q]\n[tool.b]\ny = 1\n",
            ("tool", "a", "z"),
            "[tool.a]\nx = 1\nz = true\n[q]\n[tool.b]\ny = 1\n",
        ),
        ("a = [1,\n 2]  # two\nc = 'old'  # why\n", ("c",), "a = [1,\n 2]  # two\nc = true  # why\n"),
        ("a.b = 1  # dotted\n", ("a", "b"), "a.b = true  # dotted\n"),
    ],
)
def test_a_value_is_put_and_all_else_stays(source: str, path: Path, expected: str) -> None:
    assert set_value(source.encode(), path, True, "file.toml", "new").decode() == expected


def test_a_value_that_is_there_already_changes_nothing() -> None:
    source = "a  =  [ 1,2 ]\n"
    assert put(source, ("a",), [1, 2]) == source


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"workspace": True}, "{ workspace = true }"),
        ({}, "{}"),
        (["a", 'b"c'], '["a", "b\\"c"]'),
        ([], "[]"),
        ("tab\t\x7f", '"tab\\t\\u007f"'),
        (3, "3"),
    ],
)
def test_values_are_written_on_one_line(value: Any, expected: str) -> None:
    assert render(value) == expected
    assert tomllib.loads(f"x = {expected}") == {"x": value}


@pytest.mark.parametrize(
    ("source", "path", "complaint"),
    [
        (b"a = 1\n", ("a",), "file.toml: a is no array; edit it by hand"),
        (b"a.b = 1\n", ("a", "c"), "file.toml: a.c cannot be edited without changing something else; edit it by hand"),
        (b"a = [\n", ("a",), "file.toml: not valid TOML: "),
        (b"# \xff\nb = 1\n# \xff\n", ("a",), "file.toml:1: the file is not UTF-8; save it as UTF-8"),
        (b"a = 1\n", ("a", "b"), "file.toml: a is no table; edit it by hand"),
        (b"a = 1\n", ("a", "b", "c"), "file.toml: a.b.c cannot be edited without breaking the file; edit it by hand"),
        (b"[[a]]\n", ("a", "b"), "file.toml: a is no table; edit it by hand"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_file_and_key(source: bytes, path: Path, complaint: str) -> None:
    with pytest.raises(PartitaError) as caught:
        add_to_array(source, path, "x", "file.toml")
    assert str(caught.value).startswith(complaint)


# Documents that a person may have written: any order, comments, blank lines, spacing, line ends.

NAMES = st.sampled_from(["a", "b", "name", "uv", "x-y", "'q.r'", '"s t"'])
WORDS = st.text(st.sampled_from("abcxyz-_.#[]'é"), max_size=6)
STRINGS = st.one_of(
    WORDS.map(lambda word: f'"{word}"'),
    WORDS.map(lambda word: "'" + word.replace("'", "") + "'"),
    WORDS.map(lambda word: f'"""\n{word}\n"""'),
)
COMMENTS = st.sampled_from(["", "  # why", "# [x] = {", '  # "quoted'])
SCALARS = st.one_of(
    STRINGS, st.sampled_from(["1", "true", "nan", "-0.5e3", "1979-05-27T07:32:00Z", "{ a = 1, b = [2] }"])
)


@st.composite
def arrays(draw: st.DrawFn) -> str:
    items = draw(st.lists(STRINGS.filter(lambda text: "\n" not in text), max_size=4))
    style = draw(st.sampled_from(["inline", "lines", "lines without last comma"]))
    if style == "inline":
        gap = draw(st.sampled_from(["", " "]))
        return f"[{gap}{', '.join(items)}{gap}]"
    last = len(items) if style == "lines" else len(items) - 1
    lines = [f"  {item}{',' if n < last else ''}{draw(COMMENTS)}\n" for n, item in enumerate(items)]
    remark = draw(st.sampled_from(["", "  # before the end\n", "\n"]))
    return f"[\n{''.join(lines)}{remark}]"


@st.composite
def pairs(draw: st.DrawFn) -> list[str]:
    keys = draw(st.lists(NAMES, unique_by=lambda name: name.strip("'\""), max_size=4))
    return [f"{key} = {draw(st.one_of(SCALARS, arrays()))}{draw(COMMENTS)}\n" for key in keys]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Sections of unlike kinds in any order, so that tomlkit meets tables written in several places."""
    headers = st.sampled_from(["[t.a]", "[t.b.c]", "[u]", "[ v . w ]", "[t.b]", "['t'.d]"])
    sections = [*draw(pairs()), "\n"]
    for header in draw(st.lists(headers, unique=True, max_size=4)):
        sections += [
            draw(st.sampled_from(["", "\n", "# about it\n\n"])),
            header + draw(COMMENTS) + "\n",
            *draw(pairs()),
        ]
    for _ in range(draw(st.integers(0, 2))):
        sections += ["[[tier]]\n", *draw(pairs())]
    text = "".join(sections)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ""
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text


def paths(value: Any, wanted: type, path: Path = ()) -> list[Path]:
    """Every path below which a value of this type stands."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if isinstance(value, wanted) else []
    return found + [inner for key, item in items for inner in paths(item, wanted, (*path, key))]


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def parse(source: str) -> Any:
    return tomllib.loads(source.removeprefix("\ufeff"), parse_float=str)


def holds(text: str, part: str) -> bool:
    """Whether the characters of `part` all stand in `text`, in this order."""
    rest = iter(text)
    return all(sign in rest for sign in part)


@settings(deadline=None)
@given(documents(), st.data())
def test_adding_to_any_array_changes_that_array_alone(source: str, data: st.DataObject) -> None:
    before = parse(source)
    lists = [path for path in paths(before, list) if path and all(isinstance(i, str) for i in at(before, path))]
    if not lists:
        return
    path = data.draw(st.sampled_from(lists))
    item = data.draw(st.sampled_from(["", "b", "mm", "zz", "q'\"\\"]))
    after = added(source, path, item)

    was, is_now = at(before, path), at(parse(after), path)
    assert sorted(is_now) == sorted({*was, item} if item in was else [*was, item]) or item in was
    at(before, path[:-1])[path[-1]] = is_now
    assert parse(after) == before
    assert holds(after.replace(" ", ""), source.replace(" ", ""))
    assert [line for line in source.split("\n") if line not in after.split("\n")][1:] == []
    assert "\r\n" not in source or after.count("\n") == after.count("\r\n")


@settings(deadline=None)
@given(documents(), st.data())
def test_putting_any_key_changes_that_key_alone(source: str, data: st.DataObject) -> None:
    before = parse(source)
    table = data.draw(st.sampled_from(paths(before, dict)))
    key = data.draw(st.sampled_from(["a", "n", "new key", "zz"]))
    value = data.draw(st.sampled_from(["text", True, 3, ["x"], {"workspace": True}]))
    assume(not isinstance(at(before, table).get(key), dict))  # a table of its own is no value to replace
    after = put(source, (*table, key), value)
    is_new = key not in at(before, table)
    at(before, table)[key] = value
    assert parse(after) == before
    if is_new:
        assert holds(after, source)
