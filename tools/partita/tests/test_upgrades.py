from __future__ import annotations

import pytest

from partita.upgrades import Need, Upgrade, compare_locks

HTTPX = """\
# python: >=3.11
h11==0.16.0 \\
    --hash=sha256:aa
    # via httpcore
httpcore==1.0.9 \\
    --hash=sha256:bb
    # via httpx
httpx==0.28.1 ; python_version < '3.15' \\
    --hash=sha256:cc
    # via botstate, botllm[http], botlib:test, botcore(build)
"""


def compare(before: str, after: str, path: str = "requirements.lock") -> Upgrade:
    return compare_locks(path, before.encode(), after.encode())


def test_a_lock_tells_what_changed_and_who_needs_what() -> None:
    assert compare(HTTPX, HTTPX.replace("0.16.0", "0.17.0")) == Upgrade(
        {"h11": "requirements.lock has h11 0.17.0 instead of 0.16.0"},
        {
            "h11": (Need("httpcore", "runtime"),),
            "httpcore": (Need("httpx", "runtime"),),
            "httpx": (
                Need("botcore", "build"),
                Need("botlib", "dev"),
                Need("botllm", "optional"),
                Need("botstate", "runtime"),
            ),
        },
        None,
    )


def test_hashes_and_markers_count_and_comments_do_not() -> None:
    other = HTTPX.replace("sha256:bb", "sha256:dd").replace("3.15", "3.16")

    assert compare(HTTPX, other).changed == {
        "httpcore": "requirements.lock has other files or markers for httpcore",
        "httpx": "requirements.lock has other files or markers for httpx",
    }
    assert compare(HTTPX, HTTPX.replace("botllm[http]", "botauth")).changed == {}


def test_a_distribution_may_come_go_and_have_two_versions() -> None:
    more = (
        HTTPX + "idna==3 \\\n    --hash=sha256:ee\n    # via httpx\nidna==4 \\\n    --hash=sha256:ff\n    # via h11\n"
    )

    assert compare(HTTPX, more).changed == {"idna": "requirements.lock now has idna 3 and 4"}
    assert compare(more, HTTPX).changed == {"idna": "requirements.lock no longer has idna 3 and 4"}
    assert compare(more, HTTPX).needs["idna"] == (Need("h11", "runtime"), Need("httpx", "runtime"))


def test_what_cannot_be_narrowed_says_why() -> None:
    bare = "".join(line for line in HTTPX.splitlines(keepends=True) if "via" not in line)

    assert compare_locks("requirements.lock", None, b"").unknown == "requirements.lock is new"
    assert compare_locks("uv.lock", b"", None).unknown == "uv.lock is gone"
    assert compare(bare, bare.replace("0.16", "0.17")).unknown == (
        "requirements.lock changed, and it does not tell who needs what"
    )
    assert (
        compare(HTTPX, HTTPX.replace(">=3.11", ">=3.12")).unknown == "requirements.lock changed in more than its pins"
    )


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("requirements.lock", b"\xff"),
        ("requirements.lock", b"what is this"),
        ("requirements.lock", b"click==8\n    # via a (packages/a/pyproject.toml)"),
        ("uv.lock", b"["),
        ("uv.lock", b"package = 3"),
        ("uv.lock", b"[[package]]\nversion = '1'"),
    ],
)
def test_a_broken_lock_cannot_be_narrowed(path: str, after: bytes) -> None:
    unknown = compare_locks(path, b"", after).unknown

    assert unknown is not None
    assert unknown.startswith(f"{path} cannot be read (")


def test_a_lock_of_uv_is_read_as_well() -> None:
    before = """\
version = 1
revision = 1
requires-python = ">=3.11"
[manifest]
members = ["a"]
[[package]]
name = "A"
version = "1"
source = { editable = "packages/a" }
dependencies = [{ name = "click" }]
[package.optional-dependencies]
x = [{ name = "idna" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
[[package]]
name = "click"
version = "8"
[[package]]
name = "idna"
version = "3"
[[package]]
name = "pytest"
version = "9"
"""
    after = before.replace("revision = 1", "revision = 2").replace('["a"]', '["a", "b"]').replace('"8"', '"8.1"')

    assert compare(before, after, "uv.lock") == Upgrade(
        {"click": "uv.lock has click 8.1 instead of 8"},
        {
            "a": (),
            "click": (Need("a", "runtime"),),
            "idna": (Need("a", "optional"),),
            "pytest": (Need("a", "dev"),),
        },
        None,
    )
    assert compare(before, before.replace(">=3.11", ">=3.12"), "uv.lock").unknown is not None
