"""Runs inside an isolated environment and reports what happened there. Needs nothing but the standard library.

``python -I probe.py TASK REQUEST REPLY``: both are files with JSON. The reply is written even when something fails;
where it is missing, the last line of the file ``REPLY.progress`` says what was under way.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import sysconfig
import time
import traceback
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Values = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Carry out one task. The exit code is that of the tests, else 0."""
    task, request_path, reply_path = arguments
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    os.chdir(request["folder"])
    reply = _TASKS[task](request, f"{reply_path}.progress")
    with open(reply_path, "w", encoding="utf-8") as file:
        json.dump(reply, file)
    return int(reply.get("code", 0))


def examine(request: Values, progress: str) -> Values:
    """Import every module of a distribution, and tell which of these import names lead nowhere."""
    unresolved = [name for name in request["names"] if not is_resolvable(name)]
    modules = sorted(set(list_modules(request["distribution"])))
    failures = []
    for module in modules:
        with open(progress, "a", encoding="utf-8") as file:
            file.write(f"{module}\n")
        failure = _import(module)
        if failure:
            failures.append(failure)
    files = sorted(
        file.as_posix() for file in distribution(request["distribution"]).files or [] if file.suffix == ".py"
    )
    return {
        "modules": modules,
        "files": files,
        "failures": failures,
        "unresolved": unresolved,
        "loaded": loaded_modules(),
    }


def run_tests(request: Values, progress: str) -> Values:  # noqa: ARG001 - every task is called alike
    """Run pytest in this process."""
    import pytest

    code = int(pytest.main(request["arguments"]))
    return {"code": code, "loaded": loaded_modules()}


def weigh(request: Values, progress: str) -> Values:  # noqa: ARG001 - every task is called alike
    """Import every module of some distributions in a fresh process: seconds, and resident bytes added.

    One that cannot be imported is left out: it may need an extra.
    """
    modules = [module for name in request["distributions"] for module in sorted(set(list_modules(name)))]
    before, started = resident_bytes(), time.perf_counter()
    for module in modules:
        _import(module)
    return {"seconds": time.perf_counter() - started, "bytes": resident_bytes() - before}


def list_modules(name: str) -> Iterator[str]:
    """The modules that an installed distribution brings.

    A folder without an `__init__` belongs to a namespace as long as no package stands above it; below one it holds
    data, whatever it is named. `__main__` is a program: importing it would run it.
    """
    files = [file.parts for file in distribution(name).files or [] if file.suffix in (".py", ".so", ".pyd")]
    packages = {parts[:-1] for parts in files if parts[-1].partition(".")[0] == "__init__"}
    for parts in files:
        stem = parts[-1].partition(".")[0]
        names = [*parts[:-1], *([] if stem == "__init__" else [stem])]
        folders = [parts[:end] for end in range(1, len(parts))]
        first = next((place for place, folder in enumerate(folders) if folder in packages), len(folders))
        whole = all(folder in packages for folder in folders[first:])
        if names and whole and stem != "__main__" and all(part.isidentifier() for part in names):
            yield ".".join(names)


def is_resolvable(name: str) -> bool:
    """Whether an import of this dotted name can succeed: its first real package exists. That one is not imported."""
    parts = name.removesuffix(".*").split(".")
    for end in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except ValueError:  # a module that is loaded, but did not come from a file: `__main__`
            return True
        if spec is None:
            return False
        if spec.origin is not None or spec.submodule_search_locations is None:
            return True
    return True


def loaded_modules() -> list[str]:
    """Names of all modules that came from what is installed here."""
    prefixes = tuple(os.path.join(sysconfig.get_path(kind), "") for kind in ("purelib", "platlib"))
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    return sorted(name for name, file in files.items() if isinstance(file, str) and file.startswith(prefixes))


def resident_bytes() -> int:
    """Memory of this process that lies in RAM; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _import(module: str) -> Values | None:
    """What went wrong, or None. Whatever a module does on import counts, leaving the program included."""
    try:
        importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit included
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            places.append((error.filename or "", error.lineno or 0))
        told = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        return {"module": module, "error": told, "missing": missing, "places": places}
    return None


_TASKS: dict[str, Callable[[Values, str], Values]] = {"examine": examine, "tests": run_tests, "weigh": weigh}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
