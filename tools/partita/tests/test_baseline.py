"""The baseline: what it covers, what it reports, and that it comes back from its file as it went in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.baseline import (
    Comparison,
    Entry,
    Terms,
    check_date,
    compare,
    parse_baseline,
    render_baseline,
    update,
)
from partita.errors import PartitaError
from partita.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

TODAY = "2026-11-21"
TERMS = Terms("mail team", "predates the rule", "2027-03-31")
FINDING = Finding("PT301", "mail/src/mail/send.py", 7, "mail imports llm", "declare it", "mail -> llm")
ENTRY = Entry("PT301", "mail/src/mail/send.py", "mail -> llm", 1, TERMS, 5)


def everything(code: str) -> bool:
    return code.startswith("PT")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PartitaError) as caught:
        parse_baseline(text.encode())
    return caught.value.problems


def test_an_entry_is_one_line() -> None:
    assert render_baseline([ENTRY]).endswith(
        "todo = [\n"
        '  { code = "PT301", file = "mail/src/mail/send.py", subject = "mail -> llm", owner = "mail team", '
        'reason = "predates the rule", expires = 2027-03-31 },\n'
        "]\n"
    )


def test_entries_are_sorted_whatever_their_order() -> None:
    other = ENTRY._replace(code="PT102")
    assert render_baseline([ENTRY, other]) == render_baseline([other, ENTRY])
    assert [entry.code for entry in parse_baseline(render_baseline([ENTRY, other]).encode())] == ["PT102", "PT301"]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
_ENTRIES = st.builds(
    Entry,
    code=st.sampled_from(["PT101", "PT301", "PT401"]),
    file=_TEXTS,
    subject=st.text(st.characters(exclude_categories=["Cs"])),
    times=st.integers(1, 99),
    terms=st.builds(Terms, _TEXTS, _TEXTS, st.dates().map(lambda day: day.isoformat())),
    line=st.just(0),
)


@given(st.lists(_ENTRIES))
def test_entries_come_back_as_they_were_written(entries: list[Entry]) -> None:
    read = parse_baseline(render_baseline(entries).encode())
    assert [entry._replace(line=0) for entry in read] == sorted(entries)
    assert [entry.line for entry in read] == list(range(5, 5 + len(entries)))


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    text = "\ufeff" + render_baseline([ENTRY]).replace("\n", "\r\n")
    assert parse_baseline(text.encode()) == (ENTRY,)


def test_every_mistake_is_told_with_its_line() -> None:
    text = """\
entries = []
todo = [
  { code = "PT301", file = "a.py", owner = "x", reason = "", expires = 2027-01-01 },
  { code = "PT301", file = "a.py", owner = "x", reason = "y", expires = "soon", count = 0, subjekt = "b" },
  { code = 3, file = "a.py", subject = 1, reason = "y", expires = 2027-01-01T10:00:00 },
]
"""
    assert problems(text) == (
        "workspace-todo.toml: unknown key 'entries'; known: todo",
        "workspace-todo.toml:3: reason is not a text with something in it",
        "workspace-todo.toml:4: unknown key 'subjekt'; known: code, file, subject, count, owner, reason, expires",
        "workspace-todo.toml:4: count is not a whole number above 0",
        "workspace-todo.toml:4: expires is 'soon'; write a date such as 2027-01-31, without quotes",
        "workspace-todo.toml:5: owner is missing",
        "workspace-todo.toml:5: code is not a text with something in it",
        "workspace-todo.toml:5: subject is not a text",
        "workspace-todo.toml:5: expires is '2027-01-01 10:00:00'; write a date such as 2027-01-31, without quotes",
    )


def test_what_is_no_toml_is_told_with_its_line() -> None:
    assert problems("\ntodo = [\n  { code = }\n]\n")[0].startswith("workspace-todo.toml:3: not valid TOML: ")
    assert problems("todo = 1\n") == ("workspace-todo.toml: todo is not a list of tables in braces, one a line",)
    with pytest.raises(PartitaError, match=r"workspace-todo\.toml:2: the file is not UTF-8"):
        parse_baseline(b"todo = []\n# caf\xe9\n")


def test_a_known_finding_passes() -> None:
    assert compare([FINDING], [ENTRY], TODAY, everything) == Comparison((), 1)


def test_a_known_finding_passes_on_another_line() -> None:
    assert compare([FINDING._replace(line=70)], [ENTRY], TODAY, everything) == Comparison((), 1)


def test_a_new_finding_is_reported() -> None:
    new = FINDING._replace(subject="mail -> chat")
    assert compare([FINDING, new], [ENTRY], TODAY, everything) == Comparison((new,), 1)


def test_a_second_identical_violation_is_reported_with_the_first() -> None:
    again = FINDING._replace(line=9)
    told = "mail imports llm (found 2 times here, workspace-todo.toml covers 1)"
    expected = (FINDING._replace(message=told), again._replace(message=told))
    assert compare([FINDING, again], [ENTRY], TODAY, everything) == Comparison(expected, 0)


def test_an_entry_covers_as_many_findings_as_it_counts() -> None:
    again = FINDING._replace(line=9)
    assert compare([FINDING, again], [ENTRY._replace(times=2)], TODAY, everything) == Comparison((), 2)


def test_an_entry_without_a_finding_is_stale() -> None:
    stale = Finding(
        "PT911",
        "workspace-todo.toml",
        5,
        "stale entry: PT301 in mail/src/mail/send.py (mail -> llm) is gone",
        "run partita check --update-baseline, or take the line out",
        "PT301 mail/src/mail/send.py mail -> llm",
    )
    assert compare([], [ENTRY], TODAY, everything) == Comparison((stale,), 0)


def test_an_entry_that_counts_too_many_is_stale() -> None:
    (stale,) = compare([FINDING], [ENTRY._replace(times=3)], TODAY, everything).findings
    assert (stale.code, stale.message) == (
        "PT911",
        "stale entry: PT301 in mail/src/mail/send.py (mail -> llm) counts 3, and only 1 of them are left",
    )


def test_an_entry_that_a_merge_doubled_is_stale() -> None:
    (stale,) = compare([FINDING], [ENTRY, ENTRY._replace(line=7)], TODAY, everything).findings
    assert (stale.code, stale.line) == ("PT911", 7)
    assert update([FINDING], [ENTRY, ENTRY._replace(line=7)], TERMS, everything) == (ENTRY._replace(line=0),)


def test_an_entry_holds_on_its_last_day_and_not_after() -> None:
    assert compare([FINDING], [ENTRY], "2027-03-31", everything) == Comparison((), 1)
    expired = Finding(
        "PT912",
        "workspace-todo.toml",
        5,
        "PT301 in mail/src/mail/send.py (mail -> llm) was accepted until 2027-03-31 only, because: predates the rule",
        "mend it, or agree on a later date with mail team and write it in this line",
        "PT301 mail/src/mail/send.py mail -> llm",
    )
    assert compare([FINDING], [ENTRY], "2027-04-01", everything) == Comparison((expired,), 1)


def test_entries_of_codes_that_are_not_checked_are_left_alone() -> None:
    def only_cycles(code: str) -> bool:
        return code.startswith("PT1")

    assert compare([], [ENTRY], TODAY, only_cycles) == Comparison((), 0)
    assert update([], [ENTRY], TERMS, only_cycles) == (ENTRY._replace(line=0),)


def test_an_update_keeps_agreed_terms_and_drops_what_is_gone() -> None:
    gone = ENTRY._replace(subject="mail -> chat")
    new = FINDING._replace(code="PT401")
    later = Terms("me", "later", "2028-01-01")
    assert update([FINDING, FINDING, new], [ENTRY, gone], later, everything) == (
        ENTRY._replace(times=2, line=0),
        Entry("PT401", FINDING.file, FINDING.subject, 1, later),
    )


def test_a_new_entry_needs_owner_reason_and_expiry() -> None:
    with pytest.raises(PartitaError) as caught:
        update([FINDING], [], Terms("", "because", ""), everything)
    assert caught.value.problems == (
        "1 new entry needs --owner, --expires: whoever adds a debt says who owes it, why, and until when (YYYY-MM-DD)",
    )
    assert update([], [ENTRY], Terms("", "", ""), everything) == ()


_FINDINGS = st.builds(
    Finding, st.sampled_from(["PT301", "PT401"]), st.sampled_from("ab"), st.integers(0, 3), st.just("m")
)


@given(st.lists(_FINDINGS), st.lists(_ENTRIES))
def test_an_update_leaves_nothing_to_report(findings: list[Finding], entries: list[Entry]) -> None:
    updated = update(findings, entries, TERMS, everything)
    assert compare(findings, updated, "0001-01-01", everything) == Comparison((), len(findings))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-02-30", "--expires '2026-02-30' is no date; write it as YYYY-MM-DD"),
        ("soon", "--expires 'soon' is no date; write it as YYYY-MM-DD"),
        ("2026-11-20", "--expires 2026-11-20 has passed already; today is 2026-11-21"),
    ],
)
def test_a_last_day_is_a_day_to_come(text: str, told: str) -> None:
    with pytest.raises(PartitaError) as caught:
        check_date(text, "--expires", TODAY)
    assert caught.value.problems == (told,)
    check_date(TODAY, "--expires", TODAY)


def test_file_names_that_are_no_text_can_be_written_down() -> None:
    finding = FINDING._replace(file="mail/\udcff.py")
    entries = parse_baseline(render_baseline(update([finding], [], TERMS, everything)).encode())
    assert compare([finding], entries, TODAY, everything) == Comparison((), 1)


def test_branches_that_add_entries_at_different_places_merge(tmp_path: Path) -> None:
    base = [ENTRY._replace(file=f"{letter}.py") for letter in "bdfhj"]
    merged = _merge(tmp_path, base, [*base, ENTRY._replace(file="c.py")], [*base[:-1], ENTRY._replace(file="k.py")], "")
    assert [entry.file for entry in merged] == ["b.py", "c.py", "d.py", "f.py", "h.py", "k.py"]


def test_branches_that_add_neighbours_merge_by_union(tmp_path: Path) -> None:
    base = [ENTRY._replace(file="b.py")]
    ours, theirs = [*base, ENTRY._replace(file="c.py")], [*base, ENTRY._replace(file="d.py")]
    merged = _merge(tmp_path, base, ours, theirs, "--union")
    assert [entry.file for entry in merged] == ["b.py", "c.py", "d.py"]


def _merge(folder: Path, base: list[Entry], ours: list[Entry], theirs: list[Entry], option: str) -> tuple[Entry, ...]:
    names = []
    for name, entries in (("ours", ours), ("base", base), ("theirs", theirs)):
        (folder / name).write_text(render_baseline(entries), encoding="utf-8")
        names.append(str(folder / name))
    words = ["git", "merge-file", "--stdout", *([option] if option else []), *names]
    return parse_baseline(subprocess.run(words, check=True, capture_output=True).stdout)
