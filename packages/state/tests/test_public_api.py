import importlib
import pkgutil
import subprocess
import sys

import botstate
import botstate.testing


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botstate.__path__, "botstate."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert len(set(botstate.__all__)) == len(botstate.__all__)
    assert all(hasattr(botstate, name) for name in botstate.__all__)


def test_what_is_public_for_tests_exists_and_every_contract_is() -> None:
    assert all(hasattr(botstate.testing, name) for name in botstate.testing.__all__)
    assert not hasattr(botstate.testing, "nonsense")
    for module in pkgutil.iter_modules(botstate.testing.__path__, "botstate.testing."):
        contracts = {name for name in vars(importlib.import_module(module.name)) if name.endswith("_CONTRACT")}
        assert contracts <= set(botstate.testing.__all__)


def test_nothing_heavy_is_loaded() -> None:
    heavy = {"fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "aiosqlite", "httpx2", "httpcore2"}
    heavy |= {"redis", "obstore", "hvac"}
    program = f"import sys, botstate, botstate.testing; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
