"""The difference of two JSON documents as a JSON Patch (RFC 6902). Pure."""

from __future__ import annotations

from typing import Any

Operation = dict[str, Any]


def diff(old: Any, new: Any, path: str = "") -> list[Operation]:
    """Operations that make `new` of `old`. Objects are compared key by key, lists and values as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        gone = sorted(old.keys() - new.keys())
        operations: list[Operation] = [{"op": "remove", "path": f"{path}/{_escape(key)}"} for key in gone]
        for key, value in new.items():
            place = f"{path}/{_escape(key)}"
            if key in old:
                operations += diff(old[key], value, place)
            else:
                operations.append({"op": "add", "path": place, "value": value})
        return operations
    return [] if _same(old, new) else [{"op": "replace", "path": path, "value": new}]


def pointer(*keys: str) -> str:
    """The JSON Pointer (RFC 6901) of these keys, outermost first."""
    return "".join(f"/{_escape(key)}" for key in keys)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _same(old: Any, new: Any) -> bool:
    # To Python 1, 1.0 and True are equal; to JSON they are not all.
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(value, new[key]) for key, value in old.items())
    return type(old) is type(new) and bool(old == new)
