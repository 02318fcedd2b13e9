"""`partita check` as a person and a program see it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import partita as package
from partita import findings as problems
from partita.baseline import Entry, Terms, render_baseline
from partita.checking import Report, Selection, create_selection
from partita.cli import main
from partita.errors import PartitaError
from partita.findings import Finding
from partita.reports.findings import render_text
from partita.rules import CODES, RULES
from partita.testing import KILLED, TORN, break_every_call, undo_interrupted

if TYPE_CHECKING:
    from partita.fixtures import MakeTree, RunPartita

SOURCES = Path(package.__file__).parent
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"

MAIL = {
    "mail/pyproject.toml": '[project]\nname = "mail"\nversion = "1"\ndependencies = []\n',
    "mail/src/mail/__init__.py": "",
}
CHAT = {
    "chat/pyproject.toml": '[project]\nname = "chat"\nversion = "1"\ndependencies = []\n',
    "chat/src/chat/__init__.py": "import mail\n",
}
CLEAN = {**MAIL, **CHAT, "chat/src/chat/__init__.py": ""}
TERMS = ("--owner", "chat team", "--reason", "predates the rules", "--expires", "2099-12-31")


def read_json(out: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, json.loads((REFERENCE / "check.schema.json").read_text(encoding="utf-8")))
    return document


def test_a_finding_is_told_with_its_place_and_the_next_step(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check", "--root", make_tree({**MAIL, **CHAT}))
    finding, step, empty, summary, checked = ran.out.splitlines()
    assert (ran.code, finding, step, empty, summary, ran.err) == (
        1,
        "chat/src/chat/__init__.py:1: PT301 chat imports mail of mail without declaring it",
        '    write "mail" into dependencies of chat/pyproject.toml',
        "",
        "1 finding in 1 file",
        "",
    )
    assert re.fullmatch(rf"checked 2 members, 2 modules by {len(RULES)} rules in \d+\.\d s", checked)


def test_a_clean_run_says_what_was_checked(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check", "--root", make_tree(CLEAN))
    assert (ran.code, ran.out.splitlines()[0], ran.err) == (0, "no findings", "")


def test_json_holds_everything_and_follows_its_schema(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check", "--json", "--root", make_tree({**MAIL, **CHAT}))
    assert ran.code == 1
    assert read_json(ran.out) == {
        "schema": 1,
        "findings": [
            {
                "code": "PT301",
                "file": "chat/src/chat/__init__.py",
                "line": 1,
                "message": "chat imports mail of mail without declaring it",
                "remedy": 'write "mail" into dependencies of chat/pyproject.toml',
                "subject": "chat -> mail",
            }
        ],
        "notes": [],
        "known": 0,
        "allowed": 0,
        "checked": {"members": 2, "modules": 2, "rules": len(RULES)},
    }


def test_only_what_the_selected_rules_need_is_read(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("check", "--json", "--select", "PT101,PT2", "--root", make_tree({**MAIL, **CHAT}))
    document = read_json(ran.out)
    assert (ran.code, document["findings"], document["checked"]) == (
        0,
        [],
        {"members": 2, "modules": None, "rules": 3},
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--select", "PT3"], 1),
        (["--select", "PT1", "--select", "PT301"], 1),
        (["--select", "PT4"], 0),
        (["--ignore", "PT301"], 0),
        (["--ignore", "PT1,PT3"], 0),
        (["--select", "PT3", "--ignore", "PT301"], 0),
    ],
)
def test_codes_are_selected_by_their_beginning(
    make_tree: MakeTree, partita: RunPartita, words: list[str], code: int
) -> None:
    assert partita("check", *words, "--root", make_tree({**MAIL, **CHAT})).code == code


def test_what_could_not_be_read_is_noted_whatever_is_selected(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**CLEAN, "chat/src/chat/talk.py": "import (\n"})
    noted = read_json(partita("check", "--json", "--select", "PT102", "--root", root).out)
    assert (noted["findings"], [note["code"] for note in noted["notes"]]) == ([], ["PT011"])
    assert read_json(partita("check", "--json", "--select", "PT101", "--root", root).out)["notes"] == []
    assert read_json(partita("check", "--json", "--ignore", "PT0", "--root", root).out)["notes"] == []


def test_a_selection_that_fits_no_code_is_refused() -> None:
    with pytest.raises(PartitaError) as caught:
        create_selection(["PT1", "X"], ["PT777"])
    assert caught.value.problems == (
        "no code of a rule begins with 'X'; codes look like PT301",
        "no code of a rule begins with 'PT777'; codes look like PT301",
    )
    assert create_selection([], []) == Selection(("PT",), ())


def test_an_exception_excepts_and_is_counted(make_tree: MakeTree, partita: RunPartita) -> None:
    exception = (
        '[[exception]]\ncode = "PT301"\nsubject = "chat -> mail"\nreason = "r"\nowner = "o"\nuntil = "chat 2 is out"\n'
    )
    root = make_tree({**MAIL, **CHAT, "workspace.toml": exception})
    ran = partita("check", "--select", "PT3", "--root", root)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "no findings; 1 excepted in workspace.toml")


def test_a_repository_adopts_the_rules_by_a_baseline(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    refused = partita("check", "--update-baseline", "--root", root)
    assert refused.code == 2
    assert refused.err.startswith("partita: 1 new entry needs --owner, --reason, --expires: whoever adds a debt says ")
    assert not (root / "workspace-todo.toml").exists()

    adopted = partita("check", "--update-baseline", *TERMS, "--root", root)
    assert (adopted.code, adopted.out.splitlines()[0]) == (0, "no findings; 1 known in workspace-todo.toml")
    assert (root / "workspace-todo.toml").read_text(encoding="utf-8").splitlines()[-2] == (
        '  { code = "PT301", file = "chat/src/chat/__init__.py", subject = "chat -> mail", owner = "chat team", '
        'reason = "predates the rules", expires = 2099-12-31 },'
    )
    assert partita("check", "--root", root).code == 0


def test_a_new_violation_fails_although_another_is_known(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    partita("check", "--update-baseline", *TERMS, "--root", root)
    (root / "chat/src/chat/talk.py").write_text("import mail\n", encoding="utf-8")
    ran = partita("check", "--json", "--root", root)
    assert (ran.code, [found["file"] for found in read_json(ran.out)["findings"]]) == (1, ["chat/src/chat/talk.py"])


def test_a_second_violation_like_a_known_one_fails(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    partita("check", "--update-baseline", *TERMS, "--root", root)
    (root / "chat/src/chat/__init__.py").write_text("import mail\nimport mail\n", encoding="utf-8")
    ran = partita("check", "--root", root)
    assert (ran.code, ran.out.count("PT301")) == (1, 1)
    assert "(found 2 times here, workspace-todo.toml covers 1)\n    also: chat/src/chat/__init__.py:2\n" in ran.out


def test_a_debt_that_is_paid_fails_until_it_is_taken_out(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    partita("check", "--update-baseline", *TERMS, "--root", root)
    (root / "chat/src/chat/__init__.py").write_text("", encoding="utf-8")
    stale = partita("check", "--root", root)
    assert (stale.code, stale.out.splitlines()[0]) == (
        1,
        "workspace-todo.toml:5: PT911 stale entry: PT301 in chat/src/chat/__init__.py (chat -> mail) is gone",
    )
    assert partita("check", "--update-baseline", "--root", root).code == 0
    assert (root / "workspace-todo.toml").read_text(encoding="utf-8").endswith("todo = [\n]\n")
    assert partita("check", "--root", root).code == 0


def test_what_cannot_be_decided_here_keeps_its_entry_and_its_exception(
    make_tree: MakeTree, partita: RunPartita
) -> None:
    """Where less is installed than where the baseline was made, nothing is stale."""
    exception = '[[exception]]\ncode = "PT302"\nsubject = "chat -> odd"\nreason = "r"\nowner = "o"\nuntil = "u"\n'
    entry = Entry("PT302", "chat/src/chat/__init__.py", "chat -> oddity", 1, Terms("o", "r", "2099-12-31"))
    files = {
        **CHAT,
        "workspace.toml": exception,
        "workspace-todo.toml": render_baseline([entry]),
        "chat/pyproject.toml": '[project]\nname = "chat"\nversion = "1"\ndependencies = ["strange-lib"]\n',
        "chat/src/chat/__init__.py": "import oddity\nimport odd\nimport odder\n",
    }
    root = make_tree(files)
    for words in ((), ("--update-baseline",)):
        ran = partita("check", "--json", "--select", "PT3,PT9", *words, "--root", root)
        document = read_json(ran.out)
        assert (ran.code, document["findings"], [note["code"] for note in document["notes"]]) == (0, [], ["PT309"] * 3)
        assert (root / "workspace-todo.toml").read_text(encoding="utf-8") == files["workspace-todo.toml"]


def test_a_dry_run_shows_the_baseline_and_writes_nothing(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    ran = partita("check", "--update-baseline", "--dry-run", *TERMS, "--root", root)
    assert (ran.code, '+  { code = "PT301", file = "chat/src/chat/__init__.py"' in ran.out) == (0, True)
    assert not (root / "workspace-todo.toml").exists()


def test_where_nothing_is_owed_no_baseline_appears(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(CLEAN)
    assert partita("check", "--update-baseline", "--root", root).code == 0
    assert not (root / "workspace-todo.toml").exists()


def test_an_update_for_some_codes_keeps_the_entries_of_others(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT})
    partita("check", "--update-baseline", *TERMS, "--root", root)
    assert partita("check", "--update-baseline", "--select", "PT1", "--root", root).code == 0
    assert "PT301" in (root / "workspace-todo.toml").read_text(encoding="utf-8")


def test_a_baseline_that_is_not_committed_is_not_written_over(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**MAIL, **CHAT, "workspace-todo.toml": "todo = []\n"})
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    (root / "workspace-todo.toml").write_text("todo = []  # mine\n", encoding="utf-8")
    refused = partita("check", "--update-baseline", *TERMS, "--root", root)
    assert (refused.code, "workspace-todo.toml" in refused.err, "--force" in refused.err) == (2, True, True)
    assert partita("check", "--update-baseline", "--force", *TERMS, "--root", root).code == 0


def prepare_owing(root: str) -> None:
    """A repository with a baseline that an update changes."""
    files = {**MAIL, **CHAT, "workspace-todo.toml": "# by hand\ntodo = [\n]\n"}
    for path, content in files.items():
        file = Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def update_baseline(root: str) -> int:
    return main(["check", "--update-baseline", *TERMS, "--root", root])


def update_naively(root: str) -> int:
    """The control: the same content, written over the old one."""
    entry = Entry("PT301", "chat/src/chat/__init__.py", "chat -> mail", 1, Terms(*TERMS[1::2]))
    with open(os.path.join(root, "workspace-todo.toml"), "w", encoding="utf-8") as file:
        file.write(render_baseline([entry]))
    return 0


def test_an_update_of_the_baseline_is_all_or_nothing_wherever_it_breaks(tmp_path: Path) -> None:
    report = break_every_call(prepare_owing, update_baseline, undo_interrupted, tmp_path)
    assert report.failures == ()
    assert report.runs > len(report.calls) > 5


def test_the_proof_catches_a_naive_writer(tmp_path: Path) -> None:
    report = break_every_call(prepare_owing, update_naively, undo_interrupted, tmp_path, (KILLED, TORN))
    assert report.failures != ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--select", "QQ"], "no code of a rule begins with 'QQ'; codes look like PT301"),
        (["--update-baseline", "--expires", "soon"], "--expires 'soon' is no date; write it as YYYY-MM-DD"),
        (["--sarif", "absent/file.sarif"], "--sarif absent/file.sarif: cannot be written: No such file or directory"),
    ],
)
def test_bad_usage_is_a_sentence(make_tree: MakeTree, partita: RunPartita, words: list[str], told: str) -> None:
    ran = partita("check", *words, "--root", make_tree(CLEAN))
    assert (ran.code, ran.err) == (2, f"partita: {told}\n")


def test_a_broken_baseline_is_told_with_every_mistake(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**CLEAN, "workspace-todo.toml": 'todo = [\n  { code = "PT301" },\n]\n'})
    ran = partita("check", "--root", root)
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [f"partita: workspace-todo.toml:2: {key} is missing" for key in ("file", "owner", "reason", "expires")],
    )


def test_a_baseline_that_cannot_be_read_is_a_sentence(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({**CLEAN, "workspace-todo.toml/folder": ""})
    ran = partita("check", "--root", root)
    assert (ran.code, ran.err) == (2, "partita: workspace-todo.toml: cannot be read: Is a directory\n")


def test_sarif_is_written_besides(make_tree: MakeTree, partita: RunPartita, tmp_path: Path) -> None:
    ran = partita("check", "--sarif", tmp_path / "out.sarif", "--root", make_tree({**MAIL, **CHAT}))
    assert ran.code == 1
    document = json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))
    assert [result["ruleId"] for result in document["runs"][0]["results"]] == ["PT301"]


def test_findings_that_ask_for_one_step_are_told_once() -> None:
    places = [
        Finding("PT302", f"{letter}.py", 1, f"m imports x.{letter}", "declare x", "m -> x") for letter in "abcdefg"
    ]
    other = Finding("PT302", "b.py", 2, "m imports y", "declare y", "m -> y")
    notes = (
        Finding("PT005", "pyproject.toml", 3, "m is dynamic"),
        Finding("PT005", "q/pyproject.toml", 3, "q is dynamic"),
        Finding("PT309", "a.py", 9, "where from?"),
    )
    report = Report((*places[:2], other, *places[2:]), notes, known=3, allowed=1, members=2, modules=1, rules=9)
    assert (
        render_text(report, 0.25)
        == """\
a.py:1: PT302 m imports x.a
    also: b.py:1, c.py:1, d.py:1, e.py:1 and 2 more
    declare x

b.py:2: PT302 m imports y
    declare y

note: pyproject.toml:3: PT005 m is dynamic (1 more with this code; --json lists them)

note: a.py:9: PT309 where from?

8 findings in 7 files; 3 known in workspace-todo.toml; 1 excepted in workspace.toml
checked 2 members, 1 module by 9 rules in 0.2 s
"""
    )


def test_names_cannot_speak_to_the_terminal() -> None:
    report = Report((Finding("PT006", "a\x1b[2J", 0, "told"),), (), 0, 0, 1, None, 1)
    assert "\x1b" not in render_text(report, 0.0)


def codes_in_sources() -> set[str]:
    """Every constant such as `NAME = "PT301"` anywhere in Partita: codes that somebody may be told."""
    nodes = (node for path in SOURCES.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    constants = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {value for value in constants if re.fullmatch(r"PT\d{3}", value)}


def documented_codes() -> dict[str, str]:
    """Code -> its section of the reference, in the order of the page."""
    text = (REFERENCE / "rules.md").read_text(encoding="utf-8")
    return {section[:5]: section for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]}


def test_every_code_is_documented_with_why_example_and_next_step() -> None:
    sections = documented_codes()
    assert list(sections) == sorted(codes_in_sources())
    lacking = [
        (code, part)
        for code, section in sections.items()
        for part in (f"{code}: ", "\n\n**Why.** ", f" {code} ", "\n\n**Next step.** ")
        if part not in section
    ]
    assert lacking == []


def test_every_code_of_the_rules_is_listed_once_under_the_title_that_the_reference_gives_it() -> None:
    sections = documented_codes()
    assert [(code, sections[code].partition("\n")[0]) for code, _ in CODES] == [
        (code, f"{code}: {title}") for code, title in CODES
    ]
    assert len({code for code, _ in CODES}) == len(CODES)
    assert {value for value in vars(problems).values() if isinstance(value, str) and value.startswith("PT")} <= {
        code for code, _ in CODES
    }
