"""Throw-away test servers: PostgreSQL, Valkey, S3 and the bot server in one temporary folder.

The names are loaded when they are first used: the keeper imports this package, too, and is to start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botserver_stack.blocking import BlockingStack
    from botserver_stack.errors import StackError
    from botserver_stack.stack import S3Access, TemporaryStack

__all__ = ["BlockingStack", "S3Access", "StackError", "TemporaryStack"]

_MODULES = {"BlockingStack": "blocking", "S3Access": "stack", "StackError": "errors", "TemporaryStack": "stack"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
