"""`serve`: run the installed services in one process, until a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver.commands._options import add_json_option, add_source_options, read_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from botserver_core.serving import Ready
    from botstate import Settings, Standing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these services (default: all)")
    parser.add_argument("--host", help="address to listen on (default: the setting server.host, 127.0.0.1)")
    parser.add_argument("--port", help="port, 0 takes a free one (default: the setting server.port, 8000)")
    add_json_option(parser)
    add_source_options(parser)


def run(options: argparse.Namespace) -> int:
    """Serve, and return 0 after a clean stop."""
    import gc

    gc.disable()  # what is loaded now stays: looking for garbage among it takes a twentieth of the start
    try:
        return _serve(options)
    finally:
        gc.enable()


def _serve(options: argparse.Namespace) -> int:
    import logging

    from botserver.discovery import discover
    from botserver.logs import start_logging
    from botserver.selection import describe_broken, select, stand_in
    from botserver.settings import ServerSettings
    from botserver_core import configure_logging, serve, web_service
    from botserver_core.instance import tell_instance
    from botstate import with_basis

    configure_logging()
    discovery = discover()
    selected = select(discovery, options.names)
    for broken in selected.broken:
        logging.getLogger("botserver").error("%s", describe_broken(broken))
    settings = read_options(options, discovery)
    start_logging(settings)
    server = settings.part(ServerSettings)
    stand_ins = (stand_in(it) for it in selected.broken)
    wanted = (*tell_instance(server.instance), web_service, *selected.services, *stand_ins)
    services = with_basis(wanted, settings)
    announce = announcer(settings, as_json=options.json)
    serve(services, host=server.host, port=server.port, grace=server.grace, ready=announce)
    return 0


def announcer(settings: Settings, *, as_json: bool) -> Ready:
    """What tells people, or programs, that the server is there and where."""
    import gc

    from botserver.announcement import describe, render
    from botserver.data import data_folders

    folders = data_folders(settings)

    def announce(url: str, standings: Sequence[Standing]) -> None:
        gc.freeze()
        gc.enable()
        if as_json:
            import json

            print(json.dumps(describe(url, folders, standings)), flush=True)
        else:
            print(render(url, folders, standings), end="", flush=True)

    return announce
