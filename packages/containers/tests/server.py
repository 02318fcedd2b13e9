"""A server of only this service, as a process that can be killed: `python server.py [--port N] --set KEY=VALUE …`."""

from __future__ import annotations

import logging
import sys

from botserver_containers import service
from botserver_core import serve
from botstate import BASIS, Sources, read_settings, with_basis


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    words = sys.argv[1:]
    port = int(words[words.index("--port") + 1]) if "--port" in words else 0
    options = dict(word.split("=", 1) for word in words if "=" in word)
    parts = {it.name.replace("-", "_"): it.settings for it in (*BASIS, service) if it.settings is not None}
    settings = read_settings(parts, Sources(options=options))
    serve(
        with_basis([service], settings),
        port=port,
        grace=1.0,
        ready=lambda url, _standings: print(f"botserver is ready on {url} with containers.", flush=True),
    )


main()
