from __future__ import annotations

import ast
import sysconfig
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.imports import Imports, parse_imports

Found = list[tuple[int, str, int, str, tuple[str, ...]]]


def find(text: str) -> list[tuple[int, str, int, str, tuple[str, ...], bool]]:
    return list(parse_imports(textwrap.dedent(text).encode()).statements)


def test_every_form_of_an_import_statement_is_read() -> None:
    assert find(
        """\
        import a, b.c as d
        from e import f as g, h
        from . import i
        from ..j.k import (
            l,  # a comment with ) and , in it
            m as n,
        )
        from o import *
        from p import q, \\
            r
        if True: import s; from t import u
        """
    ) == [
        (1, "toplevel", 0, "a", (), False),
        (1, "toplevel", 0, "b.c", (), False),
        (2, "toplevel", 0, "e", ("f", "h"), False),
        (3, "toplevel", 1, "", ("i",), False),
        (4, "toplevel", 2, "j.k", ("l", "m"), False),
        (8, "toplevel", 0, "o", ("*",), False),
        (9, "toplevel", 0, "p", ("q", "r"), False),
        (11, "toplevel", 0, "s", (), False),
        (11, "toplevel", 0, "t", ("u",), False),
    ]


def test_kinds_are_told_by_what_encloses_a_statement() -> None:
    assert find(
        """\
        import typing
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import a
        else:
            import b
        if not typing.TYPE_CHECKING:
            import c
        class C:
            import d
            def method(self):
                import e
                if TYPE_CHECKING:
                    import f
        async def g():
            with x:
                import h
        try:
            import i
        except ImportError:
            import j
        """
    )[2:] == [
        (4, "type-checking", 0, "a", (), False),
        (6, "toplevel", 0, "b", (), False),
        (8, "toplevel", 0, "c", (), False),
        (10, "toplevel", 0, "d", (), False),
        (12, "lazy", 0, "e", (), False),
        (14, "type-checking", 0, "f", (), False),
        (17, "lazy", 0, "h", (), False),
        (19, "toplevel", 0, "i", (), True),
        (21, "toplevel", 0, "j", (), False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"""\nimport a\n"""\n',
        "x = '''\nimport a\n'''\n",
        'x = "\\\nimport a"\n',
        "# import a\n",
        "importlib = 1\nimported = importlib\nx.import_module(1)\n",
        'x = f"""\nimport {a}\n"""\n',
        'x = \'# """\'\n',
    ],
)
def test_what_only_looks_like_an_import_is_none(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"\xef\xbb\xbfimport a\r\nimport b\r\n", ["a", "b"]),
        (b"import a\rimport b\r", ["a", "b"]),
        (b"# coding: latin-1\nx = '\xe9'\nimport a\n", ["a"]),
        (b"\x0cimport a\n", ["a"]),
        (b"from . import importlib\nfrom .importlib import x\n", ["", "importlib"]),
        (b"import a", ["a"]),
        (b"", []),
    ],
)
def test_line_ends_marks_and_encodings(source: bytes, names: list[str]) -> None:
    assert [statement[3] for statement in parse_imports(source).statements] == names


def test_what_cannot_be_decoded_is_a_problem_with_its_line() -> None:
    found = parse_imports(b"import a\nx = '\xff'\n")
    assert (found.statements, found.problem and found.problem[:2]) == ((), ("PT012", 2))


def test_an_unknown_encoding_is_a_problem() -> None:
    found = parse_imports(b"# coding: nonsense\nimport a\n")
    assert (found.statements, found.problem and found.problem[0]) == ((), "PT012")


def test_syntax_of_a_newer_python_is_still_read() -> None:
    assert parse_imports(b"import a\ntype X[T: int = str] = list[T]\ntemplate = t'{a}'\n") == Imports(
        ((1, "toplevel", 0, "a", (), False),)
    )


def reference(source: bytes) -> Found:
    """The slow, plain way: parse the file, walk it."""
    found: Found = []

    def is_check(test: ast.expr) -> bool:
        name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
        return name == "TYPE_CHECKING"

    def walk(nodes: list[ast.AST], kind: str) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                found.extend((node.lineno, kind, 0, alias.name, ()) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names = tuple(alias.name for alias in node.names)
                found.append((node.lineno, kind, node.level, node.module or "", names))
            elif isinstance(node, ast.If) and kind != "type-checking":
                negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
                checks = is_check(node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test)
                walk(list(node.body), "type-checking" if checks and not negated else kind)
                walk(list(node.orelse), "type-checking" if checks and negated else kind)
            else:
                lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and kind != "type-checking"
                for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                    inner = getattr(node, field, None)
                    if isinstance(inner, list):
                        walk(inner, "lazy" if lazy else kind)

    walk(list(ast.parse(source).body), "toplevel")
    return sorted(found)


def test_the_standard_library_is_read_as_the_parser_reads_it() -> None:
    """Every second top-level module and a dozen packages: 600 files, written by hundreds of hands."""
    library = Path(sysconfig.get_paths()["stdlib"])
    packages = ("asyncio", "concurrent", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest")
    files = sorted(library.glob("*.py"))[::2]
    files += [file for package in packages for file in sorted((library / package).rglob("*.py"))]
    wrong = {}
    for file in files:
        source = file.read_bytes()
        try:
            expected = reference(source)
        except SyntaxError:
            continue
        found = sorted(statement[:5] for statement in parse_imports(source).statements)
        if found != expected:
            wrong[file.name] = (found, expected)
    assert len(files) > 200
    assert wrong == {}


LINES = st.sampled_from(
    [
        "import a",
        "from b import c",
        "from . import importlib",
        "x = 'import d'",
        "y = \"'''\"",
        "z = '''",
        "'''",
        '"""',
        "import e  # '''",
        "if TYPE_CHECKING:",
        "else:",
        "def f():",
        "class G:",
        "try:",
        "except ImportError:",
        "    import h",
        "        from i import (",
        "            j,",
        "        )",
        "    pass",
        "pass",
        "# import k",
        "w = \\",
        "    'import l'",
        "import m; import n",
        "",
        "if x: import o",
        "v = [",
        "]",
    ]
)


@settings(max_examples=1500)
@given(st.lists(LINES, max_size=14))
def test_whatever_parses_is_read_as_the_parser_reads_it(lines: list[str]) -> None:
    source = ("\n".join(lines) + "\n").encode()
    try:
        expected = reference(source)
    except SyntaxError:
        parse_imports(source)  # must not raise
        return
    assert sorted(statement[:5] for statement in parse_imports(source).statements) == expected


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(source: bytes) -> None:
    parse_imports(source)
    parse_imports(b"import a\n" + source + b"\nimport b\n")


def test_a_reader_that_trusts_lines_is_caught() -> None:
    """The twin: a regular expression over lines, which is what the comparison above is there to refuse."""
    source = b'"""\nimport a\n"""\n'
    naive = [line for line in source.decode().splitlines() if line.startswith("import ")]
    assert len(naive) != len(reference(source))
