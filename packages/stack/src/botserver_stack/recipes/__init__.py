"""How each server is found, prepared, started, asked whether it is ready, and ended. One module a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_stack.errors import StackError
from botserver_stack.recipes.base import Launch, Recipe, Run, Site
from botserver_stack.recipes.botserver import BotserverRecipe
from botserver_stack.recipes.postgres import PostgresRecipe
from botserver_stack.recipes.s3 import MinioRecipe, MotoRecipe, SwiftRecipe
from botserver_stack.recipes.valkey import ValkeyRecipe

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RECIPES", "Launch", "Recipe", "Run", "Site", "available_names", "find_recipes"]

#: Every server that a stack can have, in the order in which they are told. Of those of one name the first that is
#: there is taken.
RECIPES: tuple[Recipe, ...] = (
    PostgresRecipe(),
    ValkeyRecipe(),
    MinioRecipe(),
    SwiftRecipe(),
    MotoRecipe(),
    BotserverRecipe(),
)


def find_recipes(names: Iterable[str]) -> tuple[Recipe, ...]:
    """The recipes of these names or choices, in the order above. Raises `StackError` for all that cannot be had."""
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        raise StackError("No server was named.", remedy=_known())
    problems: list[str] = []
    found: list[Recipe] = []
    for name in wanted:
        try:
            found.append(_find_recipe(name))
        except StackError as error:
            problems.append(str(error))
    if problems:
        raise StackError(" ".join(problems))
    return tuple(it for it in RECIPES if it in found)


def available_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of all servers that can be had here, and a sentence for each that cannot."""
    found: list[str] = []
    missing: list[str] = []
    for name in dict.fromkeys(it.name for it in RECIPES):
        try:
            _find_recipe(name)
        except StackError as error:
            missing.append(str(error))
        else:
            found.append(name)
    return tuple(found), tuple(missing)


def _find_recipe(name: str) -> Recipe:
    candidates = [it for it in RECIPES if name in (it.name, it.choice)]
    if not candidates:
        raise StackError(f"There is no server named {name!r}.", remedy=_known())
    missing: StackError | None = None
    for recipe in candidates:
        try:
            recipe.find()
        except StackError as error:
            if missing is None or recipe.recommended:
                missing = error
        else:
            return recipe
    raise missing or StackError(f"{name} cannot be had.")


def _known() -> str:
    return f"There are {', '.join(dict.fromkeys(it.name for it in RECIPES))}."
