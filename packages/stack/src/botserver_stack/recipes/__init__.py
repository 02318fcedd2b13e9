"""How each server is found, prepared, started, asked whether it is ready, and ended. One module a server."""

from __future__ import annotations

from botserver_stack.recipes.base import Launch, Recipe, Run, Site
from botserver_stack.recipes.postgres import PostgresRecipe
from botserver_stack.recipes.valkey import ValkeyRecipe

__all__ = ["RECIPES", "Launch", "Recipe", "Run", "Site"]

#: Every server that a stack can have, in the order in which they are told.
RECIPES: tuple[Recipe, ...] = (PostgresRecipe(), ValkeyRecipe())
