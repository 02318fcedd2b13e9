import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from botlib import ConflictError, FakeClock, NotFoundError
from botstate import STANDINGS, DatabaseSettings, Service, Settings, compose, database_service, foundation
from botstate.migrations import Branch, MigrationError, Migrations, detach, downgrade, status, upgrade
from botstate.migrations.connecting import connect, lock
from botstate.testing import check_migrations

pytestmark = pytest.mark.anyio

REVISION = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
branch_labels = {labels}
depends_on = {depends}


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''

MakeService = Callable[..., Service]


def write_revision(
    package: Path,
    number: int,
    *,
    body: str = "",
    undo: str = "",
    name: str = "",
    down: str | None = "",
    labels: str = "",
    depends: str | None = None,
) -> Path:
    """The revision of that number, which makes a table of that number."""
    branch = name or package.name
    file = package / "versions" / f"{branch}_{number:04d}.py"
    before = f"{branch}_{number - 1:04d}" if number > 1 else None
    file.write_text(
        REVISION.format(
            message=f"Number {number}",
            revision=file.stem,
            down=repr(before if down == "" else down),
            labels=labels or repr((branch,) if number == 1 else None),
            depends=repr(depends),
            upgrade=body or f'op.create_table("{branch}_{number}", sa.Column("id", sa.Integer, primary_key=True))',
            downgrade=undo or f'op.drop_table("{branch}_{number}")',
        )
    )
    return file


@pytest.fixture
def make_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeService:
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))

    def make(name: str, revisions: int = 0) -> Service:
        package = tmp_path / "packages" / name
        (package / "versions").mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        for number in range(1, revisions + 1):
            write_revision(package, number)
        return Service(name=name, migrations=Migrations(name))

    return make


def versions_of(service: Service, tmp_path: Path) -> Path:
    return tmp_path / "packages" / service.name


async def tables_of(database: DatabaseSettings) -> list[str]:
    async with connect(database) as connection:
        names = await connection.run_sync(lambda it: inspect(it).get_table_names())
    return sorted(name for name in names if not name.startswith("botserver_"))


async def test_each_service_has_a_branch_that_goes_up_and_down(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    services = [make_service("drive", 2), make_service("chat", 1)]
    assert await status(empty_database, services) == (
        Branch(
            "drive",
            "behind",
            "",
            ("drive_0001", "drive_0002"),
            "drive is 2 revisions behind. Run `botserver db upgrade`.",
        ),
        Branch("chat", "behind", "", ("chat_0001",), "chat is 1 revision behind. Run `botserver db upgrade`."),
    )

    assert await upgrade(empty_database, services) == ("drive_0001", "drive_0002", "chat_0001")
    assert await upgrade(empty_database, services) == ()
    assert await tables_of(empty_database) == ["chat_1", "drive_1", "drive_2"]
    assert [it.state for it in await status(empty_database, services)] == ["current", "current"]

    assert await downgrade(empty_database, services, "drive", "drive_0001") == ("drive_0002",)
    assert await tables_of(empty_database) == ["chat_1", "drive_1"]
    assert await downgrade(empty_database, services, "drive") == ("drive_0001",)
    assert await downgrade(empty_database, services, "drive") == ()
    assert await tables_of(empty_database) == ["chat_1"]
    assert [(it.name, it.state, it.head) for it in await status(empty_database, services)] == [
        ("drive", "behind", ""),
        ("chat", "current", "chat_0001"),
    ]
    assert await upgrade(empty_database, services) == ("drive_0001", "drive_0002")


async def test_a_new_revision_is_all_that_is_applied(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    assert await upgrade(empty_database, [make_service("drive", 1)]) == ("drive_0001",)
    assert await upgrade(empty_database, [make_service("drive", 2)]) == ("drive_0002",)


async def test_looking_makes_no_file(tmp_path: Path, make_service: MakeService) -> None:
    await status(DatabaseSettings(tmp_path / "none.sqlite3"), [make_service("drive", 1)])
    assert not (tmp_path / "none.sqlite3").exists()


async def test_a_removed_package_is_told_and_can_be_detached(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    clock = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    drive, chat = make_service("drive", 1), make_service("chat", 1)
    await upgrade(empty_database, [drive, chat])

    assert await upgrade(empty_database, [chat]) == ()
    assert (await status(empty_database, [chat]))[1] == Branch(
        "drive",
        "removed",
        "drive_0001",
        (),
        "drive has tables here, and drive is not installed. Install it again, or run `botserver db detach drive` "
        "to keep its tables and hear no more of it.",
    )

    with pytest.raises(ConflictError, match=r"^drive is installed\. Uninstall it first"):
        await detach(empty_database, [drive, chat], "drive")
    with pytest.raises(NotFoundError, match=r"^mail has no tables in this database\. There are tables of chat, drive"):
        await detach(empty_database, [chat], "mail")
    detached = Branch(
        "drive", "detached", "drive_0001", (), "drive was detached on 2030-01-01; its tables are still there."
    )
    assert await detach(empty_database, [chat], "drive", clock=clock) == detached
    assert (await status(empty_database, [chat]))[1] == detached
    assert await tables_of(empty_database) == ["chat_1", "drive_1"]


async def test_a_detached_package_that_comes_back_goes_on_where_it_was(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    await upgrade(empty_database, [make_service("drive", 1)])
    await detach(empty_database, [], "drive")

    assert await upgrade(empty_database, [make_service("drive", 2)]) == ("drive_0002",)
    assert await tables_of(empty_database) == ["drive_1", "drive_2"]


async def test_a_database_that_is_newer_than_the_code_is_refused(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service("drive", 2)
    await upgrade(empty_database, [service])
    (versions_of(service, tmp_path) / "versions" / "drive_0002.py").unlink()

    sentence = (
        "The tables of drive were made by another release of drive, at revision drive_0002, which this one does not "
        "know. Install that release again, or restore a backup."
    )
    assert await status(empty_database, [service]) == (Branch("drive", "newer", "drive_0002", (), sentence),)
    for refused in (upgrade(empty_database, [service]), downgrade(empty_database, [service], "drive")):
        with pytest.raises(MigrationError) as caught:
            await refused
        assert str(caught.value) == sentence


async def test_a_revision_that_fails_leaves_everything_as_it_was(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service("drive", 1)
    write_revision(versions_of(service, tmp_path), 2, body='op.execute("SELECT nonsense")')

    with pytest.raises(MigrationError) as caught:
        await upgrade(empty_database, [make_service("chat", 1), service])

    assert str(caught.value).startswith("The migration drive_0002 failed: ")
    assert str(caught.value).endswith("Error. Nothing was changed. The log says more.")
    assert "nonsense" not in str(caught.value)
    assert "nonsense" in caplog.text
    assert await tables_of(empty_database) == []
    assert [it.state for it in await status(empty_database, [service])] == ["behind"]


async def test_the_log_tells_what_was_run_and_nothing_of_alembic(
    tmp_path: Path, make_service: MakeService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await upgrade(DatabaseSettings(tmp_path / "db"), [make_service("drive", 1)])
    assert caplog.messages == ["running the migration upgrade  -> drive_0001"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": "None"}, 'The first revision in the migrations of drive needs branch_labels = ("drive",).'),
        ({"name": "drive_" * 5, "labels": '("drive",)'}, "in the migrations of drive is longer than 32 characters."),
        ({"depends": "chat_0001"}, "drive_0001 in the migrations of drive depends on another branch."),
        ({"name": "file", "labels": '("drive",)'}, "file_0001 in the migrations of drive needs an id that begins with"),
    ],
)
async def test_revisions_that_break_a_rule_are_refused(
    change: dict[str, str], sentence: str, make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service("drive")
    write_revision(versions_of(service, tmp_path), 1, **change)

    with pytest.raises(MigrationError) as caught:
        await status(DatabaseSettings(tmp_path / "db"), [make_service("chat", 1), service])
    assert sentence in str(caught.value)


async def test_forks_and_gaps_are_refused(make_service: MakeService, tmp_path: Path) -> None:
    fork, gap = make_service("fork", 2), make_service("gap", 1)
    write_revision(versions_of(fork, tmp_path), 3, down="fork_0001")
    write_revision(versions_of(gap, tmp_path), 3)

    with pytest.raises(MigrationError, match="There is a fork in the migrations of fork"):
        await status(DatabaseSettings(tmp_path / "db"), [fork])
    with pytest.raises(MigrationError, match=r"The migrations do not fit together: .*gap_0002"):
        await status(DatabaseSettings(tmp_path / "db"), [gap])


async def test_migrations_that_are_not_there_are_told(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service("drive")
    (versions_of(service, tmp_path) / "versions").rmdir()

    with pytest.raises(MigrationError, match="drive has migrations in drive, which has no folder named versions"):
        await status(DatabaseSettings(tmp_path / "db"), [service])
    with pytest.raises(MigrationError, match=r"The package no_such_package, which holds migrations, cannot be found"):
        await status(DatabaseSettings(tmp_path / "db"), [Service(name="x", migrations=Migrations("no_such_package"))])


async def test_nobody_downgrades_what_is_not_there(empty_database: DatabaseSettings, make_service: MakeService) -> None:
    service = make_service("drive", 2)
    with pytest.raises(NotFoundError, match="No service named mail with migrations is installed"):
        await downgrade(empty_database, [service], "mail")
    with pytest.raises(NotFoundError, match=r"drive has no revision drive_0009\. It has drive_0001, drive_0002"):
        await downgrade(empty_database, [service], "drive", "drive_0009")


async def test_a_table_that_others_refer_to_can_be_made_anew(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path
) -> None:
    """SQLite has no other way to change one. With foreign keys on, it would remove the rows that refer to it."""
    service = make_service("drive", 1)
    package = versions_of(service, tmp_path)
    write_revision(
        package,
        2,
        body='op.create_table("part", sa.Column("id", sa.Integer, sa.ForeignKey("drive_1.id", ondelete="CASCADE")))\n'
        '    op.execute("INSERT INTO drive_1 VALUES (1)")\n    op.execute("INSERT INTO part VALUES (1)")',
    )
    write_revision(
        package,
        3,
        body='with op.batch_alter_table("drive_1") as table:\n'
        '        table.add_column(sa.Column("name", sa.String, nullable=False, server_default="anna"))',
    )

    await upgrade(empty_database, [service])

    async with connect(empty_database) as connection:
        assert (await connection.execute(text("SELECT drive_1.id, name, part.id FROM drive_1, part"))).all() == [
            (1, "anna", 1)
        ]


async def test_references_to_nothing_are_refused_at_the_end(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service("drive", 1)
    write_revision(
        versions_of(service, tmp_path),
        2,
        body='op.create_table("part", sa.Column("id", sa.Integer, sa.ForeignKey("drive_1.id")))\n'
        '    op.execute("INSERT INTO part VALUES (404)")',
    )
    database = DatabaseSettings(tmp_path / "db")

    with pytest.raises(MigrationError, match="After the migrations, rows of part refer to what is not there"):
        await upgrade(database, [service])
    assert await tables_of(database) == []


async def test_a_server_upgrades_at_start(empty_database: DatabaseSettings, make_service: MakeService) -> None:
    drive = make_service("drive", 1)
    settings = Settings({"database": empty_database})

    async with compose([foundation(settings), database_service, drive]) as state:
        assert {it.trouble for it in state.require(STANDINGS)} == {""}
    assert "drive_1" in await tables_of(empty_database)


async def test_a_server_that_may_not_upgrade_refuses_a_database_that_is_behind(
    make_service: MakeService, tmp_path: Path
) -> None:
    drive = make_service("drive", 1)
    database = DatabaseSettings(tmp_path / "db", upgrade=False)
    settings = Settings({"database": database})

    async with compose([foundation(settings), database_service, drive]) as state:
        troubles = {it.service: it.trouble for it in state.require(STANDINGS)}
    assert troubles["database"].startswith("database did not open: database is 1 revision behind.")
    assert troubles["database"].endswith("\ndrive is 1 revision behind. Run `botserver db upgrade`.")

    await upgrade(database, [drive, database_service])
    async with compose([foundation(settings), database_service, drive]) as state:
        assert {it.trouble for it in state.require(STANDINGS)} == {""}


def tables_of_drive(*columns: Column[Any]) -> MetaData:
    tables = MetaData()
    Table("drive_1", tables, Column("id", Integer, primary_key=True), *columns)
    return tables


async def test_a_service_can_check_its_revisions(empty_database: DatabaseSettings, make_service: MakeService) -> None:
    make_service("drive", 1)
    await check_migrations(
        empty_database, Service(name="drive", migrations=Migrations("drive", tables=tables_of_drive))
    )


async def test_revisions_that_make_other_tables_are_told(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    make_service("drive", 1)
    tables = partial(tables_of_drive, Column("name", String))
    with pytest.raises(AssertionError, match="add_column"):
        await check_migrations(empty_database, Service(name="drive", migrations=Migrations("drive", tables=tables)))


async def test_a_downgrade_that_leaves_something_is_told(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path
) -> None:
    write_revision(versions_of(make_service("drive"), tmp_path), 1, undo="pass")
    service = Service(name="drive", migrations=Migrations("drive", tables=tables_of_drive))
    with pytest.raises(AssertionError, match="leaves something behind"):
        await check_migrations(empty_database, service)


PROGRAM = """
import asyncio, os, sys, time
from pathlib import Path
from botlib import Secret
from botstate import DatabaseSettings, Service, sqlite
from botstate.migrations import Migrations, connecting, ledger, upgrade
import alembic.script, sqlalchemy.ext.asyncio  # once for all processes, and so that they start at the same moment

place, packages, count, *switches = sys.argv[1:]
sys.path.insert(0, packages)
database = DatabaseSettings(url=Secret(place)) if "://" in place else DatabaseSettings(Path(place))
service = Service(name="drive", migrations=Migrations("drive"))

def leave_the_lock_out():
    read_ledger, create_engine, looks = ledger.read_ledger, sqlite.create_engine, []

    def look_together(connection):
        found = read_ledger(connection)
        looks.append(found)
        seen = Path(packages, f"look-{len(looks)}")
        seen.mkdir(exist_ok=True)
        (seen / str(os.getpid())).touch()
        deadline = time.monotonic() + 20
        while len(os.listdir(seen)) < int(count) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    connecting._KEY = os.getpid()
    sqlite.create_engine = lambda settings, begin, *rest: create_engine(settings, "BEGIN DEFERRED", *rest)
    ledger.read_ledger = look_together

def run():
    if "without-lock" in switches:
        leave_the_lock_out()
    try:
        answer = " ".join(asyncio.run(upgrade(database, [service])))
    except Exception:
        answer = "failed"
    os.write(1, f"{answer}\\n".encode())
    os._exit(0)

processes = [os.fork() or run() for _ in range(int(count))]
for process in processes:
    os.waitpid(process, 0)
"""


def upgrade_at_once(database: DatabaseSettings, folder: Path, count: int, *switches: str) -> list[str]:
    """What that many processes print that upgrade at the same moment; "failed" for one that failed."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    if not database.url:
        database.file.touch()
    place = database.url.reveal() or str(database.file)
    command = [sys.executable, str(program), place, str(folder / "packages"), str(count), *switches]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return sorted(output.splitlines())


async def test_of_eight_processes_that_upgrade_at_once_one_does(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path
) -> None:
    make_service("drive", 3)
    printed = await asyncio.to_thread(upgrade_at_once, empty_database, tmp_path, 8)
    assert printed == [""] * 7 + ["drive_0001 drive_0002 drive_0003"]
    assert await tables_of(empty_database) == ["drive_1", "drive_2", "drive_3"]


async def test_without_a_lock_one_of_them_fails(
    empty_database: DatabaseSettings, make_service: MakeService, tmp_path: Path
) -> None:
    """The twin of the test above, with two that look at the same state."""
    make_service("drive", 3)
    printed = await asyncio.to_thread(upgrade_at_once, empty_database, tmp_path, 2, "without-lock")
    assert "failed" in printed


async def test_an_upgrade_that_is_cancelled_leaves_nothing(
    empty_database: DatabaseSettings, make_service: MakeService
) -> None:
    service = make_service("drive", 1)
    reached = asyncio.Event()

    async def hold(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE held (id INTEGER)"))
        reached.set()
        await asyncio.Event().wait()

    async def run() -> None:
        async with lock(empty_database) as connection:
            await hold(connection)

    holder = asyncio.create_task(run())
    await reached.wait()
    waiting = asyncio.create_task(upgrade(empty_database, [service]))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert await waiting == ("drive_0001",)
    assert await tables_of(empty_database) == ["drive_1"]
