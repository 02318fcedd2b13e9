import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from botserver.cli import main

MODULE = """
from botstate import DATABASE, Migrations, Service
service = Service(name="guest-book", requires=(DATABASE,), migrations=Migrations("guest_book"))
"""
FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "guest_book_0001", None, ("guest_book",), None
def upgrade() -> None:
    op.create_table("guest_book_entry", sa.Column("id", sa.Integer, primary_key=True))
def downgrade() -> None:
    op.drop_table("guest_book_entry")
"""
ENTRY_POINT = "[botserver.services]\nguest-book = guest_book:service\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A service with one table is installed, and the working folder is empty."""
    installed = tmp_path / "installed"
    for path, text in {
        "guest_book/__init__.py": MODULE,
        "guest_book/versions/__init__.py": "",
        "guest_book/versions/guest_book_0001.py": FIRST,
        "guest_book-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: guest-book\nVersion: 1.0\n",
        "guest_book-1.0.dist-info/entry_points.txt": ENTRY_POINT,
    }.items():
        (installed / path).parent.mkdir(parents=True, exist_ok=True)
        (installed / path).write_text(text)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.chdir(tmp_path)
    yield installed
    for name in [name for name in sys.modules if name.partition(".")[0] == "guest_book"]:
        del sys.modules[name]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `botserver db` and gives the exit code and what was said."""

    def run(*words: str) -> tuple[int, str]:
        code = main(["db", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def states(ask: Any) -> dict[str, str]:
    return {it["name"]: it["state"] for it in json.loads(ask("status", "--json")[1])["branches"]}


@pytest.mark.usefixtures("package")
def test_what_is_missing_is_told_and_applied_once(ask: Any) -> None:
    code, said = ask("status")
    assert (code, said.splitlines()[2].split()) == (1, ["guest-book", "behind", "none", "guest_book_0001"])
    assert said.endswith("\nguest-book is 1 revision behind. Run `botserver db upgrade`.\n")

    assert ask("upgrade") == (0, "Applied database_0001, guest_book_0001.\n")
    assert ask("upgrade") == (0, "Nothing was missing.\n")
    assert states(ask) == {"database": "current", "guest-book": "current"}
    assert ask("status")[0] == 0


@pytest.mark.usefixtures("package")
def test_tables_of_a_service_can_be_removed(ask: Any) -> None:
    ask("upgrade")

    assert json.loads(ask("downgrade", "guest-book", "--json")[1]) == {"schema": 1, "undone": ["guest_book_0001"]}
    assert ask("downgrade", "guest-book") == (0, "Nothing was to be undone.\n")
    assert states(ask)["guest-book"] == "behind"


def test_a_service_that_was_uninstalled_is_told_until_it_is_detached(ask: Any, package: Path) -> None:
    ask("upgrade")
    assert ask("detach", "guest-book")[0] == 1  # it is installed
    shutil.rmtree(package / "guest_book-1.0.dist-info")

    code, said = ask("status")
    assert (code, "`botserver db detach guest-book`" in said) == (1, True)
    code, said = ask("detach", "guest-book")
    assert (code, said.startswith("guest-book was detached on ")) == (0, True)
    assert states(ask) == {"database": "current", "guest-book": "detached"}
    assert ask("status")[0] == 0


def test_a_service_that_cannot_be_loaded_is_not_detached(ask: Any, package: Path) -> None:
    ask("upgrade")
    (package / "guest_book" / "__init__.py").write_text("raise RuntimeError('no licence')")
    del sys.modules["guest_book"]

    code, said = ask("detach", "guest-book")

    assert (code, said.startswith("guest-book is installed.")) == (1, True)


def test_nobody_is_detached_by_a_wrong_name(ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert ask("detach", "nobody") == (1, "nobody has no tables in this database. There are tables of nobody.\n")


@pytest.mark.parametrize("words", [[], ["detach"], ["downgrade"], ["fly"]])
def test_wrong_usage_has_exit_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["db", *words])
    assert caught.value.code == 2


TABLES = """
from botstate import DATABASE, Migrations, Service
from botstate.columns import UtcDateTime
from sqlalchemy import Column, Integer, MetaData, String, Table
tables = MetaData()
Table("guest_book_entry", tables, Column("id", Integer, primary_key=True), Column("text", String(80), nullable=True))
Table(
    "guest_book_guest",
    tables,
    Column("name", String(20), primary_key=True),
    Column("came_at", UtcDateTime, nullable=False),
)
service = Service(
    name="guest-book", requires=(DATABASE,), migrations=Migrations("guest_book", tables=lambda: tables)
)
"""


def test_a_revision_is_what_the_tables_are_against_what_the_revisions_make(ask: Any, package: Path) -> None:
    (package / "guest_book" / "__init__.py").write_text(TABLES)

    code, said = ask("revision", "guest-book", "-m", "Keep the text, and guests.")

    file = package / "guest_book" / "versions" / "guest_book_0002_keep_the_text_and_guests.py"
    assert (code, said) == (0, f"Wrote {file}. Read it before it is applied.\n")
    assert (
        file.read_text()
        == '''"""Keep the text, and guests."""

import sqlalchemy as sa
from alembic import op

revision = "guest_book_0002"
down_revision = "guest_book_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("guest_book_guest",
    sa.Column("name", sa.String(length=20), nullable=False),
    sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("name")
    )
    with op.batch_alter_table("guest_book_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("text", sa.String(length=80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("guest_book_entry", schema=None) as batch_op:
        batch_op.drop_column("text")
    op.drop_table("guest_book_guest")
'''
    )
    assert ask("upgrade") == (0, "Applied database_0001, guest_book_0001, guest_book_0002.\n")
    assert ask("downgrade", "guest-book") == (0, "Undid guest_book_0002, guest_book_0001.\n")
    assert json.loads(ask("revision", "guest-book", "-m", "Nothing", "--json")[1])["empty"] is True


def test_the_first_revision_of_a_service_makes_its_folder(ask: Any, package: Path) -> None:
    (package / "guest_book" / "__init__.py").write_text(TABLES)
    shutil.rmtree(package / "guest_book" / "versions")

    assert ask("revision", "guest-book", "-m", "Start")[0] == 0
    assert ask("upgrade") == (0, "Applied database_0001, guest_book_0001.\n")


def test_a_revision_imports_what_it_names_and_keeps_quotes_within_text(ask: Any, package: Path) -> None:
    module = TABLES.replace("import UtcDateTime", "import Json, UtcDateTime").replace(
        "MetaData, ", "Index, MetaData, text, "
    )
    (package / "guest_book" / "__init__.py").write_text(
        module.replace(
            'Column("text", String(80), nullable=True)',
            'Column("text", Json), Index("guest_book_shouted", "id", sqlite_where=text("text = \'HO\'"))',
        )
    )
    shutil.rmtree(package / "guest_book" / "versions")

    assert ask("revision", "guest-book", "-m", "Start")[0] == 0
    written = (package / "guest_book" / "versions" / "guest_book_0001_start.py").read_text()
    assert "from sqlalchemy.dialects import postgresql" in written
    assert "text = 'HO'" in written
    assert ask("upgrade") == (0, "Applied database_0001, guest_book_0001.\n")


@pytest.mark.parametrize(
    ("name", "module", "said"),
    [
        ("nobody", MODULE, "No service named nobody is installed. `botserver services` lists them.\n"),
        (
            "guest-book",
            'from botstate import Service\nservice = Service(name="guest-book")\n',
            (
                "The manifest of guest-book has no migrations. "
                'Add migrations=Migrations("botserver_guest_book", tables=…) to it.\n'
            ),
        ),
    ],
)
def test_a_revision_that_cannot_be_written_is_told(ask: Any, package: Path, name: str, module: str, said: str) -> None:
    (package / "guest_book" / "__init__.py").write_text(module)

    assert ask("revision", name, "-m", "Start") == (1, said)


def test_an_installed_package_is_not_changed(tmp_path: Path) -> None:
    from botlib import InvalidError
    from botserver.revising import _prepare

    folder = tmp_path / "site-packages" / "guest_book" / "versions"

    with pytest.raises(InvalidError, match="belongs to an installed package"):
        _prepare(folder)
    assert not folder.exists()
