"""Whether documents still tell the truth: their links lead somewhere, and their examples are valid."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import shlex
import tomllib
from typing import TYPE_CHECKING, NamedTuple

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partita.workspace import Workspace

BROKEN_LINK = "PT621"
BROKEN_EXAMPLE = "PT622"

_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([A-Za-z]*)")
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"`[^`]*`")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_OPERATOR = re.compile(r"&&|\|\|?|;|[12&]?>")
_COMMAND = re.compile(r"(?:uv run (?:--?\S+ )*)?(?:invoke|inv|partita)\s+([a-z-]+)(.*)")


class Line(NamedTuple):
    """A line of prose: where it is, counted from 1, and its text."""

    number: int
    text: str


class Example(NamedTuple):
    """A fenced block: where its first line is, the language it is marked with, and its text."""

    number: int
    language: str
    text: str


def find_documents(workspace: Workspace) -> list[str]:
    """The Markdown files at the root, in `docs`, and beside the manifest of each member."""
    folders = {".", *(member.folder for member in workspace.members)}
    for place, _, _ in os.walk(os.path.join(workspace.root, "docs")):
        folders.add(os.path.relpath(place, workspace.root).replace(os.sep, "/"))
    found = []
    for folder in sorted(folders):
        names = [name for name, is_folder in workspace.tree.entries(folder) if name.endswith(".md") and not is_folder]
        found += [name if folder == "." else f"{folder}/{name}" for name in names]
    return found


def check_documents(root: str, documents: Iterable[str]) -> list[Finding]:
    """Every link to a place that does not exist, and every example that is not valid, by file and line."""
    findings: list[Finding] = []
    for document in documents:
        prose, examples = parse_document(_read(root, document))
        findings += _check_links(root, document, prose)
        names: dict[str, object] = {}
        for example in examples:
            findings += check_example(document, example, names)
    return sorted(findings)


def parse_document(text: str) -> tuple[list[Line], list[Example]]:
    """The prose and the fenced blocks of a Markdown text."""
    prose, examples = [], []
    fence, language, start, block = "", "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2]:
                examples.append(Example(start + 1, language.lower(), "\n".join(block)))
                fence = ""
            else:
                block.append(line)
        elif found:
            fence, language, start, block = found[1], found[2], number, []
        else:
            prose.append(Line(number, line))
    return prose, examples


def check_example(document: str, example: Example, names: dict[str, object]) -> Iterator[Finding]:
    """Python and data must parse, sessions of Python must print what they say, commands of Partita must be known.

    `names` are what earlier sessions of the same document defined.
    """
    try:
        if example.language in ("python", "py", "pycon"):
            told = _replay(example.text, names) if ">>> " in example.text else _parse(example.text)
            if told:
                yield Finding(BROKEN_EXAMPLE, document, example.number, told)
        elif example.language == "toml":
            tomllib.loads(example.text)
        elif example.language == "json":
            json.loads(example.text)
    except (SyntaxError, ValueError) as error:
        line = example.number + (getattr(error, "lineno", None) or 1) - 1
        yield Finding(BROKEN_EXAMPLE, document, line, f"this {example.language} is not valid: {error}")
    if example.language in ("console", "sh", "bash", "shell"):
        for number, text in enumerate(example.text.splitlines(), example.number):
            for part in _OPERATOR.split(text.removeprefix("$ ").partition("  #")[0]):
                told = _check_command(part.strip())
                if told:
                    yield Finding(BROKEN_EXAMPLE, document, number, told)


def slug(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _parse(text: str) -> str:
    ast.parse(text)
    return ""


def _replay(text: str, names: dict[str, object]) -> str:
    """Run a session of Python; the first difference from what it prints, in words."""
    import doctest

    test = doctest.DocTestParser().get_doctest(text, names, "example", None, None)
    complaints: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(
        test, out=complaints.append, clear_globs=False
    )
    names.update(test.globs)
    told = " ".join("".join(complaints).split())
    return told[told.find("Failed example:") :] if told else ""


def _check_links(root: str, document: str, prose: Iterable[Line]) -> Iterator[Finding]:
    for line in prose:
        for target in _LINK.findall(_CODE.sub("", line.text)):
            path, _, anchor = target.partition("#")
            if _ADDRESS.match(target):
                continue
            file = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
            if not os.path.exists(os.path.join(root, file)):
                yield Finding(BROKEN_LINK, document, line.number, f"the link leads to {file}, which does not exist")
            elif anchor and file.endswith(".md") and anchor not in _anchors(_read(root, file)):
                yield Finding(BROKEN_LINK, document, line.number, f"{file} has no heading #{anchor}")


def _anchors(text: str) -> set[str]:
    prose, _ = parse_document(text)
    slugs = [slug(found[1]) for line in prose if (found := _HEADING.match(line.text))]
    return {
        name if not (earlier := slugs[:place].count(name)) else f"{name}-{earlier}" for place, name in enumerate(slugs)
    }


def _check_command(line: str) -> str:
    """Why this is no command that Partita takes; empty when it is one, or none of Partita's."""
    from partita.cli import COMMANDS, create_command_parser

    found = _COMMAND.match(line)
    if not found or found[1] not in dict(COMMANDS):
        return f"there is no command {found[1]}" if found and "partita" in line.partition(found[1])[0] else ""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
            create_command_parser(found[1]).parse_args(shlex.split(found[2]))
    except ValueError as error:
        return f"{line}: {error}"
    except SystemExit as stop:
        return complaint.getvalue().strip().rpartition("\n")[2] if stop.code else ""
    return ""


def _read(root: str, path: str) -> str:
    with open(os.path.join(root, path), encoding="utf-8-sig", errors="replace") as file:
        return file.read()
