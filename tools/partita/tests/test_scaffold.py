from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from partita.cli import main
from partita.errors import PartitaError
from partita.scaffold import Request, plan_member
from partita.testing import (
    KILLED,
    READ_ONLY,
    TORN,
    break_every_call,
    run_broken,
    take_snapshot,
    undo_interrupted,
)
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree, RunPartita

CONFIGURATION = """\
# who may use what
[[tier]]
name = "base"
members = ["core"]

# never each other
[[tier]]
name = "service"
independent = true
members = [
  "acme-mail",   # the oldest

  # the last
  "acme-web",
]

[[tier]]
name = "top"
members = ["app", "root"]

[scaffold]
templates = "templates"
folder = "packages/{name}"
distribution = "acme-{name}"
import = "acme_{name}"
tier = "service"
application = "app"
"""
APPLICATION = """\
[project]
name = "app"
version = "1"
dependencies = ["core>=1,<2"]

# what can be added
[project.optional-dependencies]
all = ["app[mail,web]"]
mail = ["acme-mail>=1,<2"]  # letters
web = ["acme-web>=1,<2"]

[tool.uv.sources]
core = { workspace = true }
"""
TEMPLATE = """\
[project]
name = "{{ distribution }}"
version = "1"
dependencies = [
  "requests>=2",  # talks
]

[project.entry-points."acme.services"]
{{ name }} = "{{ import }}"
"""
PYTHON = "[project]\nname = '{name}'\nversion = '1'\nrequires-python = '>=3.11,<4'\n"
SOURCE = '"""{{ class_name }}: {{ tier }}, {{ requires }}."""\n'
TREE: dict[str, str | bytes] = {
    "pyproject.toml": "[project]\nname = 'root'\nversion = '1'\n[tool.uv.workspace]\nmembers = ['packages/*']\n",
    "workspace.toml": CONFIGURATION,
    "packages/core/pyproject.toml": "[project]\nname = 'core'\nversion = '1'\n",
    "packages/core/src/core/__init__.py": "",
    "packages/app/pyproject.toml": APPLICATION,
    "packages/mail/pyproject.toml": "[project]\nname = 'acme-mail'\nversion = '1'\n",
    "packages/web/pyproject.toml": "[project]\nname = 'acme-web'\nversion = '1'\n",
    "templates/service/pyproject.toml.template": TEMPLATE,
    "templates/service/src/{{ import_path }}/__init__.py.template": SOURCE,
    "templates/service/run": b"#!/bin/sh\n",
}


@pytest.fixture
def root(make_tree: MakeTree) -> Path:
    made = make_tree(TREE)
    (made / "templates/service/run").chmod(0o755)
    return made


def read(root: Path, path: str) -> str:
    return (root / path).read_bytes().decode()


def changed(root: Path, before: dict[str, Any]) -> list[str]:
    after = take_snapshot(os.fspath(root))
    return sorted(path for path in after if before.get(path) != after[path] and after[path][0] == "file")


def test_a_member_is_made_and_everything_that_has_to_know_of_it_is_told(root: Path, partita: RunPartita) -> None:
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "Meeting_Notes", "--requires", "core", "--root", root)
    made = changed(root, before)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        *(f"{'created' if path not in before else 'changed'} {path}" for path in made),
        "next: partita check; nox -s tests-meeting-notes",
    ]
    version = made[-2].removeprefix("templates/.versions/service-").removesuffix(".json")
    assert made == [
        "packages/app/pyproject.toml",
        "packages/meeting-notes/pyproject.toml",
        "packages/meeting-notes/run",
        "packages/meeting-notes/src/acme_meeting_notes/__init__.py",
        f"templates/.versions/service-{version}.json",
        "workspace.toml",
    ]
    assert read(root, "packages/meeting-notes/pyproject.toml") == textwrap.dedent(f"""\
        [project]
        name = "acme-meeting-notes"
        version = "1"
        dependencies = [
          "core>=1,<2",
          "requests>=2",  # talks
        ]

        [project.entry-points."acme.services"]
        meeting-notes = "acme_meeting_notes"

        [tool.uv.sources]
        core = {{ workspace = true }}

        # Where this package came from; `partita scaffold --update` brings changes of the template in.
        [tool.partita.template]
        import = "acme_meeting_notes"
        kind = "service"
        name = "meeting-notes"
        version = "{version}"
        """)
    text = read(root, "packages/meeting-notes/src/acme_meeting_notes/__init__.py")
    assert text == '"""MeetingNotes: service, core."""\n'
    assert os.access(root / "packages/meeting-notes/run", os.X_OK)


def test_edited_files_keep_every_other_byte(root: Path, partita: RunPartita) -> None:
    assert partita("scaffold", "notes", "--root", root).code == 0
    line = '  "acme-mail",   # the oldest\n'
    assert read(root, "workspace.toml") == CONFIGURATION.replace(line, f'{line}  "acme-notes",\n')
    assert read(root, "packages/app/pyproject.toml") == (
        APPLICATION.replace("[mail,web]", "[mail,notes,web]")
        .replace("# letters\n", '# letters\nnotes = ["acme-notes>=1,<2"]\n')
        .replace("[tool.uv.sources]\n", "[tool.uv.sources]\nacme-notes = { workspace = true }\n")
    )


@pytest.mark.parametrize("before", ['["core"]', '[\n  "core",\n]'])
def test_an_extra_all_that_lists_distributions_gets_one_more(root: Path, partita: RunPartita, before: str) -> None:
    manifest = root / "packages/app/pyproject.toml"
    manifest.write_text(APPLICATION.replace('["app[mail,web]"]', before))
    assert partita("scaffold", "notes", "--root", root).code == 0
    extras = tomllib.loads(manifest.read_text())["project"]["optional-dependencies"]
    assert (extras["all"], extras["notes"]) == (["acme-notes>=1,<2", "core"], ["acme-notes>=1,<2"])


def test_a_dry_run_writes_nothing_and_shows_what_a_run_would_write(
    root: Path, partita: RunPartita, make_tree: MakeTree
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    twin = make_tree(TREE, "twin")
    (twin / "templates/service/run").chmod(0o755)
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "notes", "--root", root, "--dry-run")
    assert take_snapshot(os.fspath(root)) == before
    subprocess.run(["git", "apply"], cwd=twin, input=ran.out.encode(), check=True)
    assert partita("scaffold", "notes", "--root", root, "--force").code == 0
    subprocess.run(["rm", "-r", root / ".git"], check=True)
    assert take_snapshot(os.fspath(twin)) == take_snapshot(os.fspath(root))


def test_a_second_run_finds_the_name_taken_and_changes_nothing(root: Path, partita: RunPartita) -> None:
    partita("scaffold", "notes", "--root", root)
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "notes", "--root", root)
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "partita: packages/notes exists already",
        "partita: acme-notes is the name of the member in packages/notes",
        "partita: acme_notes is what the member in packages/notes is imported as",
        "partita: packages/app/pyproject.toml: there is an extra 'notes' already",
    ]
    assert take_snapshot(os.fspath(root)) == before


def test_a_file_of_crlf_lines_stays_one(root: Path, partita: RunPartita) -> None:
    (root / "workspace.toml").write_bytes(CONFIGURATION.replace("\n", "\r\n").encode())
    assert partita("scaffold", "notes", "--root", root).code == 0
    text = read(root, "workspace.toml")
    assert '  "acme-notes",\r\n' in text
    assert text.count("\n") == text.count("\r\n")


def test_uncommitted_files_are_only_edited_by_force(root: Path, partita: RunPartita) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "notes", "--root", root)
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "partita: packages/app/pyproject.toml holds what no commit has; commit it, or write with --force",
        "partita: workspace.toml holds what no commit has; commit it, or write with --force",
    ]
    assert take_snapshot(os.fspath(root)) == before
    assert partita("scaffold", "notes", "--root", root, "--force").code == 0


# What cannot be made.


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["notes", "--tier", "servce"], ["there is no tier 'servce'; did you mean 'service'?"]),
        (["notes", "--tier", "xyz"], ["there is no tier 'xyz'; there are base, service, top"]),
        (["notes", "--kind", "worker"], ["there is no template 'worker'; there are library, service"]),
        (["notes", "--requires", "cor"], ["--requires cor: no member of this workspace; did you mean 'core'?"]),
        (
            ["notes", "--requires", "acme-mail,app"],
            [
                "--requires acme-mail: members of the tier 'service' never use each other",
                "--requires app: it stands in the tier 'top', which 'service' may not use",
            ],
        ),
        (
            ["mail", "--tier", "no", "--requires", "nobody"],
            [
                "packages/mail exists already",
                "acme-mail is the name of the member in packages/mail",
                "there is no tier 'no'; there are base, service, top",
                "--requires nobody: no member of this workspace",
                "packages/app/pyproject.toml: there is an extra 'mail' already",
            ],
        ),
        (["--check", "--update"], ["--check and --update cannot be had in one run"]),
        ([], ["scaffold needs the name of the new member, or one of --check, --update and --recover"]),
    ],
)
def test_every_reason_why_it_cannot_be_made_is_told_at_once(
    root: Path, partita: RunPartita, words: list[str], problems: list[str]
) -> None:
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", *words, "--root", root)
    assert (ran.code, ran.err.splitlines()) == (2, [f"partita: {problem}" for problem in problems])
    assert take_snapshot(os.fspath(root)) == before


def test_an_application_that_does_not_exist_is_told(root: Path, partita: RunPartita) -> None:
    (root / "workspace.toml").write_text(CONFIGURATION.replace('application = "app"', 'application = "apple"'))
    ran = partita("scaffold", "notes", "--root", root)
    assert ran.err == "partita: workspace.toml: [scaffold] application 'apple' is no member of this workspace\n"


def test_a_kind_may_say_otherwise_than_the_configuration(root: Path, partita: RunPartita) -> None:
    (root / "templates/service/template.toml").write_text(
        'folder = "libs/{name}"\ndistribution = "{name}"\nimport = "acme.{name}"\ntier = "base"\napplication = ""\n'
    )
    assert partita("scaffold", "notes", "--root", root).code == 0
    assert read(root, "libs/notes/src/acme/notes/__init__.py") == '"""Notes: base, none."""\n'
    assert read(root, "packages/app/pyproject.toml") == APPLICATION
    assert 'members = ["core", "notes"]' in read(root, "workspace.toml")
    assert "members = [\"libs/notes\", 'packages/*']" in read(root, "pyproject.toml")


# Repositories that nobody here wrote.


def test_a_repository_without_configuration_gets_a_member_too(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({"a/pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n"})
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "notes", "--kind", "library", "--requires", "a", "--root", root)
    made = changed(root, before)
    assert (ran.code, ran.err) == (0, "")
    assert made[0].startswith(".templates/.versions/library-")
    assert made[1:] == [
        "packages/notes/README.md",
        "packages/notes/pyproject.toml",
        "packages/notes/src/notes/__init__.py",
        "packages/notes/src/notes/py.typed",
        "packages/notes/tests/test_public_api.py",
    ]
    manifest = tomllib.loads(read(root, "packages/notes/pyproject.toml"))
    assert (manifest["project"]["dependencies"], "uv" in manifest["tool"]) == (["a"], True)
    assert "sources" not in manifest["tool"]["uv"]


def test_members_stand_where_the_uv_workspace_has_them(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(
        {
            "pyproject.toml": "[tool.uv.workspace]\nmembers = ['app', 'libs/*']\n",
            "app/pyproject.toml": "[project]\nname = 'app'\nversion = '1'\n",
        }
    )
    assert partita("scaffold", "notes", "--root", root).code == 0
    assert (root / "libs/notes/pyproject.toml").exists()
    assert read(root, "pyproject.toml") == "[tool.uv.workspace]\nmembers = ['app', 'libs/*']\n"


@pytest.mark.parametrize("kind", ["library", "service"])
def test_what_partita_ships_passes_its_own_tests(make_tree: MakeTree, partita: RunPartita, kind: str) -> None:
    root = make_tree({"a/pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n"})
    assert partita("scaffold", "meeting-notes", "--kind", kind, "--root", root).code == 0
    folder = root / "packages/meeting-notes"
    environment = {**os.environ, "PYTHONPATH": os.fspath(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout if ran.returncode else "") == (0, "")


@pytest.mark.parametrize("kind", ["library", "service"])
def test_what_partita_ships_obeys_every_rule(make_tree: MakeTree, partita: RunPartita, kind: str) -> None:
    root = make_tree(
        {
            "workspace.toml": "[[tier]]\nname = 'low'\nmembers = ['a', 'root']\n[[tier]]\nname = 'high'\n",
            "pyproject.toml": PYTHON.format(name="root") + "[tool.uv]\npackage = false\n",
            "a/pyproject.toml": PYTHON.format(name="a"),
            "a/README.md": "",
            "a/src/a/__init__.py": "",
            "a/tests/test_a.py": "import a\n",
        }
    )
    words = ("scaffold", "meeting-notes", "--kind", kind, "--tier", "high", "--requires", "a", "--root", root)
    assert partita(*words).code == 0
    ran = partita("check", "--root", root)
    assert (ran.code, ran.out if ran.code else "") == (0, "")


# All or nothing.


def prepare(root: str) -> None:
    for path, content in TREE.items():
        place = os.path.join(root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())


def scaffold(root: str) -> int:
    return main(["scaffold", "notes", "--root", root])


def scaffold_naively(root: str) -> int:
    """What the proof must catch: the same plan, each file written where it stands."""
    _, plan = plan_member(read_workspace(root), Request("notes"))
    for change in plan.changes:
        place = os.path.join(root, change.path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(change.after or b"")
    return 0


def test_scaffold_that_is_broken_at_any_call_leaves_the_tree_as_before_or_as_after(tmp_path: Path) -> None:
    report = break_every_call(prepare, scaffold, undo_interrupted, tmp_path, [KILLED, TORN, READ_ONLY])
    assert report.failures == ()
    assert report.runs > 120


def test_the_proof_catches_a_naive_scaffold(tmp_path: Path) -> None:
    report = break_every_call(prepare, scaffold_naively, undo_interrupted, tmp_path, [KILLED, TORN])
    assert len(report.failures) > report.runs / 2


def test_a_scaffold_that_was_cut_off_is_undone_by_the_next_or_on_request(root: Path, partita: RunPartita) -> None:
    place = os.fspath(root)
    before = take_snapshot(place)
    undone = "an earlier run was cut off, and what it had begun was undone: packages/app/pyproject.toml, "
    run_broken(scaffold, place, KILLED, 25)
    assert take_snapshot(place) != before
    for words in (["--dry-run", "notes"], ["--check"]):
        ran = partita("scaffold", *words, "--root", root)
        assert ran.code == 2
        assert (
            "an earlier run was cut off here and is not undone yet; `partita scaffold --recover` undoes it" in ran.err
        )
    ran = partita("scaffold", "--recover", "--root", root)
    assert (ran.code, ran.out.startswith(undone)) == (0, True)
    assert take_snapshot(place) == before
    assert partita("scaffold", "--recover", "--root", root).out == "no run was cut off here\n"
    run_broken(scaffold, place, KILLED, 25)
    ran = partita("scaffold", "notes", "--root", root)
    assert (ran.code, ran.err.startswith(f"partita: {undone}")) == (0, True)


def test_a_file_edited_between_reading_and_planning_is_not_lost(root: Path) -> None:
    workspace = read_workspace(os.fspath(root))
    read_once = workspace.tree.read

    def read_and_let_somebody_write(path: str) -> bytes:
        content = read_once(path)
        if path == "workspace.toml":
            (root / path).write_bytes(content + b"# a thought\n")
        return content

    workspace.tree.read = read_and_let_somebody_write  # type: ignore[method-assign] # somebody else is that quick
    with pytest.raises(PartitaError, match=r"^workspace.toml has changed since it was read; run the command again"):
        plan_member(workspace, Request("notes"))


# The same as an Invoke task.


@pytest.mark.parametrize(
    ("words", "code", "begin"),
    [
        (["scaffold", "notes"], 0, "created packages/notes/pyproject.toml"),
        (["scaffold", "--tier", "service", "notes"], 0, "created packages/notes/pyproject.toml"),
        (["scaffold", "graph", "--dry-run"], 0, "+acme-graph = { workspace = true }"),
        (["--dry", "scaffold", "notes"], 0, "+acme-notes = { workspace = true }"),
        (["scaffold", "--check"], 0, "no member has drifted from its template"),
        (["scaffold", "--check", "graph"], 0, "no member has drifted from its template"),
        (["scaffold", "--tier", "service"], 2, ""),
    ],
)
def test_a_task_takes_a_name_and_does_without_one(root: Path, words: list[str], code: int, begin: str) -> None:
    (root / "tasks.py").write_text("from partita.tasks import namespace\n")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "invoke", *words]
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, begin in ran.stdout) == (code, True), ran.stderr
    assert os.path.exists(root / "packages/notes") == (begin.startswith("created"))
