import importlib
import pkgutil

import botserver_workflows


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver_workflows.__path__, "botserver_workflows."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert all(hasattr(botserver_workflows, name) for name in botserver_workflows.__all__)
