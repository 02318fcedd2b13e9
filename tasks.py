"""The commands of this repository as Invoke tasks: `invoke --list`."""

from botserver_stack.cli import COMMANDS, create_command_parser, main
from partita.tasks import Program, create_tasks, namespace

__all__ = ["namespace"]

namespace.add_collection(create_tasks(Program(COMMANDS, create_command_parser, main, name="stack")))
