from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from partita.errors import PartitaError
from partita.template import (
    File,
    Template,
    find_kinds,
    is_kept,
    load_version,
    read_template,
    render_template,
    store_version,
)

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree

VALUES = {"name": "mail", "import_path": "acme/mail"}


def template(*files: File, kept: tuple[str, ...] = ()) -> Template:
    return Template("service", "templates/service", files, {}, kept)


def file(path: str, content: str | bytes, *, executable: bool = False, verbatim: bool = False) -> File:
    return File(path, content.encode() if isinstance(content, str) else content, executable, verbatim)


def read(root: Path, kind: str = "service", templates: str = "templates") -> Template:
    place = os.fspath(root)
    return read_template(place, kind, find_kinds(place, templates)[kind])


def test_placeholders_are_replaced_in_contents_and_paths() -> None:
    made = template(
        file("src/{{import_path}}/{{ name }}.py.template", "{{ name }}\r\n{{name}}{{ name }} {x} {{\n"),
        file("logo.png", b"\xff{{ name }}"),
        file("page.html", "{{ title }}", verbatim=True),
    )
    assert render_template(made, VALUES) == {
        "src/acme/mail/mail.py": file("src/acme/mail/mail.py", "mail\r\nmailmail {x} {{\n"),
        "logo.png": file("logo.png", b"\xff{{ name }}"),
        "page.html": file("page.html", "{{ title }}", verbatim=True),
    }


def test_every_unknown_placeholder_is_told_with_file_and_line() -> None:
    with pytest.raises(PartitaError) as caught:
        render_template(template(file("{{ nmae }}.py", "\n{{ naem }}\n{{ 1 + 1 }} {{ name }}")), VALUES)
    advice = "known: import_path, name; a file in which braces mean something else belongs to verbatim in template.toml"
    assert caught.value.problems == (
        f"templates/service/{{{{ nmae }}}}.py: {{{{ nmae }}}} is no placeholder; {advice}",
        f"templates/service/{{{{ nmae }}}}.py:2: {{{{ naem }}}} is no placeholder; {advice}",
        f"templates/service/{{{{ nmae }}}}.py:3: {{{{ 1 + 1 }}}} is no placeholder; {advice}",
    )


def test_two_files_that_become_one_are_refused() -> None:
    with pytest.raises(PartitaError, match=r"templates/service/a\.template: two files of this template become a"):
        render_template(template(file("a", ""), file("a.template", "")), VALUES)


def test_a_template_is_read_with_its_settings(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "templates/service/pyproject.toml.template": "x",
            "templates/service/template.toml": 'tier = "service"\nkept = ["*/py.typed"]\nverbatim = ["pages/*"]\n',
            "templates/service/pages/template.toml": "y",
            "templates/service/run": "#!",
            "templates/service/__pycache__/x.pyc": "",
            "templates/notes.md": "",
            "templates/empty/README.md": "",
        }
    )
    (root / "templates/service/run").chmod(0o755)
    assert read(root) == Template(
        "service",
        "templates/service",
        (
            file("pages/template.toml", "y", verbatim=True),
            file("pyproject.toml.template", "x"),
            file("run", "#!", executable=True),
        ),
        {"tier": "service"},
        ("*/py.typed",),
    )


def test_kinds_of_the_repository_come_before_those_of_partita(make_tree: MakeTree) -> None:
    root = make_tree({"templates/service/pyproject.toml": "", "templates/worker/pyproject.toml.template": ""})
    kinds = find_kinds(os.fspath(root), "templates")
    assert sorted(kinds) == ["library", "service", "worker"]
    assert kinds["service"] == os.path.join(root, "templates/service")
    assert sorted(find_kinds(os.fspath(root), "")) == ["library", "service"]


def test_a_template_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PartitaError) as caught:
        find_kinds(os.fspath(tmp_path), "nowhere")
    assert str(caught.value) == "workspace.toml: [scaffold] templates 'nowhere': No such file or directory"


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ("tier = ", ["not valid TOML: Invalid value (at end of document)"]),
        (
            "tire = 'x'\ntier = 1\nkept = 'x'\nverbatim = [1]",
            [
                "unknown key 'tire'; known: folder, distribution, import, tier, application, kept, verbatim",
                "tier is no text",
                "kept is no list of paths",
                "verbatim is no list of paths",
            ],
        ),
    ],
)
def test_every_problem_of_the_settings_is_told(make_tree: MakeTree, settings: str, problems: list[str]) -> None:
    root = make_tree({"templates/service/pyproject.toml": "", "templates/service/template.toml": settings})
    with pytest.raises(PartitaError) as caught:
        read(root)
    assert list(caught.value.problems) == [f"templates/service/template.toml: {problem}" for problem in problems]


def test_links_are_refused(make_tree: MakeTree) -> None:
    root = make_tree({"templates/service/pyproject.toml": ""})
    (root / "templates/service/link").symlink_to("pyproject.toml")
    with pytest.raises(PartitaError) as caught:
        read(root)
    assert str(caught.value) == "templates/service/link: a template holds no symbolic links"


def test_a_version_changes_with_everything_that_shapes_a_member_and_nothing_else() -> None:
    first = template(file("a", "1"), file("b", "2"))
    others = [
        template(file("a", "12"), file("b", "")),
        template(file("a", "1"), file("c", "2")),
        template(file("a", "1", executable=True), file("b", "2")),
        template(file("a", "1", verbatim=True), file("b", "2")),
        template(file("a", "1")),
    ]
    assert len({first.version, *(other.version for other in others)}) == 6
    assert first._replace(place="elsewhere", kept=("a",), settings={"tier": "x"}).version == first.version


def test_a_stored_version_is_found_again_byte_for_byte() -> None:
    made = template(file("a", "1\r\né"), file("b", b"\xff", executable=True), file("c", "{{", verbatim=True))
    name, content = store_version(made)
    assert name == f"service-{made.version}.json"
    assert load_version(content, "service", made.version, "here").files == made.files


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"files": [{"path": "a"}]}', b'{"files": [1]}'])
def test_a_damaged_version_is_refused(content: bytes) -> None:
    with pytest.raises(PartitaError, match=r"^here: not a stored version of a template; restore it from history"):
        load_version(content, "service", "0", "here")


def test_a_version_that_was_edited_is_refused() -> None:
    made = template(file("a", "1"))
    _, content = store_version(made)
    with pytest.raises(
        PartitaError, match=f"^here: holds version {template(file('a', '2')).version}, not {made.version}"
    ):
        load_version(content.replace(b'"1"', b'"2"'), "service", made.version, "here")


def test_kept_paths_may_hold_placeholders() -> None:
    made = template(kept=("src/{{ import_path }}/py.typed", "LICENSE"))
    paths = ["src/acme/mail/py.typed", "src/acme/other/py.typed", "LICENSE", "docs/LICENSE"]
    assert [is_kept(made, path, VALUES) for path in paths] == [True, False, True, False]
