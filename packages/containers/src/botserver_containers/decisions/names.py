"""Names of apps: what may be one, and how two of them are compared."""

from __future__ import annotations

import re

#: Containers of one node may carry this prefix; tables of names are written without it.
PREFIX = "archy-"
#: What may be the id of an app. It becomes the name of a container, a folder and a word of a command line.
PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,61}[a-z0-9])?")

RULE = "Use up to 63 small letters, digits, dashes, dots and underscores, with a letter or digit at both ends."


def is_name(text: object) -> bool:
    """Whether this may be the id of an app. Two dots in a row are refused too: no part of a path looks like that."""
    return isinstance(text, str) and PATTERN.fullmatch(text) is not None and ".." not in text


def bare(name: str) -> str:
    """The name without the prefix of the node."""
    return name.removeprefix(PREFIX)


def is_database(name: str) -> bool:
    """Whether this is a database by its name: known engines, and whatever ends in -db or _db."""
    words = re.split(r"[-_.]", bare(name))
    return words[-1] in _ENGINES or (len(words) > 1 and words[-1] == "db")


_ENGINES = frozenset(["mariadb", "mysql", "postgres", "postgresql", "redis", "valkey"])
