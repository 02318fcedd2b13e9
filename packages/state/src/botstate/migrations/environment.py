"""Alembic, over branches of which some may not be installed. There is no env.py and no alembic.ini."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, String, Table, delete, insert

from botstate.migrations.ledger import HEADS
from botstate.migrations.sources import MigrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from alembic.runtime.migration import RevisionStep
    from sqlalchemy import Connection

    from botstate.migrations.scripts import Scripts
    from botstate.migrations.sources import Source

    Plan = Callable[[tuple[str, ...]], Iterable[RevisionStep]]

_log = logging.getLogger(__name__)
_heads = Table(HEADS, MetaData(), Column("version_num", String(32), primary_key=True))


def apply(connection: Connection, scripts: Scripts, sources: Sequence[Source]) -> tuple[str, ...]:
    """Run what these branches lack, one branch after the other. The revisions, in order."""

    def plan(heads: tuple[str, ...]) -> Iterator[RevisionStep]:
        for source in sources:
            if scripts.chains[source.name]:
                yield from scripts.directory._upgrade_revs(f"{source.branch}@head", heads)  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command does

    return _run(connection, scripts, plan)


def revert(connection: Connection, scripts: Scripts, source: Source, revision: str) -> tuple[str, ...]:
    """Undo the revisions of this branch that came after this one, or all for "base". In the order of undoing."""

    def plan(heads: tuple[str, ...]) -> Iterable[RevisionStep]:
        if not heads:
            return ()
        return scripts.directory._downgrade_revs(f"{source.branch}@{revision}", heads)  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command does

    return _run(connection, scripts, plan)


def attach(connection: Connection, heads: Iterable[str]) -> None:
    """Let Alembic know of branches that it was told to forget."""
    for head in filter(None, heads):
        _heads.create(connection, checkfirst=True)
        connection.execute(delete(_heads).where(_heads.c.version_num == head))
        connection.execute(insert(_heads).values(version_num=head))


def release(connection: Connection, head: str) -> None:
    """Let Alembic forget a branch; its tables stay."""
    _heads.create(connection, checkfirst=True)
    connection.execute(delete(_heads).where(_heads.c.version_num == head))


class _Context(MigrationContext):
    """Sees only the heads of what is installed: Alembic stops at a revision that it cannot find."""

    def get_current_heads(self) -> tuple[str, ...]:
        return tuple(head for head in super().get_current_heads() if head in self.opts["known"])


def _run(connection: Connection, scripts: Scripts, plan: Plan) -> tuple[str, ...]:
    done: list[str] = []

    def steps(heads: tuple[str, ...], _context: MigrationContext) -> Iterator[RevisionStep]:
        for step in plan(heads):
            _log.info("running the migration %s", step.short_log)
            _explain(step)
            yield step
            done.append(step.revision.revision)

    options: dict[str, Any] = {
        "fn": steps,
        "script": scripts.directory,
        "known": scripts.known,
        "version_table": HEADS,
        "transactional_ddl": True,  # true of SQLite as well, when the transaction was begun by hand
    }
    with _quiet():
        context = _Context(connection.dialect, connection, options)
        with Operations.context(context):
            context.run_migrations()
    return tuple(done)


def _explain(step: RevisionStep) -> None:
    """Let its failure name it. What the database said may hold data of users, so it goes to the log only."""
    run = step.migration_fn

    def run_explained() -> None:
        try:
            run()
        except Exception as error:
            revision = step.revision.revision
            _log.exception("the migration %s failed", revision)
            raise MigrationError(
                f"The migration {revision} failed: {type(error).__name__}. Nothing was changed.",
                remedy="The log says more.",
            ) from error

    step.migration_fn = run_explained


@contextmanager
def _quiet() -> Iterator[None]:
    """Alembic tells of each context that it makes; what was run is told here."""
    logger = logging.getLogger("alembic")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
