"""Members that a person names on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.errors import PartitaError
from partita.manifest import normalise
from partita.naming import PREFIX, session_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from partita.workspace import Member


def choose(members: Sequence[Member], words: str | None) -> list[Member]:
    """The members that these words, separated by commas, stand for; all of them when there are none.

    A member is meant by its name, its folder, the last part of that, or its session. Raises PartitaError with every
    word that means none.
    """
    wanted = [word.strip().rstrip("/") for word in (words or "").split(",") if word.strip()]
    if not wanted:
        return list(members)
    sessions = session_names(members)
    known: dict[str, Member] = {}
    for member in members:
        session = sessions[member.name]
        known |= dict.fromkeys((session, session.removeprefix(PREFIX), member.folder, member.name), member)
    found = [(word, known.get(word) or known.get(normalise(word))) for word in wanted]
    unknown = [word for word, member in found if member is None]
    if unknown:
        raise PartitaError(*(f"{word}: no member has this name or folder{_nearest(word, known)}" for word in unknown))
    return list({member.name: member for _, member in found if member}.values())


def _nearest(word: str, known: dict[str, Member]) -> str:
    import difflib

    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
