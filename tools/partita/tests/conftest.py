"""What every test of Partita shares."""

import os

from hypothesis import settings

from partita.fixtures import make_tree, own_caches, partita, plain_git
from partita.wheelhouse import offline, wheels

__all__ = ["make_tree", "offline", "own_caches", "partita", "plain_git", "wheels"]

# Machines are slow at times; and CI repeats what it ran, while a person's runs go on looking for new examples.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
