"""The commands as Invoke tasks. `tasks.py` of a repository is two lines: import `namespace`, and that is it.

Options are written once, in the parser of each command: a task takes its arguments from there.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from partita.cli import COMMANDS, create_command_parser, main, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from invoke.context import Context


class SeveralArgument(Argument):
    """A flag that takes a fixed number of values, such as `--why A B`; Invoke knows only one value a flag."""

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.count = count
        self.values: list[str] = []

    def set_value(self, value: Any, cast: bool = True) -> None:  # noqa: ARG002 - Invoke's signature
        """Collect values; the flag counts as given, and stops taking more, when all are there."""
        self.values.append(value)
        if len(self.values) == self.count:
            self.raw_value = " ".join(self.values)
            self._value = list(self.values)


class CommandTask(Task):  # type: ignore[type-arg] # Invoke declares no parameter for its callable
    """A task whose arguments are those of a command's parser."""

    def __init__(self, command: str, summary: str) -> None:
        self.command = command
        super().__init__(_create_body(command, summary), name=command)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002 - Invoke's
        """One argument for each action of the parser, positional ones first.

        Invoke asks every task at every start; only the command that was named needs to be loaded for an answer.
        """
        if self.command not in sys.argv:
            return []
        actions = [action for action in _actions(self.command) if action.dest != "help"]
        given = _has_bare_word(sys.argv[sys.argv.index(self.command) + 1 :], actions)
        return [_argument(action, given) for action in sorted(actions, key=lambda action: bool(action.option_strings))]

    def argspec(self, body: Callable[..., Any]) -> Any:  # noqa: ARG002 - the parser says it, not the function
        """No arguments of its own."""
        import inspect  # Invoke has loaded it already

        return inspect.Signature()


def _create_body(command: str, summary: str) -> Callable[..., None]:
    def body(context: Context, **values: Any) -> None:
        words = [command, *_words(command, values)]
        if context.config.run.dry and "--dry-run" in {s for a in _actions(command) for s in a.option_strings}:
            words.append("--dry-run")
        code = main(words)
        if code:
            raise Exit(code=code)

    body.__doc__ = sentence(summary)
    body.__name__ = command.replace("-", "_")
    return body


def _actions(command: str) -> list[argparse.Action]:
    return list(create_command_parser(command)._actions)  # noqa: SLF001 - argparse offers no other way to list them


def _has_bare_word(words: Sequence[str], actions: Sequence[argparse.Action]) -> bool:
    """Whether one of these words of a command line is a value without a flag, before the next task begins."""
    valued = {option for action in actions if action.nargs != 0 for option in action.option_strings}
    for place, word in enumerate(words):
        if place and word in dict(COMMANDS):
            return False
        if not word.startswith("-") and (not place or words[place - 1] not in valued):
            return True
    return False


def _argument(action: argparse.Action, given: bool) -> Argument:
    """`given` tells whether there is a word for a positional argument: Invoke knows none that may be left out."""
    names = [option.lstrip("-") for option in action.option_strings] or [action.dest]
    common: dict[str, Any] = {"names": names, "help": action.help, "positional": not action.option_strings}
    if "-" in names[0]:
        common["attr_name"] = action.dest  # without it the value of --dry-run arrives under a name nobody looks for
    if isinstance(action.nargs, int) and action.nargs > 1:
        return SeveralArgument(action.nargs, **common)
    if action.nargs == 0:
        return Argument(kind=bool, default=False, **common)
    if isinstance(action, argparse._AppendAction):  # noqa: SLF001 - the only public trace of `append`
        return Argument(kind=list, **common)
    required = not action.option_strings and (action.nargs is None or (action.nargs == "?" and given))
    default = None if required else str(action.default or "")
    return Argument(kind=str, default=default, **common)


def _words(command: str, values: dict[str, Any]) -> list[str]:
    """The command line that these values stand for."""
    words: list[str] = []
    for action in _actions(command):
        name = (action.option_strings or [action.dest])[0].lstrip("-").replace("-", "_")
        value = values.get(name)
        if value in (None, False, "", []) or action.dest == "help":
            continue
        if not action.option_strings:
            words.append(str(value))
        elif value is True:
            words.append(action.option_strings[0])
        elif isinstance(value, list) and action.nargs is None:
            words += [word for item in value for word in (action.option_strings[0], str(item))]
        else:
            words += [action.option_strings[0], *(value if isinstance(value, list) else [str(value)])]
    return words


namespace = Collection(*(CommandTask(name, summary) for name, summary in COMMANDS))
