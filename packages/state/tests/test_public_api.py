import importlib
import pkgutil
import subprocess
import sys

import botstate


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botstate.__path__, "botstate."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert len(set(botstate.__all__)) == len(botstate.__all__)
    assert all(hasattr(botstate, name) for name in botstate.__all__)


def test_nothing_heavy_is_loaded() -> None:
    heavy = {"fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "aiosqlite", "httpx2", "httpcore2"}
    program = f"import sys, botstate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
