"""The `botserver` command as it is documented: its options, its exit codes, and the JSON that it promises."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from botserver.cli import create_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
PAGE = (REFERENCE / "botserver.md").read_text()

#: In this order each finds something to say in a new folder.
COMMANDS = {
    "services": ["services"],
    "config-check": ["config", "check", "--set", "server.prot=1"],
    "config-show": ["config", "show"],
    "db-status": ["db", "status"],
    "db-revision": ["db", "revision", "guests", "-m", "Nothing"],
    "db-upgrade": ["db", "upgrade"],
    "db-downgrade": ["db", "downgrade", "guests"],
    "db-detach": ["db", "detach", "guests"],
    "doctor": ["doctor", "--set", "server.port=0"],
}
FILES = {
    "guests.py": """
from botstate import DATABASE, Migrations, Service
service = Service(name="guests", requires=(DATABASE,), migrations=Migrations("guest_tables"))
""",
    "guest_tables/__init__.py": "",
    "guest_tables/versions/__init__.py": "",
    "guest_tables/versions/guests_0001.py": """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "guests_0001", None, ("guests",), None
def upgrade() -> None: op.create_table("guests_guest", sa.Column("id", sa.Integer, primary_key=True))
def downgrade() -> None: op.drop_table("guests_guest")
""",
    "guests-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: guests\nVersion: 1.0\n",
    "guests-1.0.dist-info/entry_points.txt": "[botserver.services]\nguests = guests:service\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder beside which a service with one table is installed."""
    root = tmp_path_factory.mktemp("botserver")
    for path, text in FILES.items():
        (root / "installed" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "installed" / path).write_text(text)
    (root / "work").mkdir()
    return root / "work"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    # A path configuration file would need an environment of its own; the folder comes last, as one of these does.
    program = "import sys; sys.path.append(sys.argv.pop(1)); from botserver.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, str(folder.parent / "installed"), *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    with start(folder, *words) as process:
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


def validate(name: str, document: Any) -> list[str]:
    schema = json.loads((REFERENCE / f"botserver-{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def test_what_each_command_prints_is_what_its_schema_says(folder: Path) -> None:
    documents: dict[str, Any] = {}
    for name, words in COMMANDS.items():
        if name == "db-detach":  # only a service that is not installed is detached
            run(folder, "db", "upgrade")
            (folder.parent / "installed" / "guests-1.0.dist-info").rename(folder.parent / "removed")
        code, out, err = run(folder, *words, "--json")
        assert (code in {0, 1}, err) == (True, ""), (name, out, err)
        documents[name] = json.loads(out)
        assert validate(name, documents[name]) == [], name

    assert "guests" in [it["name"] for it in documents["services"]["services"]]
    assert documents["config-check"]["problems"]
    pending = {it["name"]: it["pending"] for it in documents["db-status"]["branches"]}
    applied = [it for it in documents["db-upgrade"]["applied"] if it.startswith("guests_")]
    assert (pending["guests"], applied) == (["guests_0001"], ["guests_0001", "guests_0002"])
    assert documents["db-downgrade"]["undone"] == ["guests_0002", "guests_0001"]
    assert documents["db-detach"]["branch"]["state"] == "detached"


def test_what_serve_prints_is_what_its_schema_says(folder: Path) -> None:
    with start(folder, "serve", "--port", "0", "--json") as process:
        try:
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

    assert (validate("serve", document), process.returncode) == ([], 0)
    assert [it["name"] for it in document["services"]][:1] == ["foundation"]


def test_every_schema_belongs_to_a_command_and_is_listed() -> None:
    names = {file.name.split(".")[0].removeprefix("botserver-") for file in REFERENCE.glob("botserver-*.schema.json")}

    assert names == {*COMMANDS, "serve"}
    listed = (REFERENCE / "json.md").read_text()
    assert [name for name in names if f"botserver-{name}.schema.json" not in listed] == []


def actions(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.Action]]:
    """Every action of every command, with the words that lead to it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield from actions(command, f"{name} {word}".strip())
        else:
            yield name, action


def test_the_page_has_every_command_and_every_option() -> None:
    found = list(actions(create_parser()))
    commands = {name for name, _ in found} - {""}
    options = {option for _, action in found for option in action.option_strings if option.startswith("--")}

    assert [it for it in sorted(commands) if not re.search(rf"^\| `{it}[ `]", PAGE, re.MULTILINE)] == []
    assert [it for it in sorted(options) if not re.search(rf"^\| `{it}[ `]", PAGE, re.MULTILINE)] == []


def test_the_page_knows_no_option_and_no_check_that_is_not_there(folder: Path) -> None:
    options = {option for _, action in actions(create_parser()) for option in action.option_strings}
    assert set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)) <= options

    told = json.loads(run(folder, "doctor", "--json")[1])["checks"]
    section = PAGE.split("## What `doctor` looks at")[1].split("## ")[0]
    assert [it["name"] for it in told if f"`{it['name']}`" not in section] == []


def test_every_option_has_a_help_text() -> None:
    assert [(name, action.dest) for name, action in actions(create_parser()) if not action.help] == []
