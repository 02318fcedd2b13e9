import os
from collections.abc import Callable
from pathlib import Path

import pytest

from botlib import BotError, ForbiddenError, InvalidError, NotFoundError, Secret
from botstate import LocalSecrets, Secrets
from botstate.testing import SECRETS_CONTRACT, FakeSecrets, SecretsCheck, fake_state
from botstate.testing.secrets import VALUE

pytestmark = pytest.mark.anyio


def write(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


def in_environment(_folder: Path) -> tuple[Secrets, str]:
    return LocalSecrets({"TOKEN": VALUE}), "env:TOKEN"


def in_file(folder: Path) -> tuple[Secrets, str]:
    return LocalSecrets({}), write(folder / "token", f"{VALUE}\r\n".encode())


def fake(_folder: Path) -> tuple[Secrets, str]:
    return FakeSecrets({"env:TOKEN": VALUE}), "env:TOKEN"


@pytest.mark.parametrize("make", [in_environment, in_file, fake])
@pytest.mark.parametrize("check", SECRETS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: SecretsCheck, make: Callable[[Path], tuple[Secrets, str]], tmp_path: Path) -> None:
    await check(*make(tmp_path))


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602, 0o644])
async def test_a_file_that_others_may_open_is_refused(mode: int, tmp_path: Path) -> None:
    reference = write(tmp_path / "token", b"hunter2", mode)

    with pytest.raises(ForbiddenError, match=r"is open to other users\. Run chmod 600 ") as caught:
        await LocalSecrets({}).get(reference)
    assert "hunter2" not in str(caught.value)


async def test_containers_make_secrets_readable_but_not_writable(tmp_path: Path) -> None:
    secrets = LocalSecrets({}, container_folder=str(tmp_path / "run"))
    (tmp_path / "run").mkdir()

    assert await secrets.get(write(tmp_path / "run" / "token", b"hunter2", 0o444)) == Secret("hunter2")
    with pytest.raises(ForbiddenError):
        await secrets.get(write(tmp_path / "run" / "shared", b"hunter2", 0o666))
    with pytest.raises(ForbiddenError):
        await secrets.get(f"file:{tmp_path}/run/../{Path(write(tmp_path / 'outside', b'hunter2', 0o444)).name}")


async def test_only_the_last_line_end_does_not_count(tmp_path: Path) -> None:
    for content, text in ((b"a\n\n", "a\n"), (b" a ", " a "), (b"", "")):
        assert (await LocalSecrets({}).get(write(tmp_path / "token", content))).reveal() == text


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff\xfe", "is not text in UTF-8"), (b"x" * 65_537, "is larger than 65536 bytes")],
)
async def test_what_cannot_be_a_secret_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=problem):
        await LocalSecrets({}).get(write(tmp_path / "token", content))


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("file:relative", InvalidError),
        ("file:/dev/null", InvalidError),
        ("file:/", NotFoundError),
        ("env:", InvalidError),
    ],
)
async def test_what_is_no_file_is_refused(reference: str, kind: type[BotError]) -> None:
    with pytest.raises(kind):
        await LocalSecrets({}).get(reference)


async def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(InvalidError, match="is no file"):
        await LocalSecrets({}).get(f"file:{tmp_path}/pipe")


async def test_the_state_has_secrets_as_a_property() -> None:
    assert await fake_state(secrets={"env:TOKEN": "t"}).secrets.get("env:TOKEN") == Secret("t")
