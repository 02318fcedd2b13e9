"""The sessions of this workspace; `nox -l` lists them. They are made from its members, so none is written here."""

import os

import nox

from partita.sessions import create_sessions

nox.needs_version = ">=2026.8.10"
nox.options.parallel = os.cpu_count()  # most sessions wait for servers and processes: one a core
create_sessions(__file__)
