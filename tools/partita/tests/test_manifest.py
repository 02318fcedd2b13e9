from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.findings import Finding
from partita.manifest import Manifest, Requirement, normalise, parse_manifest, requirement_name


def parse(text: str) -> Manifest:
    return parse_manifest(textwrap.dedent(text).encode(), "a/pyproject.toml")


def requirements(text: str) -> list[tuple[str, str, str, int]]:
    return [(item.name, item.kind, item.group, item.line) for item in parse(text).requirements]


def test_a_pep_621_manifest_declares_all_kinds_with_their_lines() -> None:
    assert parse(
        """\
        [build-system]
        requires = ["hatchling>=1"]

        [project]
        name = "My.Package"
        version = "1.2"
        dependencies = [
          "Requests[socks] >=2; python_version < '4'",
          "other_member",
        ]

        [project.optional-dependencies]
        fast = ["uvloop"]

        [dependency-groups]
        test = ["pytest", {include-group = "lint"}]
        lint = ["ruff"]

        [tool.uv]
        dev-dependencies = ["mypy"]
        """
    ) == Manifest(
        "my-package",
        "1.2",
        (
            Requirement("requests", "runtime", "", "Requests[socks] >=2; python_version < '4'", 8),
            Requirement("other-member", "runtime", "", "other_member", 9),
            Requirement("uvloop", "optional", "fast", "uvloop", 13),
            Requirement("pytest", "dev", "test", "pytest", 16),
            Requirement("ruff", "dev", "lint", "ruff", 17),
            Requirement("mypy", "dev", "dev", "mypy", 20),
            Requirement("hatchling", "build", "", "hatchling>=1", 2),
        ),
        (),
        (),
    )


def test_a_poetry_manifest_declares_optional_and_grouped_dependencies() -> None:
    assert requirements(
        """\
        [tool.poetry]
        name = "a"
        version = "0"

        [tool.poetry.dependencies]
        python = "^3.11"
        runtime-one = "*"
        optional-one = {version = "*", optional = true}

        [tool.poetry.dev-dependencies]
        old-dev = "*"

        [tool.poetry.group.docs.dependencies]
        sphinx = "*"
        """
    ) == [
        ("runtime-one", "runtime", "", 7),
        ("optional-one", "optional", "", 8),
        ("old-dev", "dev", "dev", 11),
        ("sphinx", "dev", "docs", 14),
    ]


def test_a_manifest_without_a_name_makes_no_package() -> None:
    assert parse("[tool.ruff]\n") == Manifest(None, None, (), (), ())


def test_a_project_table_without_a_name_is_a_problem() -> None:
    message = "the [project] table has no name: the folder is no member"
    assert parse("[project]\nversion = '1'\n").problems == (Finding("PT002", "a/pyproject.toml", 1, message),)


@pytest.mark.parametrize("name", ["<REPLACE ME>", "{{ cookiecutter.name }}", "", "-a", 3])
def test_a_placeholder_for_a_name_is_a_problem_and_no_member(name: object) -> None:
    manifest = parse(f"[project]\nname = {name!r}\n")
    assert manifest.name is None
    assert [(problem.code, problem.line) for problem in manifest.problems] == [("PT002", 2)]


def test_dynamic_dependencies_are_told_and_never_taken_for_none() -> None:
    manifest = parse("[project]\nname = 'a'\ndynamic = ['version', 'dependencies', 'optional-dependencies']\n")
    assert manifest.dynamic == ("dependencies", "optional-dependencies", "version")
    assert manifest.problems == (
        Finding(
            "PT005",
            "a/pyproject.toml",
            3,
            "a declares its dependencies, optional-dependencies dynamic: what its build adds is unknown",
        ),
    )


def test_broken_toml_is_one_problem_with_its_line() -> None:
    (problem,) = parse("[project]\nname = \n").problems
    assert (problem.code, problem.file, problem.line) == ("PT001", "a/pyproject.toml", 2)


def test_a_manifest_that_is_not_utf_8_is_a_problem_with_its_line() -> None:
    manifest = parse_manifest(b"[project]\nname = 'a\xff'\n", "p.toml")
    assert manifest.problems == (Finding("PT001", "p.toml", 2, "the manifest is not UTF-8"),)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    source = b"\xef\xbb\xbf[project]\r\nname = 'a'\r\ndependencies = ['b']\r\n"
    assert parse_manifest(source, "p.toml").requirements == (Requirement("b", "runtime", "", "b", 3),)


def test_wrong_types_are_problems_and_the_rest_is_still_read() -> None:
    manifest = parse("[project]\nname = 'a'\ndependencies = 'b'\n[project.optional-dependencies]\nx = ['c', '!']\n")
    assert [item.name for item in manifest.requirements] == ["c"]
    assert [(problem.code, problem.line, problem.message) for problem in manifest.problems] == [
        ("PT007", 3, "[project] dependencies is not a list of texts"),
        ("PT007", 5, "[project.optional-dependencies] x holds '!', which names no package"),
    ]


def test_a_group_that_includes_a_missing_group_is_a_problem() -> None:
    manifest = parse("[project]\nname='a'\n[dependency-groups]\ntest = [{include-group = 'nope'}]\n")
    assert [(problem.code, problem.line) for problem in manifest.problems] == [("PT007", 4)]


def test_a_uv_workspace_table_is_kept_for_discovery() -> None:
    manifest = parse("[tool.uv.workspace]\nmembers = ['packages/*']\nexclude = ['packages/x']\n")
    assert (manifest.workspace_members, manifest.workspace_exclude) == (("packages/*",), ("packages/x",))


@given(st.text(alphabet="aB1-_.", min_size=1))
def test_names_are_compared_as_pep_503_says(name: str) -> None:
    from packaging.utils import canonicalize_name

    assert normalise(name) == canonicalize_name(name)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise(source: bytes) -> None:
    parse_manifest(source, "p.toml")
    parse_manifest(b"[project]\nname = 'a'\ndependencies = " + source, "p.toml")


@pytest.mark.parametrize(
    ("text", "name"),
    [("a-b[c]>=1", "a-b"), (" A_b @ https://x.example/y.whl", "a-b"), ("a;os_name=='x'", "a"), ("", None), ("?", None)],
)
def test_the_name_of_a_requirement(text: str, name: str | None) -> None:
    assert requirement_name(text) == name
