"""The fixtures that every test of Partita shares."""

from partita.fixtures import make_tree, own_caches, partita
from partita.wheelhouse import offline, wheels

__all__ = ["make_tree", "offline", "own_caches", "partita", "wheels"]
