"""What the adapter makes of a Podman that answers oddly."""

from collections.abc import Sequence
from typing import Any

import pytest

from botserver_containers.errors import PodmanError
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.executor import Output

pytestmark = pytest.mark.anyio

GONE = Output(125, "", "Error: no volume with name other.data found in database: no such volume\n")


class Scripted:
    """A Podman that gives these answers, one after the other, and the last one for ever."""

    def __init__(self, *answers: Output) -> None:
        self.answers = list(answers)

    async def execute(self, _program: str, _words: Sequence[str], **_more: Any) -> Output:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def podman(*answers: Output) -> Podman:
    return Podman(Scripted(*answers), "node")  # type: ignore[arg-type]  # it streams nothing


async def test_a_volume_that_goes_while_volumes_are_listed_spoils_no_list() -> None:
    """As Podman 4.3 does, where one installation is undone while another one looks for its volumes."""
    assert await podman(GONE, GONE, Output(0, "mine.data\n", "")).volumes() == ["mine.data"]


@pytest.mark.parametrize("answer", [GONE, Output(125, "", "Error: disk I/O error\n")])
async def test_a_list_that_cannot_be_had_is_an_error(answer: Output) -> None:
    with pytest.raises(PodmanError):
        await podman(answer).volumes()
