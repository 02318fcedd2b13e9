import importlib
import pkgutil
import subprocess
import sys

import botlib


def test_every_module_can_be_imported() -> None:
    for module in pkgutil.walk_packages(botlib.__path__, "botlib."):
        importlib.import_module(module.name)


def test_what_is_public_exists_and_is_sorted() -> None:
    assert sorted(botlib.__all__) == botlib.__all__
    assert all(hasattr(botlib, name) for name in botlib.__all__)


def test_only_the_standard_library_is_loaded() -> None:
    program = (
        "import sys; before = set(sys.modules); import botlib, pkgutil, importlib\n"
        "for m in pkgutil.walk_packages(botlib.__path__, 'botlib.'): importlib.import_module(m.name)\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'botlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
