"""The bot platform in one package.

`botserver.AppState`, `botserver.create_app` and the like are those of the packages below; `botserver.state` and
`botserver.core` are these packages, and `botserver.mail` is the service `mail` when it is installed. Everything is
imported when it is first asked for, and nothing before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import botlib as lib
    import botserver_core as core
    import botstate as state
    from botserver_core import create_app, serve
    from botstate import AppState, Capability, Provider, Service, compose, foundation, given

#: Name -> the package that has it.
_NAMES = {
    "AppState": "botstate",
    "Capability": "botstate",
    "Provider": "botstate",
    "Service": "botstate",
    "compose": "botstate",
    "create_app": "botserver_core",
    "foundation": "botstate",
    "given": "botstate",
    "serve": "botserver_core",
}
#: Name -> the package that it is. Services are not listed: they are found by their extra.
_PACKAGES = {"core": "botserver_core", "lib": "botlib", "state": "botstate"}

__all__ = [
    "AppState",
    "Capability",
    "Provider",
    "Service",
    "compose",
    "core",
    "create_app",
    "foundation",
    "given",
    "lib",
    "serve",
    "state",
]

if TYPE_CHECKING:  # what an extra brings: its short name is there when it is installed
    import botserver_client as client
    import botserver_containers as containers
    import botserver_meetings as meetings
    import botserver_stack as stack
    import botserver_workflows as workflows

    __all__ += ["client", "containers", "meetings", "stack", "workflows"]

if not TYPE_CHECKING:  # a type checker knows the names above, and tells those that are misspelt

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        if name in _PACKAGES:
            return import_module(_PACKAGES[name])
        if name.startswith("_"):
            raise AttributeError(f"module 'botserver' has no attribute {name!r}", name=name)
        from botserver.extras import import_service_package

        return import_service_package(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
