"""The revisions of all installed services, as Alembic loads them, and the rules that they keep."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from botstate.migrations.sources import MigrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.script import Script

    from botstate.migrations.sources import Source


_LONGEST = 32  # of an id: the width of Alembic's own table


class Scripts:
    """The revisions of these sources. Raises `MigrationError` with every rule that one of them breaks.

    A branch is one line: one first revision, which carries the label of the branch, and one head. Ids begin with the
    name of the branch, so that no two packages can have the same. Branches do not depend on each other: they are
    upgraded one after the other, and that of botstate first.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.directory = ScriptDirectory(str(Path(__file__).parent), version_locations=_folders(sources))
        self.revisions = _by_source(self.directory, sources)
        problems = [problem for source in sources for problem in _problems(source, self.revisions[source.name])]
        if problems:
            raise MigrationError("\n".join(problems))
        self._chains = {source.name: _chain(self.revisions[source.name]) for source in sources}

    @property
    def chains(self) -> dict[str, tuple[str, ...]]:
        """The ids of the revisions of each source, the first one first."""
        return self._chains

    @property
    def known(self) -> frozenset[str]:
        """The ids of all revisions."""
        return frozenset(it for chain in self._chains.values() for it in chain)


def _folders(sources: Sequence[Source]) -> list[str]:
    # An empty list would stand for the folder beside this file.
    return [str(source.folder) for source in sources] or [str(Path(__file__).parent / "versions")]


def _by_source(directory: ScriptDirectory, sources: Sequence[Source]) -> dict[str, list[Script]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # two revisions with one id, or one that follows on nothing
            scripts = list(directory.walk_revisions())
    except (CommandError, UserWarning, KeyError) as error:
        raise MigrationError(f"The migrations do not fit together: {error}.") from error
    return {it.name: [script for script in scripts if Path(script.path).parent == it.folder] for it in sources}


def _problems(source: Source, scripts: Sequence[Script]) -> list[str]:
    if not scripts:
        return []
    where = f"in the migrations of {source.name}"
    bases = [script for script in scripts if script.down_revision is None]
    labelled = [script for script in bases if source.branch in script.branch_labels]
    problems = []
    if len(bases) != 1 or any(len(script.nextrev) > 1 or script.is_merge_point for script in scripts):
        problems.append(f"There is a fork {where}. Let each revision follow on one other, and only the first on none.")
    elif not labelled:
        problems.append(f'The first revision {where} needs branch_labels = ("{source.branch}",).')
    problems += [
        f"{script.revision} {where} needs an id that begins with {source.branch}_."
        for script in scripts
        if not script.revision.startswith(f"{source.branch}_")
    ]
    problems += [
        f"{script.revision} {where} is longer than {_LONGEST} characters."
        for script in scripts
        if len(script.revision) > _LONGEST
    ]
    problems += [
        f"{script.revision} {where} depends on another branch. Branches are upgraded in the order of their services."
        for script in scripts
        if script.dependencies
    ]
    return problems


def _chain(scripts: Sequence[Script]) -> tuple[str, ...]:
    following = {script.down_revision: script.revision for script in scripts}
    chain: list[str] = []
    while (revision := following.get(chain[-1] if chain else None)) is not None:
        chain.append(revision)
    return tuple(chain)
