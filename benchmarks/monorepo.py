"""Partita and its peers on the same questions, side by side: `uv run python benchmarks/monorepo.py`."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workspaces import create_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTITA = str(Path(sys.executable).with_name("partita"))
INVOKE = str(Path(sys.executable).with_name("invoke"))

_GRIMP = """
import sys, glob, json
roots = sorted(glob.glob("packages/*/src"))
sys.path[:0] = roots
import grimp
graph = grimp.build_graph(*[r.split("/")[1].replace("-", "_") for r in roots], cache_dir=None)
print(graph.count_imports())
"""


#: The ratios to be reached, by number of members.
_BOUNDS: dict[int, dict[str, float]] = {
    200: {"again": 1.1, "modules": 0.8, "grimp": 0.35},
    1000: {"again": 0.5, "first": 1.2, "modules": 0.25, "grimp": 0.1, "affected": 0.4},
    10_000: {"again": 0.2, "modules": 0.05},
}


class Contest(NamedTuple):
    """One question: Partita's command, a peer's, and the ratio that is to be reached."""

    question: str
    ours: list[str]
    peer: str
    theirs: list[str]
    bound: float | None
    before: Callable[[], None] | None = None
    rounds: int | None = None


class Timing(NamedTuple):
    seconds: float
    mebibytes: float


def main() -> int:
    """Run every contest that this machine can hold and print a table."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="partita-benchmark-") as folder:
        base = Path(folder)
        os.environ["PARTITA_CACHE_DIR"] = str(base / "cache")
        peers = _install_peers(base)
        print(_conditions(peers))
        print("| members | question | partita | peer | | ratio | bound | memory |\n|--:|---|--:|---|--:|--:|--:|--:|")
        for size in options.sizes:
            root = base / f"members-{size}"
            create_workspace(root, size, modules=5 if size >= 10_000 else 10)
            _prepare(root)
            for contest in _contests(root, size, peers, base):
                print(_row(size, contest, root, contest.rounds or options.rounds), flush=True)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=[16, 200, 1000])
    parser.add_argument("--rounds", type=int, default=9, help="runs of each side; the median counts (default: 9)")
    return parser.parse_args()


def _contests(root: Path, size: int, peers: dict[str, str], base: Path) -> Iterator[Contest]:
    graph = [PARTITA, "graph", "--format", "json"]
    metadata = [peers["uv"], "workspace", "metadata", "--frozen", "--preview"]
    forget = lambda: shutil.rmtree(base / "cache", ignore_errors=True)  # noqa: E731 - a name for a table
    bounds = _BOUNDS.get(size, {})
    yield Contest("packages, again", graph, "uv workspace metadata", metadata, bounds.get("again"))
    yield Contest("packages, first", graph, "uv workspace metadata", metadata, bounds.get("first"), forget)
    modules = [*graph, "--level", "modules"]
    ruff = [peers["ruff"], "analyze", "graph", "-q", *_source_options(root), "."]
    slow = 1 if size >= 10_000 else 3 if size >= 1000 else None
    yield Contest("modules, first", modules, "ruff analyze graph", ruff, bounds.get("modules"), forget, slow)
    edited = lambda: _touch(root)  # noqa: E731
    yield Contest("modules, edited", modules, "ruff analyze graph", ruff, 0.5, edited, slow)
    if size <= 1000:
        grimp = [peers["grimp"], "-c", _GRIMP]
        yield Contest("modules, first", modules, "grimp", grimp, bounds.get("grimp"), forget, slow)
    if "turbo" in peers:
        affected = [PARTITA, "affected", "--base", "HEAD", "--json"]
        turbo = [peers["turbo"], "ls", "--affected", "--output", "json"]
        yield Contest("affected", affected, "turbo ls --affected", turbo, bounds.get("affected"), edited)
    shutil.copy(Path(__file__).parent.parent / "tasks.py", root / "tasks.py")
    empty = base / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "tasks.py").write_text("from invoke import task\n\n\n@task\ndef nothing(context):\n    pass\n")
    yield Contest(
        "invoke graph, again", [INVOKE, *graph[1:]], "an empty Invoke task", [INVOKE, "-r", str(empty), "nothing"], None
    )


def _row(size: int, contest: Contest, root: Path, rounds: int) -> str:
    _run(contest.ours, root)
    ours, theirs = [], []
    for _ in range(rounds):
        if contest.before is not None:
            contest.before()
        ours.append(_run(contest.ours, root))
        theirs.append(_run(contest.theirs, root))
    mine = statistics.median(timing.seconds for timing in ours)
    other = statistics.median(timing.seconds for timing in theirs)
    bound = "" if contest.bound is None else f"{contest.bound:.2f}"
    memory = max(timing.mebibytes for timing in ours)
    return (
        f"| {size} | {contest.question} | {mine * 1000:.0f} ms | {contest.peer} | {other * 1000:.0f} ms "
        f"| {mine / other:.2f} | {bound} | {memory:.0f} MiB |"
    )


def _run(command: list[str], folder: Path) -> Timing:
    """Wall time and the largest resident set of one process, children included."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[:6])} ended with {process.returncode}; run it by hand in {folder}")
    return Timing(seconds, usage.ru_maxrss / 1024)


def _install_peers(base: Path) -> dict[str, str]:
    """Where each peer is; what the registries do not give is left out."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on PATH; start this with `uv run`")
    environment = base / "peers"
    subprocess.run([uv, "venv", "-q", str(environment)], check=True)
    python = environment / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), "ruff", "grimp", "uv"], check=True)
    # the uv on PATH may be a version manager's shim, which would cost it 80 ms
    peers = {"uv": str(environment / "bin" / "uv"), "ruff": str(environment / "bin" / "ruff"), "grimp": str(python)}
    if shutil.which("npm") is not None:
        folder = base / "node"
        folder.mkdir()
        installed = subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), "turbo"], check=False)
        if installed.returncode == 0:
            peers["turbo"] = str(folder / "node_modules" / ".bin" / "turbo")
    return peers


def _conditions(peers: dict[str, str]) -> str:
    def version(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "left out"

    grimp = version(peers["grimp"], "-c", "import importlib.metadata as m; print('grimp', m.version('grimp'))")
    turbo = "turbo " + version(peers["turbo"], "--version") if "turbo" in peers else "turbo left out (no npm)"
    parts = [
        f"Python {platform.python_version()}",
        f"{os.cpu_count()} cores",
        version(peers["uv"], "--version").split("(")[0].strip(),
        version(peers["ruff"], "--version"),
        grimp,
        turbo,
    ]
    return ", ".join(parts) + "\n"


def _prepare(root: Path) -> None:
    """A lock for uv, and one commit, so that a change has something to be compared with."""
    uv = os.environ.get("UV") or "uv"
    subprocess.run([uv, "lock", "-q", "--offline"], cwd=root, check=True, stderr=subprocess.DEVNULL)
    git = ["git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *words], cwd=root, check=True)


def _source_options(root: Path) -> list[str]:
    """Ruff resolves imports between members only when every source folder is named."""
    folders = ",".join(f'"packages/{folder.name}/src"' for folder in sorted((root / "packages").iterdir()))
    (root / "ruff.toml").write_text(f"src = [{folders}]\n")
    return ["--config", str(root / "ruff.toml")]


def _touch(root: Path) -> None:
    """Edit one module, and let its time stamp settle: a file of this very moment is read again by design."""
    file = root / "packages" / "member-3" / "src" / "member_3" / "module_0.py"
    file.write_text(file.read_text() + f"# edited at {time.time_ns()}\n")
    time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
