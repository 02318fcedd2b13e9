"""The commands of this repository as Invoke tasks: `invoke --list`."""

import sys
from contextlib import suppress

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from partita.tasks import Program, create_tasks, namespace

__all__ = ["namespace"]


@task(help={"url": "a server that runs already", "report": "a file for the report", "real_time": "keep all pauses"})
def meetings(
    context: Context,
    url: str = "",
    admin_token: str = "",
    report: str = "",
    stack: bool = False,
    real_time: bool = False,
    json: bool = False,
) -> None:
    """The ten smoke suites for meeting bots, on SQLite, or with --stack on PostgreSQL and Valkey."""
    named = {"--url": url, "--admin-token": admin_token, "--report": report}
    flags = {"--stack": stack, "--real-time": real_time, "--json": json}
    words = [
        *(word for name, value in named.items() if value for word in (name, value)),
        *(it for it in flags if flags[it]),
    ]
    run_program(context, "packages/meetings/tests/smoke", *words)


@task(help={"compose": "in containers, by Podman", "debian": "with --compose: make the base images of Debian packages"})
def workflows(context: Context, compose: bool = False, debian: bool = False) -> None:
    """The integration suite of workflows, on a throw-away PostgreSQL, or with --compose in containers."""
    run_program(
        context, "tests/integration/run.py", *(["--compose"] if compose else []), *(["--debian"] if debian else [])
    )


def run_program(context: Context, *words: str) -> None:
    """A Python program of this repository; its exit code is that of the task."""
    import shlex

    from invoke.exceptions import Exit

    done = context.run(shlex.join([sys.executable, *words]), warn=True, pty=False)
    if not done.ok:
        raise Exit(code=done.exited)


def add_tasks_of_members() -> None:
    """What members bring besides Partita: `stack.*`, `smoke.*` and `dev.*`."""
    from botserver_containers.tasks import add_tasks
    from botserver_stack.cli import COMMANDS, create_command_parser, main

    namespace.add_collection(create_tasks(Program(COMMANDS, create_command_parser, main, name="stack")))
    add_tasks(namespace)
    namespace.collections["smoke"].add_task(meetings)
    namespace.add_collection(Collection("integration", workflows))


with suppress(ImportError):  # a member that is broken does not keep `check` from saying why
    add_tasks_of_members()
