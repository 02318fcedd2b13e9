"""Synthetic workspaces: layered, seeded, with every kind of import, and cycles where asked for."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = """\
[project]
name = "synthetic"
version = "0"
requires-python = ">=3.11"

[tool.uv]
package = false

[tool.uv.workspace]
members = ["packages/*"]
"""

_HEADER = '''\
"""A module."""
from __future__ import annotations
import os
from typing import TYPE_CHECKING
'''

_FUNCTION = '''\
def compute_{number}(values: list[int], factor: int = {number}) -> int:
    """Multiply what is positive.

    The import of nothing in this docstring must not count:
    import json
    """
    total = 0
    for value in values:
        if value > 0:
            total += value * factor  # not an import either
    return total


'''


def create_workspace(root: Path, members: int, modules: int = 10, *, cycles: bool = False, functions: int = 6) -> None:
    """Write a uv workspace of `members` packages of `modules` modules each below `root`.

    Member i depends on up to three lower ones, so the graph is layered; with `cycles` some members depend back on a
    higher one. The same arguments always give the same files. Every member also has a package.json, so that tools
    for JavaScript workspaces can answer the same questions.
    """
    chance = random.Random(20261121)
    dependencies = {number: _choose(number, chance) for number in range(members)}
    if cycles:
        for number in range(0, members - 1, 10):
            dependencies[number].append(min(members - 1, number + 3))
    (root / "packages").mkdir(parents=True)
    (root / "pyproject.toml").write_text(_ROOT)
    (root / "package.json").write_text(
        '{"name": "synthetic", "private": true, "packageManager": "npm@10.0.0", "workspaces": ["packages/*"]}\n'
    )
    (root / "turbo.json").write_text('{"tasks": {"build": {"dependsOn": ["^build"]}}}\n')
    for number, lower in dependencies.items():
        _write_member(root / "packages" / f"member-{number}", number, lower, modules, functions, chance)


def _choose(number: int, chance: random.Random) -> list[int]:
    return sorted(chance.sample(range(number), min(number, chance.randint(1, 4))))


def _write_member(
    folder: Path, number: int, lower: list[int], modules: int, functions: int, chance: random.Random
) -> None:
    package = folder / "src" / f"member_{number}"
    package.mkdir(parents=True)
    names = [f"member-{other}" for other in lower]
    listed = "".join(f'  "{name}>=0.1",\n' for name in names)
    sources = "".join(f"{name} = {{ workspace = true }}\n" for name in names)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "member-{number}"\nversion = "0.1.0"\ndescription = "Synthetic."\n'
        f'requires-python = ">=3.11"\ndependencies = [\n{listed}]\n\n[tool.uv.sources]\n{sources}\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    )
    package_json = {
        "name": f"member-{number}",
        "version": "0.1.0",
        "scripts": {"build": "true"},
        "dependencies": dict.fromkeys(names, "*"),
    }
    (folder / "package.json").write_text(json.dumps(package_json) + "\n")
    (package / "__init__.py").write_text(f'"""Member {number}."""\n')
    for module in range(modules - 1):
        (package / f"module_{module}.py").write_text(_module(number, module, lower, modules, functions, chance))


def _module(number: int, module: int, lower: list[int], modules: int, functions: int, chance: random.Random) -> str:
    def target() -> str:
        other = chance.choice(lower)
        return f"member_{other}.module_{chance.randrange(modules - 1)}"

    lines = [_HEADER]
    if module:
        lines.append(f"from . import module_{chance.randrange(module)}\n")
        sibling = f"member_{number}.module_{chance.randrange(module)}"
        lines.append(f"from {sibling} import (\n    compute_0,\n    compute_1,\n)\n")
    if lower:
        lines.append(f"import {target()}\n")
        lines.append(f"from {target()} import compute_0 as other\n")
        lines.append(f"if TYPE_CHECKING:\n    from {target()} import compute_1 as typed\n")
    lines.append("\n\n")
    lines += [_FUNCTION.format(number=index) for index in range(functions)]
    if lower:
        lines.append(f"def late() -> object:\n    from {target()} import compute_0\n\n    return compute_0, os.sep\n")
    return "".join(lines)
