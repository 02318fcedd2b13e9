"""`worker`: run the steps of workflows in a process of its own, until a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver.commands._options import add_json_option, add_source_options

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `worker`."""
    parser.add_argument(
        "--namespaces", metavar="NAME,NAME", help="run the steps of these (default: the setting worker.namespaces, all)"
    )
    parser.add_argument("--slots", metavar="NUMBER", help="steps at a time (default: the setting worker.slots, 16)")
    parser.add_argument("--host", help="address to listen on (default: the setting server.host, 127.0.0.1)")
    parser.add_argument("--port", help="port, 0 takes a free one (default: the setting server.port, 8000)")
    add_json_option(parser)
    add_source_options(parser)


def run(options: argparse.Namespace) -> int:
    """Work, and return 0 after a clean stop. `InvalidError` when a step of its namespaces has no handler here."""
    from botlib import UnavailableError

    try:
        from botserver_workflows.worker_service import check_settings, tables_service, worker_service
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "There are no workflows here.", remedy="Install them: pip install 'botserver[workflows]'."
        ) from error
    from botserver.commands.serve import announcer
    from botserver.logs import start_logging
    from botserver.settings import ServerSettings
    from botserver.sources import load_settings
    from botserver_core import serve, web_service
    from botserver_core.instance import tell_instance
    from botstate import with_basis

    own = (tables_service, worker_service)
    settings = load_settings(own, file_names=options.config, options=_given(options))
    start_logging(settings)
    check_settings(settings)
    server = settings.part(ServerSettings)
    services = with_basis((web_service, *own, *tell_instance(server.instance)), settings)
    announce = announcer(settings, as_json=options.json)
    serve(services, host=server.host, port=server.port, grace=server.grace, ready=announce)
    return 0


def _given(options: argparse.Namespace) -> dict[str, str]:
    named = {
        "server.host": options.host,
        "server.port": options.port,
        "worker.namespaces": options.namespaces,
        "worker.slots": options.slots,
    }
    return {**dict(options.set), **{key: value for key, value in named.items() if value is not None}}
