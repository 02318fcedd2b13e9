"""A member alone: what it does not declare breaks, with file and line; what it declares is enough."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import pytest

from partita import probe
from partita.errors import PartitaError
from partita.isolation import Outcome, prove, prove_lowest
from partita.lock import Lock, Pin
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from partita.fixtures import MakeTree

BUILD = '\n[build-system]\nrequires = ["uv_build>=0.9"]\nbuild-backend = "uv_build"\n'
PASSING = "def test_nothing() -> None:\n    pass\n"

pytestmark = [pytest.mark.usefixtures("offline"), pytest.mark.slow]


class Isolate:
    """Proves members of a repository that is written from mappings."""

    def __init__(self, make_tree: MakeTree) -> None:
        self.make_tree = make_tree
        self.said: list[str] = []

    def __call__(
        self, files: Mapping[str, str], member: str = "chat", *words: str, lock: Lock | None = None
    ) -> Outcome:
        root = self.make_tree({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n', **files})
        workspace = read_workspace(str(root))
        self.said = []
        return prove(workspace, workspace.member(member), lock, words, say=self.said.append)


@pytest.fixture
def isolate(make_tree: MakeTree) -> Isolate:
    return Isolate(make_tree)


def package(name: str, files: Mapping[str, str] | None = None, *dependencies: str, extra: str = "") -> dict[str, str]:
    """The files of a member in `packages`, with one test that passes unless `files` says otherwise."""
    quoted = ", ".join(f'"{dependency}"' for dependency in dependencies)
    manifest = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{quoted}]\n'
    found = {"pyproject.toml": manifest + extra + BUILD, f"src/{name}/__init__.py": "", "tests/test_it.py": PASSING}
    found |= {path: textwrap.dedent(text) for path, text in (files or {}).items()}
    return {f"packages/{name}/{path}": text for path, text in found.items()}


class Place(NamedTuple):
    """What of a finding tells where and what."""

    code: str
    file: str
    line: int
    subject: str


def places(outcome: Outcome) -> list[Place]:
    return [Place(finding.code, finding.file, finding.line, finding.subject) for finding in outcome.findings]


FLAT = '\n[tool.uv.build-backend]\nmodule-root = ""\n'
LIB = package("lib", {"src/lib/__init__.py": "VALUE = 1\n"})


def test_a_member_with_all_it_declares_stands_alone(isolate: Isolate) -> None:
    chat = package("chat", {"src/chat/rooms.py": "import lib\nimport alpha\n"}, "lib", "alpha")
    outcome = isolate(LIB | chat)
    assert outcome == Outcome("chat", (), (), 0, outcome.test_seconds, outcome.other_seconds)
    assert isolate.said == ["chat with 1 other member: environment made, 2 modules imported"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("\nimport lib\n", id="top-level"),
        pytest.param("def call():\n    from lib import VALUE\n", id="lazy"),
        pytest.param("if True:\n    import lib.deep.below\n", id="conditional"),
    ],
)
def test_one_undeclared_import_of_a_sibling_fails_with_its_line(isolate: Isolate, source: str) -> None:
    outcome = isolate(LIB | package("chat", {"src/chat/rooms.py": source}))
    assert places(outcome) == [("PT611", "packages/chat/src/chat/rooms.py", 2, "chat -> lib")]
    assert outcome.findings[0].remedy == "add lib to the dependencies in packages/chat/pyproject.toml, or do without"
    assert not outcome.passed


def test_what_only_a_test_tool_brings_does_not_hide_an_undeclared_import(isolate: Isolate) -> None:
    outcome = isolate(package("chat", {"src/chat/__init__.py": "import pluggy\n"}))
    assert places(outcome) == [("PT611", "packages/chat/src/chat/__init__.py", 1, "chat -> pluggy")]


def test_imports_that_may_fail_or_never_happen_are_no_misses(isolate: Isolate) -> None:
    source = """\
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        import lib
    try:
        import beta
    except ImportError:
        beta = None
    """
    assert isolate(LIB | package("chat", {"src/chat/__init__.py": source})).passed


def test_an_import_under_a_condition_that_does_not_hold_here_is_no_miss(isolate: Isolate) -> None:
    source = """\
    import sys

    if sys.version_info < (3, 11):
        import tomli

    def lazily():
        if sys.platform == "odd":
            import beta
    """
    assert isolate(package("chat", {"src/chat/__init__.py": source}, "beta ; sys_platform == 'odd'")).passed


def test_files_that_are_not_installed_are_not_asked(isolate: Isolate) -> None:
    flat = package("chat", {"chat/__init__.py": "", "generate.py": "def f():\n    import lib\n"}, extra=FLAT)
    assert isolate(LIB | {path: text for path, text in flat.items() if "/src/" not in path}).passed


def test_parts_of_a_shared_namespace_are_told_apart(isolate: Isolate) -> None:
    shared = '\n[tool.uv.build-backend]\nmodule-name = "shared.{}"\n'
    lib = package("lib", {"src/shared/lib/__init__.py": ""}, extra=shared.format("lib"))
    files = {"src/shared/chat/__init__.py": "def f():\n    from shared.lib import x\n    import shared.chat\n"}
    chat = package("chat", files, extra=shared.format("chat"))
    tree = {
        path: text
        for path, text in (lib | chat).items()
        if not path.endswith(("src/lib/__init__.py", "src/chat/__init__.py"))
    }
    assert places(isolate(tree)) == [("PT611", "packages/chat/src/shared/chat/__init__.py", 2, "chat -> lib")]


def test_what_an_extra_brings_is_declared(isolate: Isolate) -> None:
    extra = '\n[project.optional-dependencies]\nfast = ["beta"]\n'
    chat = package(
        "chat", {"src/chat/fast.py": "import beta\n", "src/chat/lazy.py": "def f():\n    import alpha\n"}, extra=extra
    )
    assert places(isolate(chat)) == [("PT611", "packages/chat/src/chat/lazy.py", 2, "chat -> alpha")]


def test_a_module_that_cannot_be_imported_alone_is_told_with_its_line(isolate: Isolate) -> None:
    files = {
        "src/chat/asks.py": "import os\n\nHOME = os.environ['NOBODY_SETS_THIS']\n",
        "src/chat/leaves.py": "import sys\n\nsys.exit('no')\n",
        "src/chat/newer.py": "x = = 1\n",
        "src/chat/relies.py": "from chat import asks\n",
    }
    assert places(isolate(package("chat", files))) == [
        ("PT612", "packages/chat/src/chat/asks.py", 3, "chat.asks"),
        ("PT612", "packages/chat/src/chat/asks.py", 3, "chat.relies"),
        ("PT612", "packages/chat/src/chat/leaves.py", 3, "chat.leaves"),
        ("PT612", "packages/chat/src/chat/newer.py", 1, "chat.newer"),
    ]


def test_a_module_that_ends_the_process_is_named(isolate: Isolate) -> None:
    with pytest.raises(PartitaError, match=r"^chat: importing chat\.stops ended the process with exit code 3$"):
        isolate(package("chat", {"src/chat/stops.py": "import os\n\nos._exit(3)\n"}))


def test_the_tests_cannot_see_the_source_tree(isolate: Isolate, tmp_path: Path) -> None:
    test = f"""\
    import os
    import subprocess
    import sys

    import chat

    def test_it(pytestconfig):
        assert "site-packages" in chat.__file__
        assert not os.getcwd().startswith({str(tmp_path / "repository")!r})
        assert not [path for path in sys.path if path.startswith({str(tmp_path / "repository")!r})]
        assert pytestconfig.getini("markers") [0] == "odd: set at the root"
        shown = subprocess.run(["python", "-c", "import chat; print(chat.__file__)"], capture_output=True, text=True)
        assert shown.stdout.strip() == chat.__file__
    """
    root = (
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.pytest.ini_options]\nmarkers = ["odd: set at the root"]\n'
    )
    assert isolate({"pyproject.toml": root} | package("chat", {"tests/test_it.py": test})).code == 0


def test_data_from_elsewhere_lies_where_it_lay(isolate: Isolate) -> None:
    extra = '\n[tool.partita]\ntest-data = ["docs/shapes", "LICENSE"]\n'
    test = """\
    from pathlib import Path

    def test_it():
        root = Path(__file__).parents[3]
        assert [(root / name).read_text() for name in ("docs/shapes/a.json", "LICENSE")] == ["{}", "free"]
        assert not (root / "docs/other.md").exists()
    """
    data = {"docs/shapes/a.json": "{}", "docs/other.md": "", "LICENSE": "free"}
    assert isolate(data | package("chat", {"tests/test_it.py": test}, extra=extra)).passed
    with pytest.raises(PartitaError, match=r"\[tool\.partita\] test-data names 'nowhere', which does not exist"):
        isolate(package("chat", extra='\n[tool.partita]\ntest-data = ["nowhere"]\n'))


def test_the_group_of_the_tests_is_installed_with_what_it_includes(isolate: Isolate) -> None:
    extra = '\n[dependency-groups]\ntest = [{ include-group = "more" }, "lib"]\nmore = ["alpha"]\n'
    test = "import alpha\nimport lib\n" + PASSING
    assert isolate(LIB | package("chat", {"tests/test_it.py": test}, extra=extra)).passed


def test_groups_that_include_each_other_in_a_circle_are_told(isolate: Isolate) -> None:
    extra = '\n[dependency-groups]\ntest = [{ include-group = "more" }]\nmore = [{ include-group = "test" }]\n'
    with pytest.raises(PartitaError, match="dependency group 'test' includes itself"):
        isolate(package("chat", extra=extra))


def test_a_declared_dependency_that_nothing_needed_is_remarked(isolate: Isolate) -> None:
    outcome = isolate(LIB | package("chat", None, "lib", "alpha", "missing-on-linux ; sys_platform == 'win32'"))
    assert outcome.passed
    assert [(remark.code, remark.file, remark.line, remark.subject) for remark in outcome.remarks] == [
        ("PT613", "packages/chat/pyproject.toml", 5, "chat -> alpha"),
        ("PT613", "packages/chat/pyproject.toml", 5, "chat -> lib"),
    ]


def test_a_dependency_that_is_only_loaded_while_the_tests_run_is_needed(isolate: Isolate) -> None:
    test = "import importlib\n\ndef test_it():\n    assert importlib.import_module('alpha').VERSION\n"
    assert isolate(package("chat", {"tests/test_it.py": test}, "alpha")).remarks == ()


def test_failing_tests_fail_the_session(isolate: Isolate) -> None:
    outcome = isolate(package("chat", {"tests/test_it.py": "def test_it():\n    assert False\n"}))
    assert (outcome.code, outcome.passed, outcome.findings) == (1, False, ())


def test_words_for_pytest_are_passed_on(isolate: Isolate) -> None:
    test = "def test_good():\n    pass\n\ndef test_bad():\n    assert False\n"
    files = package("chat", {"tests/test_it.py": test})
    assert isolate(files, "chat", "-k", "good").code == 0
    assert isolate(files, "chat", "tests/test_it.py::test_bad").code == 1
    assert isolate(files, "chat", "packages/chat/tests/test_it.py::test_good").code == 0
    assert isolate(files, "chat", "-k", "nothing_of_that_name").code == 0


def test_a_folder_of_tests_without_a_test_fails_and_no_folder_does_not(isolate: Isolate) -> None:
    assert isolate(package("chat", {"tests/test_it.py": ""})).code == 5
    lib = {path: text for path, text in package("lib").items() if "/tests/" not in path}
    assert isolate(lib, "lib").passed
    assert isolate.said[-1] == "packages/lib has no tests"


def test_an_environment_is_kept_until_something_that_went_into_it_changes(isolate: Isolate) -> None:
    chat = package("chat", None, "lib")
    isolate(LIB | chat)
    isolate(LIB | chat | {"packages/chat/tests/test_it.py": PASSING + "\n"})
    assert isolate.said == ["chat with 1 other member: environment kept, 1 modules imported"]
    isolate(LIB | chat | {"packages/lib/src/lib/__init__.py": "VALUE = 2\n"})
    assert isolate.said == ["chat with 1 other member: environment made, 1 modules imported"]


def test_a_lock_decides_which_versions_are_installed(isolate: Isolate) -> None:
    chat = package(
        "chat", {"tests/test_it.py": "import alpha\n\ndef test_it():\n    assert alpha.VERSION == '1.0'\n"}, "alpha"
    )
    assert isolate(chat).code == 1
    assert isolate(chat, lock=Lock("", (), (Pin("alpha", "1.0", needed_by=("chat",)),))).code == 0


def test_dependencies_that_do_not_go_together_are_told_in_the_words_of_uv(isolate: Isolate) -> None:
    with pytest.raises(PartitaError, match="alpha"):
        isolate(package("chat", None, "alpha>=3"))


def test_a_member_is_tested_with_the_lowest_versions_that_it_declares(make_tree: MakeTree) -> None:
    test = "import alpha, beta, pytest\n\ndef test_it():\n    assert (alpha.VERSION, beta.VERSION) == ('1.0', '2.0')\n"
    files = package("chat", {"tests/test_it.py": test}, "alpha>=1", "beta>=2")
    root = make_tree({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n', **files})
    workspace = read_workspace(str(root))
    lock = Lock("", (), (Pin("alpha", "2.0"), Pin("beta", "2.0"), Pin("pytest", pytest.__version__)))
    assert prove_lowest(workspace, workspace.member("chat"), lock) == 0
    assert prove(workspace, workspace.member("chat"), lock).code == 1


FOREIGN_BACKEND = """\
import os, zipfile

METADATA = ["Metadata-Version: 2.1", "Name: Plain", "Version: 1.0", "Requires-Dist: lib", ""]
WHEEL = ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any", ""]

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, folder = "plain-1.0-py3-none-any.whl", "plain-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as archive:
        for path in ("plain/__init__.py", "plain/deep/thing.py"):
            archive.write(path)
        archive.writestr(f"{folder}/METADATA", chr(10).join(METADATA))
        archive.writestr(f"{folder}/WHEEL", chr(10).join(WHEEL))
        archive.writestr(f"{folder}/RECORD", "".join(f"{path},,{chr(10)}" for path in archive.namelist()))
    return name
"""


def test_any_build_backend_and_dependencies_that_it_computes_will_do(isolate: Isolate) -> None:
    manifest = """\
    [project]
    name = "Plain"
    dynamic = ["version", "dependencies"]

    [build-system]
    requires = []
    build-backend = "own"
    backend-path = ["backend"]
    """
    plain = {
        "plain/pyproject.toml": manifest,
        "plain/backend/own.py": FOREIGN_BACKEND,
        "plain/plain/__init__.py": "import lib\n",
        "plain/plain/deep/thing.py": "raise RuntimeError('a folder without __init__ below a package holds data')\n",
        "plain/tests/test_it.py": "import plain\n" + PASSING,
    }
    root = '[tool.uv.workspace]\nmembers = ["packages/*", "plain"]\n'
    outcome = isolate({"pyproject.toml": root} | LIB | plain, "plain")
    assert (outcome.passed, isolate.said) == (True, ["plain with 1 other member: environment made, 1 modules imported"])


def test_names_are_resolvable_down_to_their_first_real_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared/part").mkdir(parents=True)
    (tmp_path / "shared/part/__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    names = ("sys", "os.path", "shared", "shared.part", "shared.part.anything", "shared.other", "nowhere")
    assert [name for name in names if not probe.is_resolvable(name)] == ["shared.other", "nowhere"]
