"""A stop is ordered and bounded, whatever the servers do, and ends what they have started."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from botserver_stack import TemporaryStack, keeping
from botserver_stack import stack as stack_module
from botserver_stack.leaks import differences, look
from botserver_stack.recipes import Launch
from botserver_stack.spawning import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_stack.recipes import Recipe, Run, Site

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

#: Behaviour -> program. Each writes its name when it is up, and its name again when it is told to end.
PROGRAMS = {
    "obeys": "wait('')",
    "ignores": "signal.signal(signal.SIGTERM, signal.SIG_IGN); wait('')",
    "stopped": "wait('os.kill(os.getpid(), signal.SIGSTOP)')",
    "forks": "os.fork() or time.sleep(60); wait('')",
    "daemon": "os.fork() or (os.setsid(), os.fork() and os._exit(0), time.sleep(60)); wait('')",
    "pipes": "import subprocess; subprocess.Popen(['sleep', '60'], stdin=subprocess.PIPE); wait('')",
}
PROLOGUE = """
import os, signal, sys, time
name = sys.argv[1]
def say(word):
    with open(sys.argv[2], 'a') as file:
        file.write(f'{word} {name}\\n')
def end(*_):
    say('end')
    os._exit(0)
signal.signal(signal.SIGTERM, end)
def wait(last):
    say('up')
    exec(last)
    while True:
        time.sleep(60)
"""


@dataclass(frozen=True)
class Stubborn:
    """A server that behaves as its name says."""

    name: str
    layer: int = 1
    grace: float = 0.3
    title: str = "Stubborn"
    port: int = 0
    user: str = ""
    recommended: bool = True
    warning: str = ""

    @property
    def choice(self) -> str:
        return self.name

    @property
    def folder(self) -> str:
        return self.name

    def find(self) -> str:
        return sys.executable

    async def prepare(self, site: Site, run: Run) -> None: ...

    async def launch(self, site: Site) -> Launch:
        order = Order(
            (self.find(), "-I", "-c", PROLOGUE + PROGRAMS[self.name], self.name, os.path.join(site.stack, "said")),
            site.environment,
            site.data,
            os.path.join(site.folder, "log"),
        )
        return Launch(order, signals=(("SIGTERM", self.grace),))

    async def is_up(self, site: Site) -> bool:
        return f"up {self.name}\n" in said(site.stack)

    async def settle(self, site: Site) -> None: ...

    async def is_ready(self, site: Site) -> bool:
        return await self.is_up(site)

    async def explain(self, site: Site) -> str:
        del site
        return ""

    def publish(self, site: Site) -> dict[str, str]:
        del site
        return {}


def said(folder: str) -> str:
    path = os.path.join(folder, "said")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def create_stack(
    monkeypatch: pytest.MonkeyPatch, root: str, recipes: Sequence[Recipe], keep: bool = False
) -> TemporaryStack:
    monkeypatch.setattr(stack_module, "find_recipes", lambda _names: tuple(recipes))
    return TemporaryStack(root=root, keep=keep)


@pytest.mark.parametrize("behaviour", PROGRAMS)
async def test_nothing_of_a_server_survives_its_stack(
    monkeypatch: pytest.MonkeyPatch, root: str, behaviour: str
) -> None:
    before = look(root)
    async with create_stack(monkeypatch, root, [Stubborn(behaviour)]):
        pass
    assert "processes" not in differences(before, look(root))
    assert os.listdir(root) == []


async def test_without_the_hunt_for_orphans_a_daemon_survives(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    twin = "import botserver_stack.keeper as k; k.kill_adopted = k.kill_marked = lambda *a: None; main()"
    monkeypatch.setattr(keeping, "_PROGRAM", keeping._PROGRAM.replace("main()", twin))
    before = look(root)
    async with create_stack(monkeypatch, root, [Stubborn("daemon")]):
        pass
    left = differences(before, look(root)).get("processes", [])
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert left


#: The system refuses a step of the end, always.
REFUSED = "import botserver_stack.keeper as k; k.{step} = lambda *a: k.os.stat(''); main()"


@pytest.mark.parametrize("step", ["end_servers", "kill_adopted", "kill_marked"])
async def test_a_step_of_the_end_that_is_refused_does_not_keep_it_from_the_next(
    monkeypatch: pytest.MonkeyPatch, root: str, step: str
) -> None:
    monkeypatch.setattr(keeping, "_PROGRAM", keeping._PROGRAM.replace("main()", REFUSED.format(step=step)))
    before = look(root)
    async with create_stack(monkeypatch, root, [Stubborn("obeys")]):
        pass
    assert "processes" not in differences(before, look(root))
    assert os.listdir(root) == []


async def test_a_keeper_that_gives_up_at_the_first_refusal_is_found_out(
    monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    twin = REFUSED.format(step="end_servers").replace("main()", "k._insist = lambda step: step(); main()")
    monkeypatch.setattr(keeping, "_PROGRAM", keeping._PROGRAM.replace("main()", twin))
    async with create_stack(monkeypatch, root, [Stubborn("obeys")]):
        pass
    assert os.listdir(root) != []


async def test_servers_end_in_the_reverse_order_of_their_layers(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    recipes = [Stubborn("obeys", layer=1), Stubborn("forks", layer=2), Stubborn("pipes", layer=3)]
    stack = create_stack(monkeypatch, root, recipes, keep=True)
    async with stack:
        pass
    lines = said(stack.folder).splitlines()
    assert [it for it in lines if it.startswith("up")] == ["up obeys", "up forks", "up pipes"]
    assert [it for it in lines if it.startswith("end")] == ["end pipes", "end forks", "end obeys"]
