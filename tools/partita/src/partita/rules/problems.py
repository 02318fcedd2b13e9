"""What could not be read as meant. A rule like any other, so that nothing unreadable passes unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita import findings
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.findings import Finding
    from partita.rules.facts import Facts

CODES = (
    Code(findings.UNREADABLE_MANIFEST, "a manifest cannot be read"),
    Code(findings.INVALID_NAME, "a manifest has no valid name, so its folder is no member"),
    Code(findings.DUPLICATE_NAME, "two manifests have one name"),
    Code(findings.LEGACY_MANIFEST, "a package has no pyproject.toml, so it is no member"),
    Code(findings.DYNAMIC_DEPENDENCIES, "what a member depends on is only known when it is built"),
    Code(findings.UNREADABLE_FOLDER, "a folder cannot be read"),
    Code(findings.INVALID_REQUIREMENT, "a requirement names no package"),
    Code(findings.UNREADABLE_SOURCE, "a source file cannot be read"),
    Code(findings.UNDECODABLE_SOURCE, "a source file cannot be decoded"),
    Code(findings.DUPLICATE_MODULE, "two files make one module"),
    Code(findings.ESCAPING_RELATIVE_IMPORT, "a relative import leads out of its package"),
)


_REMEDIES = {
    findings.UNREADABLE_MANIFEST: "correct the file; until then nothing is known about this package",
    findings.INVALID_NAME: "give it a name, unless it is a template",
    findings.DUPLICATE_NAME: "rename one of them",
    findings.LEGACY_MANIFEST: "write a pyproject.toml with a [project] table",
    findings.DYNAMIC_DEPENDENCIES: "write the dependencies down, or except it",
    findings.UNREADABLE_FOLDER: "make it readable for whoever runs this",
    findings.INVALID_REQUIREMENT: "correct the entry: a requirement starts with the name of a package",
    findings.UNREADABLE_SOURCE: "correct the file, or run this with the Python it is written for",
    findings.UNDECODABLE_SOURCE: "save it as UTF-8, or declare its encoding in the first two lines",
    findings.DUPLICATE_MODULE: "rename one of them, or merge the two",
    findings.ESCAPING_RELATIVE_IMPORT: "write the absolute name, or take dots away",
}


def _find(facts: Facts) -> Iterator[Finding]:
    for finding in (*facts.workspace.problems, *facts.modules.problems):
        yield finding if finding.remedy else finding._replace(remedy=_REMEDIES[finding.code])


RULE = Rule("problems", CODES, _find)
