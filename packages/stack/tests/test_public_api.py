import importlib
import pkgutil
import subprocess
import sys

import botserver_stack


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botserver_stack.__path__, "botserver_stack."):
        importlib.import_module(module.name)


def test_what_is_public_exists() -> None:
    assert sorted(botserver_stack.__all__) == botserver_stack.__all__
    assert all(hasattr(botserver_stack, name) for name in botserver_stack.__all__)


def test_the_keeper_needs_no_other_package() -> None:
    program = (
        "import sys; sys.path.append(sys.argv[1]); import botserver_stack.keeper;"
        "print(sorted({'asyncio', 'subprocess', 'botlib', 'shutil', 're'} & set(sys.modules)))"
    )
    folder = str(botserver_stack.__path__[0]).rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['re']\n"
