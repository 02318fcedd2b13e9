"""Runs proofs: `python -m botserver_workflows.proofs simulation --count 10000`. Exit code 1: a promise was broken."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botserver_workflows.proofs.field import Report

#: Each proof: how many of what it does as a whole, and what it is.
PROOFS = {
    "simulation": (10_000, "W10: seeds of the simulation in virtual time"),
    "graphs": (5_000, "W9: random workflows against a plain evaluator"),
    "kills": (500, "W1: kill -9 of workers that hold steps; ten times as many tasks"),
    "freezes": (500, "W4: workers stopped past their lease, which go on then"),
    "poison": (50, "W7: steps that kill their process"),
    "restarts": (100, "W14: workers that are told to stop under load"),
    "orchestrators": (200, "W3: kill -9 of orchestrators that sweep, and of workers"),
    "stalls": (2_000, "W5: long steps in workers that are stalled for less than their lease"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one proof, print what it found and how often what happened."""
    parser = argparse.ArgumentParser(prog="python -m botserver_workflows.proofs", description=__doc__)
    choices = [f"{name} ({count})  {summary}" for name, (count, summary) in PROOFS.items()]
    parser.add_argument("proof", choices=tuple(PROOFS), help="one of: " + "; ".join(choices))
    parser.add_argument("--count", type=int, help="how many (default: the whole proof)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; one that fails is run again by --count 1")
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database (default: SQLite)")
    parser.add_argument("--engine", choices=("local", "dbos"), default="local", help="of kills; dbos needs --database")
    options = parser.parse_args(arguments)
    if options.engine != "local" and (options.proof != "kills" or not options.database):
        parser.error("--engine dbos is for kills with a --database")
    count = options.count or PROOFS[options.proof][0]
    began = time.monotonic()
    with TemporaryDirectory(prefix="proof") as folder:
        violations, figures = _run(options.proof, count, options.seed, Path(folder), options.database, options.engine)
    told = ", ".join(f"{number} {name}" for name, number in figures.items())
    print(f"{options.proof}: {count} in {time.monotonic() - began:.0f} s; {told}")
    print("\n".join(violations) or "no promise was broken")
    return 1 if violations else 0


def _run(
    proof: str, count: int, seed: int, folder: Path, database: str, engine: str
) -> tuple[list[str], Mapping[str, int]]:
    seeds = range(seed, seed + count)
    if proof == "simulation":
        return _simulate(seeds)
    if proof == "graphs":
        from botserver_workflows.proofs.evaluating import compare_graphs

        return compare_graphs(seeds), {}
    from botserver_workflows.proofs import orchestrators, processes, stalls

    run: dict[str, Callable[[], Report]] = {
        "kills": lambda: processes.kill_workers(
            folder, kills=count, runs=count * 10, database=database, seed=seed, engine=engine
        ),
        "freezes": lambda: processes.freeze_workers(folder, stops=count, database=database, seed=seed),
        "poison": lambda: processes.poison_workers(folder, poisons=count, database=database),
        "restarts": lambda: processes.restart_workers(folder, restarts=count, runs=50, database=database, seed=seed),
        "orchestrators": lambda: orchestrators.kill_orchestrators(
            folder, kills=count, runs=50, database=database, seed=seed
        ),
        "stalls": lambda: stalls.stall_workers(folder, count=count, database=database, seed=seed),
    }
    return run[proof]()


def _simulate(seeds: range) -> tuple[list[str], Counter[str]]:
    from botserver_workflows.proofs.simulation import simulate

    violations: list[str] = []
    figures: Counter[str] = Counter()
    for seed in seeds:
        report = simulate(seed)
        violations += [f"seed {seed}: {it}" for it in report.violations]
        figures.update(report.faults)
    return violations, figures


if __name__ == "__main__":
    sys.exit(main())
