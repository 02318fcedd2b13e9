"""The commands as Invoke tasks. `tasks.py` of a repository is two lines: import `namespace`, and that is it.

Options are written once, in the parser of each command: a task takes its arguments from there. Any other program whose
commands have such parsers gets its tasks the same way, from `create_tasks`.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Program(NamedTuple):
    """A command line with commands: name and summary of each, the parser of one, and what runs a whole line.

    The tasks of a program with a `name` are called `name.command`.
    """

    commands: tuple[tuple[str, str], ...]
    create_parser: Callable[[str], argparse.ArgumentParser]
    main: Callable[[Sequence[str]], int]
    name: str = ""

    def word(self, command: str) -> str:
        """What a person types after `invoke` for this command."""
        return f"{self.name}.{command}" if self.name else command

    def actions(self, command: str) -> list[argparse.Action]:
        """The options and arguments of this command."""
        parser = self.create_parser(command)
        return list(parser._actions)  # noqa: SLF001 - argparse offers no other way to list them


class CommandTask(Task):  # type: ignore[type-arg] # Invoke declares no parameter for its callable
    """A task whose arguments are those of a command's parser."""

    def __init__(self, program: Program, command: str, summary: str) -> None:
        self.program = program
        self.command = command
        super().__init__(_create_body(program, command, summary), name=command)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002 - Invoke's
        """One argument for each action of the parser, positional ones first.

        Invoke asks every task at every start; only the command that was named needs to be loaded for an answer.
        """
        word = self.program.word(self.command)
        if word not in sys.argv:
            return []
        actions = [it for it in self.program.actions(self.command) if it.dest != "help" and not _takes_the_rest(it)]
        given = _has_bare_word(sys.argv[sys.argv.index(word) + 1 :], actions, self.program)
        return [_argument(action, given) for action in sorted(actions, key=lambda action: bool(action.option_strings))]

    def argspec(self, body: Callable[..., Any]) -> Any:  # noqa: ARG002 - the parser says it, not the function
        """No arguments of its own."""
        import inspect  # Invoke has loaded it already

        return inspect.Signature()


def create_tasks(program: Program) -> Collection:
    """A task for each command; a collection to be added to the namespace of a `tasks.py`, or to be it."""
    tasks = (CommandTask(program, command, summary) for command, summary in program.commands)
    return Collection(*((program.name,) if program.name else ()), *tasks)


def _create_body(program: Program, command: str, summary: str) -> Callable[..., None]:
    def body(context: Context, **values: Any) -> None:
        actions = program.actions(command)
        words = [command, *_words(actions, values)]
        if context.config.run.dry and "--dry-run" in {option for it in actions for option in it.option_strings}:
            words.append("--dry-run")
        if any(_takes_the_rest(it) for it in actions) and "--" in sys.argv:
            words += sys.argv[sys.argv.index("--") :]  # Invoke would give it as one text, its quotes lost
        code = program.main(words)
        if code:
            raise Exit(code=code)

    body.__doc__ = sentence(summary)
    body.__name__ = command.replace("-", "_")
    return body


def _takes_the_rest(action: argparse.Action) -> bool:
    return action.nargs == argparse.REMAINDER


def _has_bare_word(words: Sequence[str], actions: Sequence[argparse.Action], program: Program) -> bool:
    """Whether one of these words of a command line is a value without a flag, before the next task begins."""
    valued = {option for action in actions if action.nargs != 0 for option in action.option_strings}
    for place, word in enumerate(words):
        if place and word in {program.word(command) for command, _ in program.commands}:
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


def _words(actions: Sequence[argparse.Action], values: dict[str, Any]) -> list[str]:
    """The command line that these values stand for."""
    words: list[str] = []
    for action in actions:
        name = (action.option_strings or [action.dest])[0].lstrip("-").replace("-", "_")
        value = values.get(name)
        if value in (None, False, "", []) or action.dest == "help" or _takes_the_rest(action):
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


namespace = create_tasks(Program(COMMANDS, create_command_parser, main))
