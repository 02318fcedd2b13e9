"""Findings as SARIF 2.1.0, which code hosts and editors show beside the lines of a change."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from partita.errors import PartitaError
from partita.reports.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.findings import Finding

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


class Step(NamedTuple):
    """One place on the way that explains a finding, and what happens there."""

    file: str
    line: int
    message: str


def render_sarif(
    findings: Iterable[Finding], notes: Iterable[Finding] = (), ways: Mapping[Finding, Sequence[Step]] | None = None
) -> str:
    """One run of Partita: findings are errors, notes are notes; `ways` holds the steps that explain some of them.

    Each result has a fingerprint of what it is about, by which it is known again wherever its line has moved.
    """
    graded = [(finding, "error") for finding in findings] + [(note, "note") for note in notes]
    codes = sorted({finding.code for finding, _ in graded})
    fingerprints = _fingerprints([finding for finding, _ in graded])
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": level,
            "message": {
                "text": printable(f"{finding.message}. {finding.remedy}" if finding.remedy else finding.message)
            },
            "locations": [_location(finding.file, finding.line)],
            "partialFingerprints": {"partita/v1": fingerprint},
            **_flow((ways or {}).get(finding, ())),
        }
        for (finding, level), fingerprint in zip(graded, fingerprints, strict=True)
    ]
    run = {
        "tool": {"driver": {"name": "partita", "version": _version(), "rules": _rules(codes)}},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the root of the repository"}}},
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def write_sarif(path: str, document: str) -> None:
    """Replace a file in one step: a reader sees the old findings or the new ones. Raises PartitaError."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(document)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise PartitaError(f"--sarif {path}: cannot be written: {error.strerror}") from error


def _rules(codes: Sequence[str]) -> list[dict[str, object]]:
    from partita.rules import CODES  # every rule: only for the titles of the codes that were found

    titles = {code.code: code.title for code in CODES}
    return [{"id": code, "shortDescription": {"text": titles.get(code, code)}} for code in codes]


def _location(file: str, line: int, message: str = "") -> dict[str, object]:
    artifact = {"uri": quote(os.fsencode(file)), "uriBaseId": _ROOT}
    region = {"region": {"startLine": line}} if line else {}
    told = {"message": {"text": printable(message)}} if message else {}
    return {"physicalLocation": {"artifactLocation": artifact, **region}, **told}


def _flow(steps: Sequence[Step]) -> dict[str, object]:
    if not steps:
        return {}
    return {"codeFlows": [{"threadFlows": [{"locations": [{"location": _location(*step)} for step in steps]}]}]}


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """What each finding is about, without its line; equal ones are numbered."""
    seen: dict[str, int] = {}
    prints = []
    for finding in findings:
        text = "\n".join((finding.code, finding.file, finding.subject or finding.message))
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[key] = seen.get(key, 0) + 1
        prints.append(f"{key}:{seen[key]}")
    return prints


def _version() -> str:
    from importlib.metadata import version  # 20 ms

    return version("partita")
