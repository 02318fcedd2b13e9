import importlib
import pkgutil

import botserver_containers


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver_containers.__path__, "botserver_containers."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert all(hasattr(botserver_containers, name) for name in botserver_containers.__all__)
