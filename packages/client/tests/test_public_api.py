"""What the package offers: both faces the same, nothing of a server, and a light start."""

import inspect
import subprocess
import sys

import pytest

import botserver_client
from botserver_client import OrchestrationClient, SyncOrchestrationClient, SyncWorkerClient, WorkerClient


def test_what_is_public_exists_and_is_sorted() -> None:
    assert sorted(botserver_client.__all__) == botserver_client.__all__
    assert all(hasattr(botserver_client, name) for name in botserver_client.__all__)


def public(kind: type) -> dict[str, inspect.Signature]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(it) for name, it in methods if not name.startswith("_")}


@pytest.mark.parametrize(
    ("one", "other"), [(OrchestrationClient, SyncOrchestrationClient), (WorkerClient, SyncWorkerClient)]
)
def test_both_faces_have_the_same_methods_with_the_same_arguments(one: type, other: type) -> None:
    assert public(one) == public(other)


def test_no_server_package_is_loaded() -> None:
    program = (
        "import sys, pkgutil, importlib, botserver_client\n"
        "modules = pkgutil.walk_packages(botserver_client.__path__, 'botserver_client.')\n"
        "for it in modules: importlib.import_module(it.name)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(it for it in loaded if it.startswith(('bot', 'fastapi', 'starlette', 'sqlalchemy'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['botlib', 'botserver_client']\n"


def test_help_loads_no_client() -> None:
    program = (
        "import sys; from botserver_client.cli import create_parser; create_parser().format_help()\n"
        "print(sorted({'httpx2', 'msgspec', 'yaml', 'shtab'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
