"""Migrations: the tables of all services in one database, one branch of revisions a service.

Importing it loads neither Alembic nor SQLAlchemy.
"""

from botstate.migrations.running import detach, downgrade, status, upgrade
from botstate.migrations.sources import MigrationError, Migrations
from botstate.migrations.standing import Branch, BranchState

__all__ = [
    "Branch",
    "BranchState",
    "MigrationError",
    "Migrations",
    "detach",
    "downgrade",
    "status",
    "upgrade",
]
