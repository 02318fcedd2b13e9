"""Documents whose links lead nowhere, or whose examples are not valid, are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partita.documents import Example, check_documents, find_documents, parse_document, slug
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree


def problems(make_tree: MakeTree, text: str) -> list[tuple[int, str]]:
    root = make_tree({"README.md": text, "docs/other.md": "# One `thing`\n\n## Twice\n\n## Twice\n"})
    return [(finding.line, finding.message) for finding in check_documents(str(root), ["README.md"])]


def test_links_that_lead_somewhere_are_right(make_tree: MakeTree) -> None:
    text = """\
    # Here & there

    [a](docs/other.md) [b](docs/other.md#one-thing) [c](docs/other.md#twice-1) [d](#here--there) [e](docs)
    [f](https://example.org/nowhere) [g](mailto:a@example.org) `[h](nowhere)` ![i](docs/other.md "title")
    """
    assert problems(make_tree, text) == []


def test_links_that_lead_nowhere_are_told_with_their_line(make_tree: MakeTree) -> None:
    text = "\n[a](docs/gone.md)\n[b](docs/other.md#three)\n[c](#gone)\n"
    assert problems(make_tree, text) == [
        (2, "the link leads to docs/gone.md, which does not exist"),
        (3, "docs/other.md has no heading #three"),
        (4, "README.md has no heading #gone"),
    ]


@pytest.mark.parametrize(
    "block",
    [
        "python\nx = 1",
        "toml\na = 1",
        'json\n{"a": 1}',
        "python\n>>> x = 2\n>>> x + 1\n3",
        "text\n[a](nowhere) = =",
        "console\n$ partita graph --format svg --output graph.svg  # a picture\n$ uv run invoke check-cycles --strict",
        "console\n$ pip install uv && uv run invoke graph\n$ other --option",
        "console\n$ invoke our-own-task",
        "console\n$ partita check --json > found.json || echo $?",
    ],
)
def test_valid_examples_are_right(make_tree: MakeTree, block: str) -> None:
    assert problems(make_tree, f"```{block}\n```\n") == []


@pytest.mark.parametrize(
    ("block", "line", "told"),
    [
        ("python\nx = 1\ny = = 2", 3, "this python is not valid: invalid syntax"),
        ("python\n>>> 1 + 1\n3", 2, "Failed example: 1 + 1 Expected: 3 Got: 2"),
        ("toml\na = ", 2, "this toml is not valid: Invalid value"),
        ("json\n{,}", 2, "this json is not valid: Expecting property name"),
        ("console\n$ echo\n$ partita grpah", 3, "there is no command grpah"),
        ("console\n$ uv run invoke graph --formt svg", 2, "partita graph: error: unrecognized arguments: --formt svg"),
    ],
)
def test_examples_that_are_not_valid_are_told_with_their_line(
    make_tree: MakeTree, block: str, line: int, told: str
) -> None:
    ((at, message),) = problems(make_tree, f"```{block}\n```\n")
    assert (at, message[: len(told)]) == (line, told)


def test_a_session_goes_on_through_a_document(make_tree: MakeTree) -> None:
    assert problems(make_tree, "```python\n>>> x = 2\n```\n\n```python\n>>> x\n2\n```\n") == []


def test_fences_may_hold_shorter_fences() -> None:
    text = "a\n````markdown\n```python\nx = = 1\n```\n````\nb\n"
    prose, examples = parse_document(text)
    assert [line.number for line in prose] == [1, 7]
    assert examples == [Example(3, "markdown", "```python\nx = = 1\n```")]


def test_the_anchor_of_a_heading() -> None:
    assert slug("The `graph` command, [explained](x.md)!") == "the-graph-command-explained"


def test_documents_are_found_at_the_root_in_docs_and_beside_manifests(make_tree: MakeTree) -> None:
    files = (
        "README.md",
        "docs/a.md",
        "docs/deep/b.md",
        "packages/x/README.md",
        "packages/x/src/x/data.md",
        "other/c.md",
    )
    root: Path = make_tree({"packages/x/pyproject.toml": '[project]\nname = "x"\n', **dict.fromkeys(files, "")})
    found = find_documents(read_workspace(str(root)))
    assert sorted(found) == ["README.md", "docs/a.md", "docs/deep/b.md", "packages/x/README.md"]
