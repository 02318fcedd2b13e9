import importlib
import pkgutil

import botserver_core


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver_core.__path__, "botserver_core."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert all(hasattr(botserver_core, name) for name in botserver_core.__all__)
