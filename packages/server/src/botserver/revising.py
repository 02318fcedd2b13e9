"""Writes the next revision of a service: what its tables are now, against what its revisions make of them.

The revisions are run on a new database that is thrown away, so nobody's own database has a part in it.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from botlib import InvalidError, NotFoundError
from botstate import DatabaseSettings, migrations
from botstate.migrations.sources import branch_name, find_folder, find_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import MetaData

    from botstate import Service

_FILE = '''"""{message}."""
{imports}
revision = "{revision}"
down_revision = {down}
branch_labels = {labels}
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''


#: Name -> what imports it, in the order of a file.
_IMPORTS = (
    ("sa", "import sqlalchemy as sa"),
    ("op", "from alembic import op"),
    ("postgresql", "from sqlalchemy.dialects import postgresql"),
    ("sqlite", "from sqlalchemy.dialects import sqlite"),
)


class Written(NamedTuple):
    """The file that was written, and whether there is anything in it."""

    path: Path
    empty: bool


async def write_revision(services: Iterable[Service], name: str, message: str) -> Written:
    """The next revision of this service, beside those it has. `InvalidError` where none can be written."""
    service = next((it for it in services if it.name == name), None)
    if service is None:
        raise NotFoundError(f"No service named {name} is installed.", remedy="`botserver services` lists them.")
    if service.migrations is None:
        raise InvalidError(
            f"The manifest of {name} has no migrations.",
            remedy=f'Add migrations=Migrations("botserver_{branch_name(name)}", tables=…) to it.',
        )
    _prepare(find_folder(service.migrations.package))
    (source,) = find_sources([service])
    (chain,) = _chains([service])
    bodies = await _compare(service, service.migrations.tables() if service.migrations.tables else None)
    revision = f"{source.branch}_{len(chain) + 1:04d}"
    path = source.folder / f"{revision}_{_slug(message)}.py"
    path.write_text(_render(revision, chain, source.branch, message, bodies))
    return Written(path, bodies == _NOTHING)


_NOTHING = ("pass", "pass")


def _prepare(folder: Path) -> None:
    if "site-packages" in folder.parts or not os.access(folder.parent, os.W_OK):
        raise InvalidError(
            f"{folder} belongs to an installed package.", remedy="Run this where its sources are: `uv run botserver …`."
        )
    if not folder.exists():
        folder.mkdir()
        (folder / "__init__.py").write_text('"""The revisions of the tables, one file each."""\n')


def _chains(services: Sequence[Service]) -> list[tuple[str, ...]]:
    from botstate.migrations.scripts import Scripts

    sources = find_sources(services)
    return [Scripts(sources).chains[source.name] for source in sources]


async def _compare(service: Service, tables: MetaData | None) -> tuple[str, str]:
    """The Python of upgrade and downgrade."""
    if tables is None:
        return _NOTHING
    with tempfile.TemporaryDirectory() as folder:
        database = DatabaseSettings(file=Path(folder, "compared.sqlite3"))
        await migrations.upgrade(database, [service])
        return _differences(database.file, tables, branch_name(service.name))


def _differences(file: Path, tables: MetaData, branch: str) -> tuple[str, str]:
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext
    from sqlalchemy import URL, create_engine

    def concerns_us(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in tables.tables or str(name).startswith(f"{branch}_")

    engine = create_engine(URL.create("sqlite", database=str(file)))
    try:
        with engine.connect() as connection:
            options = {
                "include_name": concerns_us,
                "compare_type": True,
                "render_as_batch": True,
                "render_item": _render_own_type,
            }
            context = MigrationContext.configure(connection, opts=options)
            script = produce_migrations(context, tables)
            up, down = (
                _body(render_python_code(it, render_as_batch=True, render_item=_render_own_type))
                for it in (script.upgrade_ops, script.downgrade_ops)
                if it is not None
            )
            return up, down
    finally:
        engine.dispose()


def _render_own_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A type of our own by what it is in the database: a revision stays what it is when the code changes."""
    from sqlalchemy import TypeDecorator

    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


def _body(code: str) -> str:
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("# ###") and line.strip()]
    # Alembic indents all but the first line, and takes names for imported that it does not import.
    body = "\n".join(line.removeprefix("    ") for line in lines).replace("astext_type=Text()", "astext_type=sa.Text()")
    return _in_double_quotes(body) or "pass"


def _in_double_quotes(code: str) -> str:
    """The same code with text as this repository writes it, except where that has double quotes in it."""
    import io
    import tokenize

    tokens = [
        token._replace(string=f'"{token.string[1:-1]}"')
        if token.type == tokenize.STRING and token.string[0] == "'" and '"' not in token.string
        else token
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
    ]
    return tokenize.untokenize(tokens)


def _render(revision: str, chain: Sequence[str], branch: str, message: str, bodies: tuple[str, str]) -> str:
    code = "\n".join(bodies)
    imports = [line for name, line in _IMPORTS if re.search(rf"\b{name}\.", code)]
    upgrade, downgrade = ("\n".join(f"    {line}" for line in body.splitlines()) for body in bodies)
    return _FILE.format(
        message=message.strip().rstrip(".").replace('"', "'"),
        imports="".join(f"\n{line}" for line in imports) + ("\n" if imports else ""),
        revision=revision,
        down=f'"{chain[-1]}"' if chain else "None",
        labels="None" if chain else f'("{branch}",)',
        upgrade=upgrade,
        downgrade=downgrade,
    )


def _slug(message: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", message.lower()))[:40].strip("_") or "change"
