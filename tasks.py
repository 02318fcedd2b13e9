"""The commands of this repository as Invoke tasks: `invoke --list`."""

from partita.tasks import namespace

__all__ = ["namespace"]
