import pytest
from hypothesis import given
from hypothesis import strategies as some

from botlib import InvalidError, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1.5", 1.5),
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("5 min", 300),
        ("1h 30m", 5400),
        ("1D", 86_400),
    ],
)
def test_a_span_of_time_is_read(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512", 512), ("512 B", 512), ("64KiB", 65_536), ("10 MB", 10_000_000), ("2gib", 2 * 1024**3)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 year", "1h30", "hunter2", "1e3", "inf", "٣s", "1s" * 3 + "x"])
def test_what_is_no_span_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^This is no span of time\. Write a number of seconds") as caught:
        parse_seconds(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5 MiB", "10 K", "10 MiB 3 KiB", "hunter2", "10 XB"])
def test_what_is_no_size_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^This is no size\. Write a number of bytes") as caught:
        parse_bytes(text)
    assert "hunter2" not in str(caught.value)


@given(some.integers(0, 400), some.integers(0, 23), some.integers(0, 59), some.integers(0, 59))
def test_the_parts_of_a_span_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d {hours}h{minutes}m {seconds}s"

    assert parse_seconds(text) == days * 86_400 + hours * 3600 + minutes * 60 + seconds


@given(some.integers(0, 10**9), some.sampled_from(["", "B", "kB", "KiB", "MB", "MiB", "GiB", "TiB"]))
def test_a_size_grows_with_its_number(number: int, unit: str) -> None:
    assert parse_bytes(f"{number + 1}{unit}") - parse_bytes(f"{number} {unit}") == parse_bytes(f"1{unit}")
