"""Documents were checked against the schema of the standard; here is what of it and of ours must not change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from partita.errors import PartitaError
from partita.findings import Finding
from partita.reports.sarif import Step, render_sarif, write_sarif

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CYCLE = Finding("PT102", "src/a b.py", 3, "two modules", "cut one", "a -> b -> a")
WHOLE_FILE = Finding("PT001", "pyproject.toml", 0, "it is broken")


def results(findings: Iterable[Finding], notes: Iterable[Finding] = ()) -> list[Any]:
    found = json.loads(render_sarif(findings, notes))["runs"][0]["results"]
    assert isinstance(found, list)
    return found


def fingerprints(*findings: Finding) -> list[str]:
    return [result["partialFingerprints"]["partita/v1"] for result in results(findings)]


def test_a_finding_is_one_result_with_its_rule() -> None:
    document = json.loads(render_sarif([CYCLE]))
    assert document["version"] == "2.1.0"
    [run] = document["runs"]
    assert run["tool"]["driver"]["rules"] == [
        {"id": "PT102", "shortDescription": {"text": "modules import each other in a circle when they are loaded"}}
    ]
    [result] = run["results"]
    del result["partialFingerprints"]
    assert result == {
        "ruleId": "PT102",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "two modules. cut one"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 3},
                }
            }
        ],
    }


def test_a_finding_about_a_whole_file_has_no_region() -> None:
    [result] = results([WHOLE_FILE])
    place = {"physicalLocation": {"artifactLocation": {"uri": "pyproject.toml", "uriBaseId": "%SRCROOT%"}}}
    assert result["locations"] == [place]
    assert result["message"] == {"text": "it is broken"}


def test_notes_are_notes_and_rules_are_numbered() -> None:
    found = results([CYCLE], [WHOLE_FILE])
    assert [(result["ruleId"], result["ruleIndex"], result["level"]) for result in found] == [
        ("PT102", 1, "error"),
        ("PT001", 0, "note"),
    ]


def test_the_steps_of_a_cycle_are_a_flow() -> None:
    steps = [Step("a.py", 1, "a -> b"), Step("b.py", 0, "b -> a")]
    [result] = json.loads(render_sarif([CYCLE], ways={CYCLE: steps}))["runs"][0]["results"]
    [flow] = result["codeFlows"]
    [thread] = flow["threadFlows"]
    assert [entry["location"]["message"]["text"] for entry in thread["locations"]] == ["a -> b", "b -> a"]
    assert thread["locations"][0]["location"]["physicalLocation"]["region"] == {"startLine": 1}


def test_a_fingerprint_survives_another_line_and_tells_equals_apart() -> None:
    first, again = fingerprints(CYCLE, CYCLE._replace(line=9))
    assert [first] == fingerprints(CYCLE._replace(line=7, message="said otherwise"))
    assert first != again
    assert first != fingerprints(CYCLE._replace(subject="a -> c -> a"))[0]


def test_names_that_are_no_text_are_still_valid() -> None:
    odd = CYCLE._replace(file="src/\udcff.py", message="odd \udcff\x1b[2J")
    [result] = results([odd])
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/%FF.py"
    assert result["message"]["text"] == "odd \\udcff\\x1b[2J. cut one"
    render_sarif([odd]).encode()


def test_no_finding_is_an_empty_list() -> None:
    assert results([]) == []


def test_a_document_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "out.sarif"
    path.write_text("old")
    write_sarif(str(path), "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.sarif", "new")]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PartitaError, match="cannot be written: No such file or directory"):
        write_sarif(str(tmp_path / "missing" / "out.sarif"), "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PartitaError, match="cannot be written: Is a directory"):
        write_sarif(str(tmp_path / "folder"), "new")
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
