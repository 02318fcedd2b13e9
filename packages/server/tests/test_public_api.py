import importlib
import pkgutil
import subprocess
import sys

import pytest

import botserver
import botserver_core
import botstate


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver.__path__, "botserver."):
        importlib.import_module(module.name)


def test_what_is_public_exists_and_is_that_of_the_packages() -> None:
    assert all(hasattr(botserver, name) for name in botserver.__all__)
    assert set(botserver.__all__) <= set(dir(botserver))
    assert botserver.AppState is botstate.AppState
    assert botserver.create_app is botserver_core.create_app
    assert botserver.state is botstate
    assert botserver.core is botserver_core


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    program = "import sys, botserver, botserver.cli as cli; cli.create_parser(); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"botlib", "botstate", "botserver_core", "fastapi", "asyncio"} & set(eval(done.stdout))


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    for name in ("_private", "nonsense"):
        with pytest.raises(AttributeError, match=f"module 'botserver' has no attribute '{name}'"):
            getattr(botserver, name)
