from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from partita.cli import main
from partita.drift import find_drift
from partita.testing import KILLED, TORN, break_every_call, take_snapshot, undo_interrupted
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from partita.fixtures import MakeTree, RunPartita

MANIFEST = '[project]\nname = "{{ distribution }}"\nversion = "1"\ndescription = "A service."\ndependencies = []\n'
ROUTER = '"""Routes of {{ name }}."""\n\nroutes = []\n\nlimit = 10\n'
TREE = {
    "pyproject.toml": "[project]\nname = 'root'\nversion = '1'\n[tool.uv.workspace]\nmembers = ['packages/*']\n",
    "workspace.toml": "[scaffold]\ntemplates = 'templates'\n",
    "templates/service/pyproject.toml.template": MANIFEST,
    "templates/service/template.toml": "kept = ['src/*/py.typed']\n",
    "templates/service/src/{{ import }}/router.py.template": ROUTER,
    "templates/service/src/{{ import }}/py.typed": "",
}
MAIL, WEB = "packages/mail/src/mail/router.py", "packages/web/src/web/router.py"
TEMPLATE = "templates/service/src/{{ import }}/router.py.template"


NEEDS = "needs kind, name, import and version, as `partita scaffold` writes them"


@pytest.fixture
def root(make_tree: MakeTree, partita: RunPartita) -> Path:
    made = make_tree(TREE)
    for name in ("mail", "web"):
        assert partita("scaffold", name, "--root", made).code == 0
    return made


def edit(root: Path, path: str, change: Callable[[str], str]) -> None:
    file = root / path
    file.write_bytes(change(file.read_bytes().decode()).encode())


def read(root: Path, path: str) -> str:
    return (root / path).read_bytes().decode()


def versions(root: Path) -> list[str]:
    return sorted(os.listdir(root / "templates/.versions"))


def drift(root: Path, *names: str) -> list[tuple[str, str, int]]:
    return [
        (finding.code, finding.file, finding.line) for finding in find_drift(read_workspace(os.fspath(root)), names)
    ]


# What is drift, and what is not.


def test_work_of_a_member_on_its_own_files_is_no_drift(root: Path, partita: RunPartita) -> None:
    edit(root, MAIL, lambda text: text + "more = 1\n")
    ran = partita("scaffold", "--check", "--root", root)
    assert (ran.code, ran.out) == (0, "no member has drifted from its template\n")


def test_a_template_that_has_changed_leaves_its_members_behind(root: Path, partita: RunPartita) -> None:
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    assert drift(root) == [
        ("PT509", "packages/mail/pyproject.toml", 8),
        ("PT509", "packages/web/pyproject.toml", 8),
    ]
    ran = partita("scaffold", "--check", "mail", "--root", root)
    now = find_drift(read_workspace(os.fspath(root)))[0].message.split()[-1]
    then = versions(root)[0].removeprefix("service-").removesuffix(".json")
    told = f"PT509 mail was made from version {then} of templates/service, which is now {now}"
    remedy = "run `partita scaffold --update mail`"
    assert (ran.code, ran.out) == (1, f"packages/mail/pyproject.toml:8: {told}\n    {remedy}\n1 finding\n")


def test_a_file_that_the_template_wants_kept_is_kept(root: Path, partita: RunPartita) -> None:
    (root / "packages/mail/src/mail/py.typed").unlink()
    edit(root, "packages/web/src/web/py.typed", lambda _: "partial\n")
    assert drift(root) == [
        ("PT510", "packages/mail/src/mail/py.typed", 0),
        ("PT510", "packages/web/src/web/py.typed", 0),
    ]
    assert partita("scaffold", "--update", "--root", root).code == 0
    assert drift(root) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('kind = "service"', 'kind = "worker"'), "there is no template 'worker'; there are library, service"),
        (
            ('kind = "service"\n', ""),
            f"packages/mail/pyproject.toml: [tool.partita.template] {NEEDS}",
        ),
    ],
)
def test_an_origin_that_leads_nowhere_is_a_finding(root: Path, change: tuple[str, str], message: str) -> None:
    edit(root, "packages/mail/pyproject.toml", lambda text: text.replace(*change))
    (finding,) = find_drift(read_workspace(os.fspath(root)))
    assert (finding.code, finding.line, finding.message) == ("PT511", 8, message)


def test_members_made_by_hand_have_no_drift(make_tree: MakeTree) -> None:
    root = make_tree({"a/pyproject.toml": "[project]\nname = 'a'\n[tool.partita]\nother = 1\n"})
    assert drift(root) == []


def test_findings_are_told_as_json(root: Path, partita: RunPartita) -> None:
    path = "packages/mail/src/mail/py.typed"
    (root / path).unlink()
    ran = partita("scaffold", "--check", "--json", "--root", root)
    assert (ran.code, json.loads(ran.out)) == (
        1,
        {
            "schema": 1,
            "findings": [
                {
                    "code": "PT510",
                    "file": path,
                    "line": 0,
                    "message": f"{path} is not as templates/service makes it, which wants it kept",
                    "remedy": "run `partita scaffold --update mail`",
                    "subject": path,
                }
            ],
        },
    )


def test_an_unknown_member_is_told(root: Path, partita: RunPartita) -> None:
    ran = partita("scaffold", "--check", "post", "--root", root)
    assert (ran.code, ran.err) == (2, "partita: post: no member of this workspace\n")


# Bringing a change in.


def test_an_update_keeps_what_the_member_did_and_brings_what_the_template_did(root: Path, partita: RunPartita) -> None:
    edit(root, MAIL, lambda text: text.replace("routes = []", "routes = [1, 2]"))
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    edit(root, "templates/service/pyproject.toml.template", lambda text: text.replace("A service", "The best service"))
    before = versions(root)
    ran = partita("scaffold", "--update", "--root", root)
    after = versions(root)
    assert (ran.code, ran.out) == (
        0,
        "changed packages/mail/pyproject.toml\n"
        f"changed {MAIL}\n"
        "changed packages/web/pyproject.toml\n"
        f"changed {WEB}\n"
        + "".join(
            sorted(
                [f"removed templates/.versions/{before[0]}\n", f"created templates/.versions/{after[0]}\n"],
                key=lambda line: line.split()[1],
            )
        )
        + "every member is up to date with its template\n",
    )
    assert read(root, MAIL) == '"""Routes of mail."""\n\nroutes = [1, 2]\n\nlimit = 20\n'
    assert read(root, WEB) == '"""Routes of web."""\n\nroutes = []\n\nlimit = 20\n'
    assert "The best service" in read(root, "packages/mail/pyproject.toml")
    assert drift(root) == []


def test_an_update_of_one_member_leaves_the_others_and_their_version(root: Path, partita: RunPartita) -> None:
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    assert partita("scaffold", "--update", "mail", "--root", root).code == 0
    assert (len(versions(root)), drift(root)) == (2, [("PT509", "packages/web/pyproject.toml", 8)])
    edit(root, TEMPLATE, lambda text: text.replace("20", "30"))
    assert partita("scaffold", "--update", "--root", root).code == 0
    assert (len(versions(root)), drift(root)) == (1, [])
    assert read(root, WEB).endswith("limit = 30\n")


def test_a_second_update_changes_nothing(root: Path, partita: RunPartita) -> None:
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    partita("scaffold", "--update", "--root", root)
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "--update", "--root", root)
    assert (ran.code, ran.out) == (0, "every member is up to date with its template\n")
    assert take_snapshot(os.fspath(root)) == before


def test_files_that_come_and_go_in_the_template_come_and_go_in_members(root: Path, partita: RunPartita) -> None:
    (root / TEMPLATE).rename(root / "templates/service/src/{{ import }}/routes.py.template")
    edit(root, MAIL, lambda text: text + "mine = 1\n")
    ran = partita("scaffold", "--update", "--root", root)
    conflict = f"{MAIL}: PT512 templates/service"
    assert (ran.code, conflict in ran.out, "removes this file, which mail has changed" in ran.out) == (1, True, True)
    assert read(root, MAIL).endswith("mine = 1\n")
    assert not (root / WEB).exists()
    assert read(root, "packages/web/src/web/routes.py") == ROUTER.replace("{{ name }}", "web")


def test_a_file_that_a_member_removed_stays_removed(root: Path, partita: RunPartita) -> None:
    (root / MAIL).unlink()
    edit(root, "templates/service/pyproject.toml.template", lambda text: text.replace("A service", "The best service"))
    assert partita("scaffold", "--update", "--root", root).code == 0
    assert not (root / MAIL).exists()


def test_a_conflict_shows_both_sides_and_waits_for_a_person(root: Path, partita: RunPartita) -> None:
    edit(root, MAIL, lambda text: text.replace("10", "15"))
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    then = versions(root)[0].removeprefix("service-").removesuffix(".json")
    ran = partita("scaffold", "--update", "--root", root)
    now = versions(root)[0].removeprefix("service-").removesuffix(".json")
    assert ran.code == 1
    assert ran.out.endswith(
        f"{MAIL}:5: PT512 templates/service {now} and mail change the same lines\n"
        "    decide which of the two is right, and remove the markers\n1 finding\n"
    )
    assert read(root, MAIL) == (
        '"""Routes of mail."""\n\nroutes = []\n\n'
        f"<<<<<<< mail\nlimit = 15\n||||||| templates/service {then}\nlimit = 10\n"
        f"=======\nlimit = 20\n>>>>>>> templates/service {now}\n"
    )
    assert read(root, WEB).endswith("limit = 20\n")
    assert drift(root) == [("PT512", MAIL, 5)]
    ran = partita("scaffold", "--update", "--root", root)
    assert (ran.code, ran.err) == (2, f"partita: {MAIL} holds conflicts of an earlier update; resolve them first\n")
    edit(root, MAIL, lambda _: "limit = 15\n")
    assert (partita("scaffold", "--update", "--root", root).code, drift(root)) == (0, [])


def test_a_dry_run_of_an_update_shows_the_merge_and_writes_nothing(root: Path, partita: RunPartita) -> None:
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    before = take_snapshot(os.fspath(root))
    ran = partita("scaffold", "--update", "mail", "--dry-run", "--root", root)
    assert (ran.code, "-limit = 10\n+limit = 20\n" in ran.out) == (0, True)
    assert take_snapshot(os.fspath(root)) == before


def test_a_version_that_is_gone_is_told(root: Path, partita: RunPartita) -> None:
    (path,) = (root / "templates/.versions").iterdir()
    path.unlink()
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    ran = partita("scaffold", "--update", "--root", root)
    told = f"templates/.versions/{path.name} is missing, so nobody can tell what this member changed since it was made"
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [f"partita: packages/{name}/pyproject.toml: {told}; restore the file from history" for name in ("mail", "web")],
    )


def test_members_that_were_moved_or_renamed_are_still_updated(root: Path, partita: RunPartita) -> None:
    (root / "packages/mail").rename(root / "packages/post")
    edit(
        root,
        "packages/post/pyproject.toml",
        lambda text: text.replace('name = "mail"\nversion', 'name = "post"\nversion'),
    )
    edit(root, TEMPLATE, lambda text: text.replace("10", "20"))
    assert partita("scaffold", "--update", "post", "--root", root).code == 0
    assert read(root, "packages/post/src/mail/router.py").endswith("limit = 20\n")
    assert read(root, "packages/post/pyproject.toml").startswith('[project]\nname = "post"\n')


def prepare(root: str) -> None:
    for path, content in TREE.items():
        place = os.path.join(root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(content)
    main(["scaffold", "mail", "--root", root])
    with open(os.path.join(root, TEMPLATE), "a") as file:
        file.write("more = 1\n")


def test_an_update_that_is_broken_at_any_call_leaves_the_tree_as_before_or_as_after(tmp_path: Path) -> None:
    def update(root: str) -> int:
        return main(["scaffold", "--update", "--root", root])

    report = break_every_call(prepare, update, undo_interrupted, tmp_path, [KILLED, TORN])
    assert report.failures == ()
    assert report.runs > 30
