"""What a command works with: the settings, read when they are asked for, clients of the servers, and the output."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from botserver_client.configuration import load_configuration
from botserver_client.output import Output, complain, read_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botserver_client.client import Client
    from botserver_client.configuration import Configuration, Endpoint
    from botserver_client.orchestration import OrchestrationClient
    from botserver_client.worker import WorkerClient

C = TypeVar("C", bound="Client")


class Session:
    """One run of the command. `flags` are settings by their names, as the command line has them."""

    def __init__(self, *, file: str, flags: Mapping[str, str], verbosity: int) -> None:
        self.file = file
        self.flags = flags
        self._verbosity = verbosity

    @cached_property
    def configuration(self) -> Configuration:
        """The settings, or `ConfigurationError`."""
        configuration = load_configuration(file=self.file, flags=self.flags)
        if max(self._verbosity, configuration.value("cli.verbose_level")):
            complain(f"Settings come from {configuration.file or 'no file'}.")
        return configuration

    @cached_property
    def output(self) -> Output:
        """Where answers go."""
        coloured = self.configuration.value("cli.colored_output")
        return Output(self.configuration.value("cli.default_format"), read_terminal(sys.stdout, coloured=coloured))

    def open_orchestration(self) -> OrchestrationClient:
        """A client of the orchestration, to be used in an `async with`."""
        from botserver_client.orchestration import OrchestrationClient

        return self._open(OrchestrationClient, self.configuration.orchestration)

    def open_workers(self) -> WorkerClient:
        """A client of the workers, to be used in an `async with`."""
        from botserver_client.worker import WorkerClient

        return self._open(WorkerClient, self.configuration.worker)

    def _open(self, kind: type[C], endpoint: Endpoint) -> C:
        if max(self._verbosity, self.configuration.value("cli.verbose_level")):
            complain(f"Asking {endpoint.base_url}.")
        return kind(endpoint.base_url, token=endpoint.token, timeout=endpoint.timeout, retries=endpoint.retries)
