from __future__ import annotations

import textwrap

import pytest

from partita.configuration import _SCAFFOLD_KEYS, Allowance, Configuration, Tier, check_members, parse_configuration
from partita.errors import PartitaError

WHOLE = """\
schema = 1

[[tier]]
name = "foundation"  # lowest
members = ["Bot_State", "botlib"]

[[tier]]
name = "service"
independent = true
members = [
  "mail",
]

[[tier]]
name = "tool"
uses = ["foundation"]

[[exception]]
code = "PT201"
subject = "mail -> chat"
reason = "the move is under way"
owner = "platform"
until = "2027-01-31"

[import-names]
PyYAML = ["yaml"]

[scaffold]
tier = "service"
folder = "packages/{name}"
"""


def parse(text: str) -> Configuration:
    return parse_configuration(textwrap.dedent(text).encode())


def refuse(text: str) -> list[str]:
    with pytest.raises(PartitaError) as caught:
        parse(text)
    return list(caught.value.problems)


def test_everything_is_read() -> None:
    assert parse(WHOLE) == Configuration(
        (
            Tier("foundation", ("bot-state", "botlib"), (), independent=False),
            Tier("service", ("mail",), ("foundation",), independent=True),
            Tier("tool", (), ("foundation",), independent=False),
        ),
        (Allowance("PT201", "mail -> chat", "the move is under way", "platform", "2027-01-31", 18),),
        (("pyyaml", ("yaml",)),),
        (("folder", "packages/{name}"), ("tier", "service")),
        (("bot-state", 5), ("botlib", 5), ("mail", 11)),
    )


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    assert parse_configuration(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()) == parse(WHOLE)


def test_every_problem_is_told_at_once_with_its_line() -> None:
    assert refuse(
        """\
        schema = 2
        teir = []

        [[tier]]
        name = "low"
        member = []
        members = ["a", "b"]

        [[tier]]
        name = "low"
        uses = ["lwo"]
        members = ["a"]
        independent = "yes"

        [[tier]]

        [[exception]]
        code = "X1"
        subject = "a"
        reason = ""
        owner = "me"

        [scaffold]
        colour = "red"
        """
    ) == [
        "workspace.toml:2: unknown key 'teir'; did you mean 'tier'?",
        "workspace.toml:1: schema 2 is unknown; this version of Partita reads schema 1",
        "workspace.toml:6: [[tier]] unknown key 'member'; did you mean 'members'?",
        "workspace.toml:9: tier 'low' is declared twice; merge the two",
        "workspace.toml:12: 'a' stands in tier 'low' and on line 7 in tier 'low'; a member has one tier",
        "workspace.toml:13: independent is neither true nor false",
        "workspace.toml:15: [[tier]] name is missing",
        "workspace.toml:11: tier 'low' uses 'lwo': no such tier; did you mean 'low'?",
        "workspace.toml:20: [[exception]] reason is not a text with something in it",
        "workspace.toml:17: [[exception]] until is missing",
        "workspace.toml:17: [[exception]] code 'X1' is no code of a rule; codes look like PT201",
        f"workspace.toml:24: [scaffold] unknown key 'colour'; known: {', '.join(_SCAFFOLD_KEYS)}",
    ]


@pytest.mark.parametrize(
    ("source", "start"),
    [
        (b"[[tier]\n", "workspace.toml:1: not valid TOML: "),
        (b"x = 1\nname = '\xff'\n", "workspace.toml:2: the file is not UTF-8; save it as UTF-8"),
        (b"tier = 3\n", "workspace.toml:1: tier is not a list of tables; write [[tier]]"),
        (b"\nscaffold = 3\n", "workspace.toml:2: scaffold is not a table; write [scaffold]"),
        (b"[[tier]]\nname = 'a'\nmembers = 'b'\n", "workspace.toml:3: members is not a list of names"),
        (
            b"[[exception]]\ncode='PT201'\nsubject='a'\nreason='b'\nowner='c'\nuntil='2026-13-45'\n",
            "workspace.toml:6: [[exception]] until '2026-13-45' is no date; dates look like 2027-01-31",
        ),
    ],
)
def test_a_broken_file_is_one_sentence(source: bytes, start: str) -> None:
    with pytest.raises(PartitaError) as caught:
        parse_configuration(source)
    (problem,) = caught.value.problems
    assert problem.startswith(start)


def test_members_that_do_not_exist_are_told_with_the_nearest_name() -> None:
    configuration = parse("[[tier]]\nname = 'low'\nmembers = [\n  'botlip',\n  'other',\n]\n")
    assert check_members(configuration, ["botlib"]) == [
        "workspace.toml:4: 'botlip' is no member of this workspace; did you mean 'botlib'?",
        "workspace.toml:5: 'other' is no member of this workspace",
    ]
