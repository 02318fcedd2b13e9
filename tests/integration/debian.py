"""Base images made of Debian packages, in a Podman of their own: for machines that reach no registry of images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from composing import ComposeError

from botserver_containers.lab import create_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUITE, _PACKAGES = "bookworm", "python3,postgresql-15"
_LEFT_OUT = ("./var/cache/apt", "./var/lib/apt/lists", "./usr/share/doc")

#: Does with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB what the usual image of PostgreSQL does.
_START = """\
#!/bin/sh
set -eu
bin=/usr/lib/postgresql/15/bin
data=/var/lib/postgresql/data
as="setpriv --reuid=postgres --regid=postgres --init-groups"
if [ ! -d "$data" ]; then
  install --directory --owner=postgres --group=postgres "$data" /run/postgresql
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  chmod 0644 /tmp/password
  $as "$bin/initdb" --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 \\
    --encoding=UTF8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | $as "$bin/postgres" --single -D "$data" postgres
fi
exec $as "$bin/postgres" -D "$data" -c "listen_addresses=*"
"""


@contextmanager
def open_debian() -> Iterator[dict[str, str]]:
    """An environment in which Podman has both images, and nothing that anybody else has."""
    if os.getuid() != 0 or shutil.which("debootstrap") is None:
        raise ComposeError("--debian needs root and debootstrap: apt-get install debootstrap.")
    folder = tempfile.mkdtemp(prefix="lab")
    lab = create_lab(folder, ())
    try:
        root = Path(folder, "debian")
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        start = root / "usr" / "local" / "bin" / "start-postgres"
        start.write_text(_START, encoding="utf-8")
        start.chmod(0o755)
        images = {"BASE_IMAGE": "localhost/debian-python:12", "POSTGRES_IMAGE": "localhost/debian-postgres:15"}
        entries = {"BASE_IMAGE": "python3", "POSTGRES_IMAGE": "start-postgres"}
        for name, reference in images.items():
            pack = ["tar", "--create", *(f"--exclude={it}" for it in _LEFT_OUT), "--directory", str(root), "."]
            with subprocess.Popen(pack, stdout=subprocess.PIPE) as archive:
                change = f"ENTRYPOINT {json.dumps([entries[name]])}"
                take = ["podman", "import", "--quiet", "--change", change, "-", reference]
                subprocess.run(take, env=lab.environment, stdin=archive.stdout, stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(root)
        yield {**lab.environment, **images}
    finally:
        lab.clean()
