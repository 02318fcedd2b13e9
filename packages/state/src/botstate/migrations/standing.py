"""How the branches of a database stand against the code that is installed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from botstate.migrations.ledger import Entry
    from botstate.migrations.sources import Source

BranchState = Literal["current", "behind", "newer", "removed", "detached"]


class Branch(NamedTuple):
    """One service. `head` is where its tables are ("" before the first revision), `pending` what would be applied.

    `newer`: this code does not know the revision. `removed`: the package is not installed any more. `detached`: nor
    will it be; its tables stay as they are. `sentence` says so to a person, and what to do next.
    """

    name: str
    state: BranchState
    head: str
    pending: tuple[str, ...]
    sentence: str


def judge(
    sources: Iterable[Source], revisions: Mapping[str, Sequence[str]], ledger: Mapping[str, Entry]
) -> tuple[Branch, ...]:
    """Every branch: the installed ones in their order, then the others by name.

    `revisions` are those of each source, the first one first.
    """
    installed = [_judge_installed(source, revisions[source.name], ledger.get(source.name)) for source in sources]
    names = {branch.name for branch in installed}
    absent = [entry for name, entry in sorted(ledger.items()) if name not in names and entry.head]
    return (*installed, *(_judge_absent(entry) for entry in absent))


def _judge_installed(source: Source, revisions: Sequence[str], entry: Entry | None) -> Branch:
    head = entry.head if entry else ""
    if entry and head and head not in revisions:
        return Branch(source.name, "newer", head, (), _newer(entry))
    pending = tuple(revisions[revisions.index(head) + 1 :] if head else revisions)
    if not pending:
        return Branch(source.name, "current", head, (), f"{source.name} is up to date.")
    count = "1 revision" if len(pending) == 1 else f"{len(pending)} revisions"
    return Branch(source.name, "behind", head, pending, f"{source.name} is {count} behind. Run `botserver db upgrade`.")


def _newer(entry: Entry) -> str:
    release = f"release {entry.release}" if entry.release else "another release"
    return (
        f"The tables of {entry.name} were made by {release} of {entry.package}, at revision {entry.head}, which this "
        f"one does not know. Install that release again, or restore a backup."
    )


def _judge_absent(entry: Entry) -> Branch:
    if entry.detached_at is not None:
        when = f"{entry.detached_at:%Y-%m-%d}"
        return Branch(
            entry.name, "detached", entry.head, (), f"{entry.name} was detached on {when}; its tables are still there."
        )
    return Branch(
        entry.name,
        "removed",
        entry.head,
        (),
        f"{entry.name} has tables here, and {entry.package} is not installed. Install it again, or run "
        f"`botserver db detach {entry.name}` to keep its tables and hear no more of it.",
    )
