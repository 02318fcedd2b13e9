"""What a forge does with a workflow: it evaluates expressions, expands matrices and runs the `run:` lines under bash.

Actions (`uses:`) have stand-ins: the checkout is a clean clone, caches stay empty.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".forgejo/workflows"
ACTIONS = {"actions/cache", "actions/checkout"}
MAIN = {"github": {"ref": "refs/heads/main", "base_ref": "", "sha": "0" * 40}}
BRANCH = {"github": {"ref": "refs/pull/7/merge", "base_ref": "main", "sha": "0" * 40}}
SECONDS = 900  # for one step: the first `uv run` makes an environment


def read_workflow(name: str = "ci.yml") -> dict[str, Any]:
    document = YAML(typ="safe", pure=True).load((FOLDER / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


class LostError(Exception):
    """An expression names something that is not there. Forgejo refuses such a run; GitHub goes on with nothing."""


TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>==|!=|&&|\|\||[!().,*])|(?P<name>[A-Za-z_][\w-]*))")
EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def fill(value: Any, context: Mapping[str, Any]) -> Any:
    """A value of the workflow with its expressions evaluated; a value that is one expression keeps its type."""
    if isinstance(value, dict):
        return {key: fill(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, context) for item in value]
    if not isinstance(value, str):
        return value
    whole = EMBEDDED.fullmatch(value.strip())
    if whole:
        return Expression(whole[1], context).value()
    return EMBEDDED.sub(lambda found: str(Expression(found[1], context).value()), value)


class Expression:
    """The part of the expression language that the workflow uses; anything else is an error here."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.context = context
        place = 0
        text = text.strip()
        while place < len(text):
            found = TOKEN.match(text, place)
            assert found is not None, f"{text!r} holds what no forge of this test understands"
            assert found.lastgroup is not None
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def value(self) -> Any:
        result = self.disjunction()
        assert not self.tokens, f"left over: {self.tokens}"
        return result

    def disjunction(self) -> Any:
        left = self.conjunction()
        while self.skip("||"):
            right = self.conjunction()
            left = left or right
        return left

    def conjunction(self) -> Any:
        left = self.comparison()
        while self.skip("&&"):
            right = self.comparison()
            left = left and right
        return left

    def comparison(self) -> Any:
        left = self.primary()
        if self.skip("=="):
            return left == self.primary()
        if self.skip("!="):
            return left != self.primary()
        return left

    def primary(self) -> Any:
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        assert kind == "name", text
        if self.skip("("):
            arguments = []
            while not self.skip(")"):
                arguments.append(self.disjunction())
                self.skip(",")
            return FUNCTIONS[text](*arguments)
        value = self.look_up(self.context, text)
        while self.skip("."):
            if self.skip("*"):
                assert self.skip(".")
                name = self.tokens.pop(0)[1]
                return [self.look_up(item, name) for item in value.values()]
            value = self.look_up(value, self.tokens.pop(0)[1])
        return value

    def look_up(self, holder: Any, name: str) -> Any:
        if name not in holder:
            raise LostError(name)
        return holder[name]

    def skip(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "always": lambda: True,
    "contains": lambda items, item: item in items,
    "fromJSON": json.loads,
    "hashFiles": lambda *_: "0" * 64,
}


def expand(job: Mapping[str, Any], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs of a job: one for each entry of its matrix, none when its condition does not hold."""
    if not fill(job.get("if", "${{ always() }}"), context):
        return []
    matrix = fill(job.get("strategy", {}).get("matrix", {"include": [{}]}), context)
    assert set(matrix) == {"include"}
    runs = []
    for entry in matrix["include"]:
        inner = {**context, "matrix": entry}
        runs.append({"name": fill(job["name"], inner), "matrix": entry})
    return runs


class Forge:
    """Runs jobs of a workflow in clean clones. `context` is what triggered the run."""

    def __init__(self, folder: Path, source: Path, context: Mapping[str, Any], workflow: str = "ci.yml") -> None:
        self.folder = folder
        self.source = source
        self.context = context
        self.workflow = read_workflow(workflow)

    def run(self, name: str, **context: Any) -> dict[str, str]:
        """Run the steps of a job; what it outputs. A step that fails ends the test, with all it printed."""
        job = self.workflow["jobs"][name]
        context = {**self.context, **context, "steps": {}}
        clone = self.folder / name
        for step in job["steps"]:
            if "uses" in step:
                self.stand_in(step, clone)
                continue
            outputs = self.execute(step, fill({**self.workflow.get("env", {}), **step.get("env", {})}, context), clone)
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": outputs}
        return {key: str(fill(value, context)) for key, value in job.get("outputs", {}).items()}

    def stand_in(self, step: Mapping[str, Any], clone: Path) -> None:
        action, _, _ = step["uses"].partition("@")
        assert action in ACTIONS
        if action == "actions/checkout":
            git(self.folder, "clone", "--quiet", str(self.source), str(clone))
            git(clone, "switch", "--quiet", "--detach", git(self.source, "rev-parse", "HEAD").strip())

    def execute(self, step: Mapping[str, Any], variables: dict[str, str], clone: Path) -> dict[str, str]:
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.touch()
        files["GITHUB_OUTPUT"].write_text("")
        environment = clean_environment(self.folder) | {name: str(file) for name, file in files.items()} | variables
        added = files["GITHUB_PATH"].read_text().split()
        environment["PATH"] = os.pathsep.join([*reversed(added), environment["PATH"]])
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        ran = subprocess.run(
            command, cwd=clone, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{step['run']}\n{ran.stdout[-5000:]}\n{ran.stderr[-5000:]}"
        return dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())


def clean_environment(folder: Path) -> dict[str, str]:
    """What a fresh machine has: nothing of the environment that these tests run in, but uv's downloads."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VIRTUAL_ENV", "NOX", "PYTEST", "PYTHON", "GIT_", "PARTITA", "COVERAGE", "UV"))
    }
    own = {str(Path(sys.prefix) / "bin"), str(Path(sys.executable).parent)}
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part not in own)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    downloads = {"UV_CACHE_DIR": find_downloads()} | {n: v for n, v in os.environ.items() if n.startswith("UV_INDEX")}
    return inherited | downloads | {"PATH": path, "HOME": str(home), "RUNNER_TEMP": str(folder), "CI": "true"}


def find_downloads() -> str:
    ran = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True, cwd=ROOT)
    return ran.stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def partita(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "partita", *words, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
