import os.path
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as some

from botlib import InvalidError, SafeKey, join_key, parse_key, path_below


@pytest.mark.parametrize(
    "text", ["a", "reports/2030/january.pdf", ".hidden", "a..b", "...a", "日本/ファイル", "console.txt", "👩‍💻.png"]
)
def test_a_plain_name_stays_as_it_is(text: str) -> None:
    assert parse_key(text) == text


def test_accents_get_one_spelling() -> None:
    assert parse_key("cafe\u0301") == parse_key("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("/etc/passwd", "slash"),
        ("a//b", "slash"),
        ("a/", "slash"),
        ("..", "another folder"),
        ("a/../b", "another folder"),
        ("./a", "another folder"),
        ("..\\a", "not allowed"),
        ("c:/windows", "not allowed"),
        ("file.txt:stream", "not allowed"),
        ("what?", "not allowed"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("a\x7f", "control character"),
        ("a\ud800", "control character"),
        ("gpj\u202eexe", "not allowed"),
        ("NUL", "device"),
        ("a/com1.txt", "device"),
        ("lpt¹", "device"),
        ("aux .h", "device"),
        ("a./b", "ends with a dot"),
        ("a /b", "space"),
        (" a", "space"),
        ("a" * 256, "longer than 255 bytes"),
        ("é" * 128, "longer than 255 bytes"),
        ("a/" * 600 + "a", "longer than 1024 bytes"),
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused_with_its_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidError, match=rule) as caught:
        parse_key(text)
    assert caught.value.message.isprintable()
    assert caught.value.remedy


@given(some.text(some.characters(), max_size=30) | some.text("./\\ab:\x00 ~", max_size=12))
def test_whatever_is_accepted_stays_below_its_root(text: str) -> None:
    try:
        key = parse_key(text)
    except InvalidError:
        return
    assert os.path.normpath(os.path.join("/root", key)) == f"/root/{key}"
    assert parse_key(key) == key == unicodedata.normalize("NFC", text)


def test_a_strangers_name_stays_below_the_folder() -> None:
    assert join_key(SafeKey("attachments"), "letter.pdf") == "attachments/letter.pdf"
    with pytest.raises(InvalidError):
        join_key(SafeKey("attachments"), "../../evil.pdf")


NAMES = some.text(some.characters(categories=["L", "N"]), min_size=1, max_size=8) | some.sampled_from(
    ["a.b", "c d", "-"]
)
KEYS = some.lists(NAMES, min_size=1, max_size=5).map("/".join)


def acceptable(text: str) -> bool:
    try:
        parse_key(text)
    except InvalidError:
        return False
    return True


@given(KEYS.filter(acceptable), KEYS.filter(acceptable))
def test_a_joined_key_is_the_folder_and_the_name(folder: str, name: str) -> None:
    joined = join_key(parse_key(folder), name)

    assert joined.split("/") == [*parse_key(folder).split("/"), *parse_key(name).split("/")]
    assert parse_key(joined) == joined


@given(KEYS.filter(acceptable))
def test_the_path_of_a_key_lies_below_its_folder_on_every_system(text: str) -> None:
    key = parse_key(text)
    for root in (PurePosixPath("/srv/data"), PureWindowsPath("C:\\data")):
        path = path_below(root, key)
        assert path.relative_to(root).parts == tuple(key.split("/"))


def test_the_path_of_a_key_is_of_the_kind_of_its_folder() -> None:
    assert path_below(PureWindowsPath("C:\\data"), SafeKey("a/b")) == PureWindowsPath("C:\\data\\a\\b")
