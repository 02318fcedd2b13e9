import importlib
import pkgutil

import botserver_meetings


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver_meetings.__path__, "botserver_meetings."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert all(hasattr(botserver_meetings, name) for name in botserver_meetings.__all__)
