"""The lock: what it says, when it is stale, and that a fresh clone comes to the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import PartitaError
from partita.findings import Finding
from partita.lock import Demand, Lock, Pin, check_lock, constraints_of, parse_lock, read_lock, render_lock
from partita.manifest import Requirement
from partita.pins import put_pins, read_pins, remove_pins
from partita.resolution import find_lock
from partita.testing import KILLED, TORN, break_every_call, undo_interrupted
from partita.uv import find_uv
from partita.wheelhouse import make_wheel
from partita.workspace import read_workspace
from partita.writing import plan_changes, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.fixtures import MakeTree, RunPartita

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
REMEDY = "run `invoke lock` (or `partita lock`)"
ROOT = """\
[project]
name = "whole"
version = "1"
requires-python = ">=3.11,<3.15"
dependencies = ["chat"]

[dependency-groups]
dev = ["checker>=1"]

[tool.uv]
package = false

[tool.uv.workspace]
members = ["packages/*"]

[tool.uv.sources]
chat = { workspace = true }
"""
CHAT = """\
[project]
name = "chat"
version = "1"
requires-python = ">=3.11,<3.15"
dependencies = ["web>=2", "old ; python_version < '3.12'"]

[project.optional-dependencies]
fast = ["turbo"]

[build-system]
requires = ["backend"]
build-backend = "backend"
"""
FILES = {"pyproject.toml": ROOT, "packages/chat/pyproject.toml": CHAT, "packages/chat/src/chat/__init__.py": ""}


class Index(ThreadingHTTPServer):
    """A package index on the loopback: every wheel in a folder, with its hash."""

    folder = ""


class IndexHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Index)
        kind, name = self.path.strip("/").split("/")
        names = [wheel for wheel in sorted(os.listdir(self.server.folder)) if wheel.partition("-")[0] == name]
        if kind == "simple":
            links = [
                f'<a href="/file/{wheel}#sha256={self.digest(wheel)}" data-core-metadata="true">{wheel}</a>'
                for wheel in names
            ]
            self.answer("text/html", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode())
        elif name.endswith(".metadata"):
            path = os.path.join(self.server.folder, name.removesuffix(".metadata"))
            with ZipFile(path) as archive:
                inside = next(file for file in archive.namelist() if file.endswith("/METADATA"))
                self.answer("text/plain", archive.read(inside))
        else:
            self.answer("application/zip", Path(self.server.folder, name).read_bytes())

    def digest(self, wheel: str) -> str:
        assert isinstance(self.server, Index)
        return hashlib.sha256(Path(self.server.folder, wheel).read_bytes()).hexdigest()

    def answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        for header, value in (("Content-Type", kind), ("Cache-Control", "no-store")):
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Nobody reads it."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The folder of wheels that an index on the loopback serves."""
    folder = str(tmp_path / "index")
    make_wheel(folder, "web", "2.0", ["core>=1"])
    make_wheel(folder, "core", "1.0")
    for name in ("old", "turbo", "checker", "backend"):
        make_wheel(folder, name, "1.0")
    with Index(("127.0.0.1", 0), IndexHandler) as server:
        server.folder = folder
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        yield folder
        server.shutdown()
        thread.join()


def demand(*texts: str, owner: str = "chat") -> Demand:
    requirements = tuple(Requirement(text.split(">")[0], "runtime", "", text, 5) for text in texts)
    return Demand(owner, f"{owner}/pyproject.toml", ">=3.11", requirements)


def locked(*demands: Demand, pins: tuple[Pin, ...]) -> Lock:
    return Lock(">=3.11", tuple(sorted((item.owner, item.digest()) for item in demands)), tuple(sorted(pins)))


def check(lock: Lock, *demands: Demand) -> list[Finding]:
    return check_lock(lock, demands, constraints_of(lock))


WEB = Pin("web", "2.0", needed_by=("chat",))
CORE = Pin("core", "1.0", needed_by=("web",))


def test_a_lock_of_these_requirements_is_fresh() -> None:
    asked = demand("web>=2")
    assert check(locked(asked, pins=(WEB, CORE)), asked) == []


def test_a_requirement_that_the_lock_does_not_hold_is_told_with_its_line() -> None:
    asked = demand("web>=2", "mail")
    message = "'mail' is required here, and requirements.lock holds no mail"
    assert check(locked(asked, pins=(WEB,)), asked) == [
        Finding("PT601", "chat/pyproject.toml", 5, message, REMEDY, "chat mail")
    ]


def test_a_floor_above_the_pin_is_told_with_its_line() -> None:
    asked = demand("web>=3")
    message = "'web>=3' is required here, and requirements.lock holds web 2.0"
    assert check(locked(asked, pins=(WEB,)), asked) == [
        Finding("PT602", "chat/pyproject.toml", 5, message, REMEDY, "chat web")
    ]


def test_a_pin_that_only_a_removed_requirement_brought_is_told() -> None:
    before, now = demand("web>=2", "mail"), demand("mail")
    found = check(locked(before, pins=(WEB, CORE, Pin("mail", "1"))), now)
    assert [(finding.code, finding.message) for finding in found] == [
        ("PT603", "core is pinned, and no manifest asks for it"),
        ("PT603", "web is pinned, and no manifest asks for it"),
        ("PT604", "the requirements of chat changed since requirements.lock was made"),
    ]


def test_members_that_came_or_went_are_told() -> None:
    chat, mail = demand("web>=2"), demand("web>=2", owner="mail")
    assert [finding.message for finding in check(locked(chat, pins=(WEB,)), mail)] == [
        "the requirements of mail were not there when requirements.lock was made",
        "requirements.lock was made when chat was there",
    ]


def test_a_pin_changed_by_hand_differs_from_the_constraints() -> None:
    asked = demand("web>=2")
    lock = locked(asked, pins=(WEB,))
    changed = locked(asked, pins=(WEB._replace(version="2.1"),))
    assert [finding.message for finding in check_lock(changed, [asked], constraints_of(lock))] == [
        "[tool.uv] constraint-dependencies and requirements.lock differ in 'web==2.0' and 1 more"
    ]


def test_the_closure_of_a_name_is_all_that_it_may_need() -> None:
    lock = Lock("", (), (CORE, WEB, Pin("deep", "1", needed_by=("core",)), Pin("other", "1")))
    assert [pin.name for pin in lock.closure(["web"])] == ["core", "web", "deep"]


def test_pins_for_two_ranges_of_python_stand_side_by_side() -> None:
    pins = (Pin("n", "1", "python_full_version < '3.12'"), Pin("n", "2", "python_full_version >= '3.12'"))
    assert parse_lock(render_lock(Lock("", (), pins))).pins == pins
    assert check(locked(demand("n>=2"), pins=pins), demand("n>=2")) == []


def test_a_line_that_is_no_pin_is_told_with_its_number() -> None:
    with pytest.raises(PartitaError, match=r"requirements\.lock:2: 'web>=2' is no pin"):
        parse_lock("core==1.0\nweb>=2\n")


names = st.from_regex(r"[a-z][a-z0-9]{0,4}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc[0-9])?", fullmatch=True)
hashes = st.lists(st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True), max_size=2).map(tuple)
markers = st.sampled_from(["", "sys_platform == 'win32'", "python_full_version < '3.12' and sys_platform != 'x'"])
all_pins = st.builds(Pin, names, versions, markers, hashes, st.lists(names, max_size=3).map(tuple))
locks = st.builds(
    Lock,
    st.just(">=3.11,<3.15"),
    st.dictionaries(names, st.from_regex(r"[0-9a-f]{12}", fullmatch=True), max_size=3).map(
        lambda found: tuple(sorted(found.items()))
    ),
    st.lists(all_pins, max_size=6).map(lambda found: tuple(sorted(found))),
)


@given(locks)
def test_reading_what_was_written_gives_the_lock_again(lock: Lock) -> None:
    assert parse_lock(render_lock(lock)) == lock


@pytest.mark.parametrize(
    "manifest",
    [
        ROOT,
        '[tool.uv]\nconstraint-dependencies = ["mine<2", "b"]  # why\n\n# next\n[x]\ny = 1\n',
        '[tool.uv]\nconstraint-dependencies = [\n  "mine<2", # one\n  "b" # two\n  # three\n]\n[x]\ny = [1]\n',
        '[tool.uv.workspace]\nmembers = ["a"]',
        '[tool.uv]\r\npackage = false\r\n\r\n[x]\r\ny = "[z]"\r\n',
        "[tool.uv]\nbuild-constraint-dependencies = []",
    ],
)
def test_pins_come_into_a_manifest_and_leave_it_without_a_trace(manifest: str) -> None:
    pins = {"constraint-dependencies": ["a==1", "b==2 ; x == 'y'"], "build-constraint-dependencies": ["c==3"]}
    edited = put_pins(manifest, pins)
    assert read_pins(edited) == {key: tuple(values) for key, values in pins.items()}
    assert put_pins(edited, pins) == edited
    unpinned = [line for line in remove_pins(edited).splitlines() if line not in manifest.splitlines()]
    assert set(unpinned) <= {
        *("constraint-dependencies = [", "build-constraint-dependencies = [", "]", "[tool.uv]", ""),
        *('constraint-dependencies = ["mine<2", "b",', "]  # why", '  "b", # two'),
    }


def test_a_manifest_in_which_pins_find_no_place_is_refused() -> None:
    with pytest.raises(PartitaError, match="the pins find no place; write"):
        put_pins("[tool]\nuv = { package = false }\n", {"constraint-dependencies": ["a==1"]})


def test_the_lock_holds_every_third_party_of_every_member(make_tree: MakeTree, partita: RunPartita, index: str) -> None:
    root = make_tree(FILES)
    assert partita("lock", "--root", root).code == 0
    lock = read_lock(str(root))
    assert lock is not None
    assert [(pin.requirement(), pin.needed_by) for pin in lock.pins] == [
        ("backend==1.0", ("chat(build)",)),
        ("checker==1.0", ("whole:dev",)),
        ("core==1.0", ("web",)),
        ("old==1.0 ; python_full_version < '3.12'", ("chat",)),
        ("turbo==1.0", ("chat[fast]",)),
        ("web==2.0", ("chat",)),
    ]
    assert all(pin.hashes for pin in lock.pins)
    written = (root / "requirements.lock").read_text() + (root / "pyproject.toml").read_text()
    assert [word for word in ("127.0.0.1", "http:", index) if word in written] == []
    assert read_pins((root / "pyproject.toml").read_text())["build-constraint-dependencies"] == ("backend==1.0",)
    assert partita("lock", "--check", "--root", root) == (
        0,
        "requirements.lock holds what every manifest asks for\n",
        "",
    )


def test_a_fresh_clone_resolves_to_exactly_the_pins_although_newer_versions_came(
    make_tree: MakeTree, partita: RunPartita, index: str
) -> None:
    root = make_tree(FILES)
    partita("lock", "--root", root)
    make_wheel(index, "web", "2.5", ["core>=1"])
    make_wheel(index, "core", "1.5")
    subprocess.run([find_uv(), "lock", "--quiet"], cwd=root, check=True)
    words = ["export", "--frozen", "--all-packages", "--all-extras", "--all-groups", "--no-emit-workspace"]
    exported = subprocess.run([find_uv(), *words], cwd=root, check=True, capture_output=True, text=True)
    lock = read_lock(str(root))
    assert lock is not None
    locked_here = [pin[:4] for pin in lock.pins if pin.name != "backend"]
    assert [pin[:4] for pin in parse_lock(exported.stdout).pins] == locked_here


@pytest.mark.usefixtures("index")
def test_a_repository_with_a_uv_lock_of_its_own_is_bound_by_that(make_tree: MakeTree) -> None:
    root = make_tree(FILES)
    workspace = read_workspace(str(root))
    assert find_lock(workspace) is None
    subprocess.run([find_uv(), "lock", "--quiet"], cwd=root, check=True)
    lock = find_lock(workspace)
    assert lock is not None
    assert [pin.name for pin in lock.closure(["web"])] == ["core", "web"]


def test_without_the_constraints_that_clone_would_have_moved(
    make_tree: MakeTree, partita: RunPartita, index: str
) -> None:
    root = make_tree(FILES)
    partita("lock", "--root", root)
    make_wheel(index, "web", "2.5", ["core>=1"])
    (root / "pyproject.toml").write_text(ROOT)
    subprocess.run([find_uv(), "lock", "--quiet"], cwd=root, check=True)
    assert 'version = "2.5"' in (root / "uv.lock").read_text()


def test_pins_stay_until_they_are_asked_to_move(make_tree: MakeTree, partita: RunPartita, index: str) -> None:
    root = make_tree(FILES)
    partita("lock", "--root", root)
    first = (root / "requirements.lock").read_bytes()
    make_wheel(index, "web", "2.5", ["core>=1.5"])
    make_wheel(index, "core", "1.5")
    make_wheel(index, "turbo", "9.0")
    partita("lock", "--root", root)
    assert (root / "requirements.lock").read_bytes() == first
    moved = partita("lock", "--upgrade", "Web", "--root", root)
    assert moved.err.splitlines()[:2] == ["core 1.0 -> 1.5", "web 2.0 -> 2.5"]
    assert partita("lock", "--upgrade", "all", "--root", root).err.splitlines()[0] == "turbo 1.0 -> 9.0"


def test_a_raised_floor_moves_only_what_it_must(make_tree: MakeTree, partita: RunPartita, index: str) -> None:
    root = make_tree(FILES)
    partita("lock", "--root", root)
    make_wheel(index, "web", "3.0", ["core>=1"])
    make_wheel(index, "core", "1.5")
    (root / "packages/chat/pyproject.toml").write_text(CHAT.replace("web>=2", "web>=3"))
    document = json.loads(partita("lock", "--check", "--json", "--root", root).out)
    jsonschema.validate(document, json.loads((REFERENCE / "lock.schema.json").read_text()))
    stale = partita("lock", "--check", "--root", root)
    assert (stale.code, stale.out.count("\n")) == (1, 1)
    assert "packages/chat/pyproject.toml:5: PT602 'web>=3' is required here" in stale.out
    assert partita("lock", "--root", root).err.splitlines()[0] == "web 2.0 -> 3.0"
    assert partita("lock", "--check", "--root", root).code == 0


@pytest.mark.usefixtures("index")
def test_a_dry_run_shows_the_lock_and_writes_nothing(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(FILES)
    shown = partita("lock", "--dry-run", "--root", root)
    assert (shown.code, "+web==2.0 \\" in shown.out.splitlines()) == (0, True)
    assert sorted(os.listdir(root)) == ["packages", "pyproject.toml"]


@pytest.mark.usefixtures("index")
def test_build_requirements_at_odds_with_the_others_are_left_out_with_a_word(
    make_tree: MakeTree, partita: RunPartita
) -> None:
    files = FILES | {"packages/chat/pyproject.toml": CHAT.replace('["backend"]', '["web<2"]')}
    ran = partita("lock", "--root", make_tree(files))
    told = "the build requirements do not go together with the others, so they are not locked"
    assert (ran.code, ran.err.splitlines()[0]) == (0, told)


def test_no_uv_workspace_no_lock(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({"a/pyproject.toml": '[project]\nname = "a"\n', "pyproject.toml": ""})
    ran = partita("lock", "--check", "--root", root)
    assert ran.code == 2
    assert "no uv workspace, so its members have no common lock" in ran.err


@pytest.mark.usefixtures("index")
def test_what_cannot_be_resolved_is_told_in_the_words_of_uv(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(FILES | {"packages/chat/pyproject.toml": CHAT.replace("web>=2", "nowhere>=2")})
    ran = partita("lock", "--root", root)
    assert ran.code == 2
    assert "nowhere" in ran.err
    assert sorted(os.listdir(root)) == ["packages", "pyproject.toml"]


@pytest.mark.usefixtures("index")
def test_a_name_to_upgrade_that_the_lock_does_not_hold_is_refused(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("lock", "--upgrade", "web", "--root", make_tree(FILES))
    assert (ran.code, ran.err) == (2, "partita: --upgrade web: requirements.lock holds no such distribution\n")


def test_a_missing_uv_is_told_with_the_remedy(
    make_tree: MakeTree, partita: RunPartita, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(FILES)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    ran = partita("lock", "--root", root)
    told = "partita: uv is not installed, and Partita locks, builds and isolates with it; run: pip install uv\n"
    assert (ran.code, ran.err) == (2, told)


LOCKED = {
    "requirements.lock": render_lock(Lock(">=3.11", (), (WEB, CORE))).encode(),
    "pyproject.toml": put_pins(ROOT, {"constraint-dependencies": ["core==1.0", "web==2.0"]}).encode(),
}


def prepare_unlocked(root: str) -> None:
    with open(os.path.join(root, "pyproject.toml"), "w", encoding="utf-8") as file:
        file.write(ROOT)


def test_a_lock_killed_at_any_call_is_as_before_or_as_after(tmp_path: Path) -> None:
    def run(root: str) -> int:
        write(root, lambda: plan_changes(root, LOCKED), force=True)
        return 0

    assert break_every_call(prepare_unlocked, run, undo_interrupted, tmp_path).failures == ()


def test_a_naive_writer_of_the_lock_would_be_caught(tmp_path: Path) -> None:
    def run(root: str) -> int:
        for path, content in LOCKED.items():
            with open(os.path.join(root, path), "wb") as file:
                file.write(content)
        return 0

    assert break_every_call(prepare_unlocked, run, undo_interrupted, tmp_path, (KILLED, TORN)).failures != ()
