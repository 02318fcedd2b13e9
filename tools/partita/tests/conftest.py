"""The fixtures that every test of Partita shares."""

from partita.fixtures import make_tree, own_caches, partita

__all__ = ["make_tree", "own_caches", "partita"]
