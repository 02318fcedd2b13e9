import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from botlib import FakeClock, SystemClock, UnavailableError
from botserver.cli import main
from botserver.doctor import Finding, backends, machine, place, runtime
from botserver.doctor.finding import worst
from botstate import (
    CACHE,
    AppState,
    Cache,
    CacheSettings,
    MemoryCache,
    Provider,
    Service,
    Settings,
    cache_service,
    foundation,
)
from botstate.migrations import Branch


def test_a_new_place_is_healthy_and_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json", "--set", "server.port=0"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert [it["name"] for it in told["checks"]] == [
        "python",
        "sqlite",
        "services",
        "open files",
        "settings",
        "port",
        "data folder",
        "disk",
        "clock",
        "database",
        "cache",
        "objects",
    ]
    assert all(bool(it["next_step"]) == (it["state"] != "pass") for it in told["checks"])
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_there_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir(mode=0o700)
    sqlite3.connect("data/botserver.sqlite3").close()

    assert main(["doctor", "--set", "server.port=0"]) == 0
    shown = capsys.readouterr().out
    assert "database     It answers within " in shown
    assert "tables       The next start applies database_" in shown
    with closing(sqlite3.connect("data/botserver.sqlite3")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []

    Path("data/botserver.sqlite3").write_bytes(b"no database at all " * 100)
    assert main(["doctor", "--set", "server.port=0"]) == 1
    told = capsys.readouterr()
    assert "fail  database     It answers with DatabaseError." in told.out
    assert told.err == ""


def test_a_database_that_nobody_can_find_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--set", "server.port=0", "--set", "database.url=env:NO_SUCH_VARIABLE"]) == 1
    assert "fail  database     The secret env:NO_SUCH_VARIABLE is not there." in capsys.readouterr().out


BEHIND = Branch("mail", "behind", "mail_0001", ("mail_0002",), "mail is 1 revision behind.")
NEWER = Branch("chat", "newer", "chat_0009", (), "The tables of chat are newer.")
REMOVED = Branch("drive", "removed", "drive_0001", (), "drive has tables here.")


@pytest.mark.parametrize(
    ("branches", "upgrades", "state", "text"),
    [
        ([], True, "pass", "They are up to date."),
        ([BEHIND], True, "pass", "The next start applies mail_0002."),
        ([BEHIND], False, "fail", "mail is 1 revision behind."),
        ([BEHIND, NEWER], True, "fail", "The tables of chat are newer."),
        ([BEHIND, REMOVED], True, "warn", "drive has tables here."),
    ],
)
def test_tables_that_a_server_cannot_work_with_are_told(
    branches: list[Branch], upgrades: bool, state: str, text: str
) -> None:
    found = backends._judge(branches, upgrades=upgrades)

    assert (found.state, found.text) == (state, text)


def test_what_needs_settings_is_left_out_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--set", "server.prot=1"]) == 1
    shown = capsys.readouterr().out
    assert "The option server.prot is not known. Did you mean server.port?" in shown
    assert "data folder" not in shown


def test_the_worst_finding_counts() -> None:
    assert worst(()) == "pass"
    assert worst((Finding("a", "warn", "b", "c"), Finding("a", "pass", "b"))) == "warn"


def test_a_port_that_is_taken_fails_and_one_that_is_free_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = place.check_port("127.0.0.1", port)

    assert (taken.state, taken.text) == ("fail", f"Nobody can listen on 127.0.0.1 port {port}: Address already in use.")
    assert place.check_port("127.0.0.1", port).state == "pass"


def test_a_data_folder_is_to_be_a_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert place.check_data_folder(str(folder)).text == f"{folder} will be made at the first start"

    folder.mkdir(mode=0o700)
    assert place.check_data_folder(str(folder)) == Finding("data folder", "pass", f"{folder}, mode 0700")

    folder.chmod(0o755)
    assert place.check_data_folder(str(folder)).next_step == f"Run `chmod 700 {folder}`."

    (tmp_path / "file").touch()
    assert place.check_data_folder(str(tmp_path / "file")).state == "fail"


def test_a_data_folder_is_to_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may write everywhere

    assert place.check_data_folder(str(tmp_path)).text == f"{tmp_path} is not writable."
    assert place.check_data_folder(str(tmp_path / "data")).text == (
        f"{tmp_path / 'data'} cannot be made: {tmp_path} is not writable."
    )


def test_a_file_system_of_another_machine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_file_system", lambda _folder: "nfs4")
    tmp_path.chmod(0o700)

    assert place.check_data_folder(str(tmp_path)).text == (
        f"{tmp_path} is on nfs4, where the locks of SQLite cannot be trusted."
    )


@pytest.mark.parametrize(("free", "state"), [(10**6, "fail"), (10**8, "warn"), (10**12, "pass")])
def test_a_disk_that_is_nearly_full_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=free))

    assert machine.check_disk("/").state == state


@pytest.mark.parametrize(("soft", "state"), [(64, "fail"), (1024, "warn"), (65_536, "pass"), (-1, "pass")])
def test_few_open_files_are_told(soft: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _which: (soft, -1))

    assert machine.check_open_files().state == state


def test_a_clock_that_cannot_be_right_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Backwards(SystemClock):
        def monotonic(self) -> float:
            return -super().monotonic()

    folder = str(tmp_path)
    assert machine.check_clock(SystemClock(), folder).state == "pass"
    assert machine.check_clock(Backwards(), folder).text == "The monotonic clock goes back."
    assert machine.check_clock(FakeClock(datetime(1970, 1, 2, tzinfo=UTC)), folder).state == "fail"
    monkeypatch.setattr(machine, "_stamp_of_new_file", lambda _folder: 0.0)
    assert machine.check_clock(SystemClock(), folder).state == "warn"


def test_a_python_that_is_not_tested_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime.check_python().state in {"pass", "warn"}
    monkeypatch.setattr(runtime, "TESTED", ((3, 99), (3, 100)))
    assert runtime.check_python().next_step == "Use a Python from 3.99 on, below 3.100."


@pytest.mark.parametrize(("missing", "state"), [("JSON", "fail"), ("FTS5", "warn"), ("", "pass")])
def test_what_sqlite_was_built_without_is_told(missing: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("WAL", "RETURNING", "JSON", "FTS5", "extension loading")
    monkeypatch.setattr(runtime, "_features", lambda: [(name, name != missing) for name in names])

    found = runtime.check_sqlite()

    assert (found.state, f"without {missing}" in found.text) == (state, bool(missing))


async def _fail(_state: AppState) -> None:
    raise UnavailableError("It sleeps.", remedy="Wake it.")


async def _hang(_state: AppState) -> None:
    await anyio.sleep_forever()


async def _break(_state: AppState) -> None:
    raise ValueError("hunter2")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (_fail, "It sleeps. Wake it."),
        (_hang, "It does not answer within 0.01 seconds."),
        (_break, "It answers with ValueError."),
    ],
)
@pytest.mark.anyio
async def test_a_backend_in_trouble_is_a_finding(check: object, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "TIME_LIMIT", 0.01)
    service = Service(name="store", check=check)  # type: ignore[arg-type]  # one of the three above

    found = await backends.check_backends((foundation(), service))

    assert found[-1] == Finding("store", "fail", text, "Look at the settings of store: `botserver config show`.")


@pytest.mark.anyio
async def test_a_backend_that_does_not_open_is_a_finding() -> None:
    @asynccontextmanager
    async def refuse(_state: AppState) -> AsyncIterator[Cache]:
        raise UnavailableError("Nobody listens there.")
        yield MemoryCache(FakeClock())

    found = await backends.check_backends((Service(name="store", provides=(Provider(CACHE, refuse),)),))

    assert [(it.name, it.text) for it in found] == [("store", "cache did not open: Nobody listens there.")]


@pytest.mark.anyio
async def test_an_answer_that_takes_long_is_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "SLOW", -1.0)

    services = (foundation(Settings({"cache": CacheSettings()})), cache_service)
    assert {it.state for it in await backends.check_backends(services)} == {"warn"}
