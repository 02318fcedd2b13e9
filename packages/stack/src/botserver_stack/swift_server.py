"""OpenStack Swift with its S3 interface as one process: ``python -m botserver_stack.swift_server OPTIONS``.

OPTIONS is a file of JSON: `folder` for everything that is written, `port`, `user` (as `account:name`) and `password`.
Stock Swift is four processes that find each other by files of ports. Here they are threads of one, and listen where the
kernel lets them. Runs only as a child of a keeper; nobody else imports it.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Application = Callable[[dict[str, Any], Any], Any]

_HOST = "127.0.0.1"
_KINDS = ("account", "container", "object")
_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes"
)
_FILTERS = {
    "bulk": {},
    "catch_errors": {},
    "copy": {},
    "dlo": {},
    "gatekeeper": {},
    "healthcheck": {},
    "listing_formats": {},
    "s3api": {
        "s3_acl": "false",
        "location": "us-east-1",
        "min_segment_size": "1",
        "force_swift_request_proxy_log": "no",
    },
    "slo": {},
    "symlink": {},
    "versioned_writes": {"allow_object_versioning": "true"},
}


def main() -> None:
    """Serve until a signal ends the process."""
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # half of its start-up, for names that nobody looks up
    import eventlet

    eventlet.monkey_patch()
    with open(sys.argv[1], encoding="utf-8") as file:
        options = json.load(file)
    folder = options["folder"]
    os.makedirs(os.path.join(folder, "srv", "d1"), exist_ok=True)
    _write(folder, "swift.conf", {"swift-hash": {"swift_hash_path_suffix": "stack"}})

    from swift.common.utils import set_swift_dir

    set_swift_dir(folder)
    front = eventlet.listen((_HOST, options["port"]))
    backs = {kind: eventlet.listen((_HOST, 0)) for kind in _KINDS}
    for kind, socket in backs.items():
        _write_ring(folder, kind, socket.getsockname()[1])
        _write(folder, f"{kind}.conf", _backend(folder, kind))
    _write(folder, "proxy.conf", _proxy(folder, options["user"], options["password"]))
    threads = [_serve(folder, kind, socket) for kind, socket in {**backs, "proxy": front}.items()]
    for thread in threads:
        thread.wait()


def create_cache(_settings: dict[str, str], **_local: str) -> Callable[[Application], Application]:
    """The filter `cache` of the pipeline: what stock Swift asks memcached, kept in this process."""
    cache = _Cache()

    def wrap(application: Application) -> Application:
        def serve(environment: dict[str, Any], start: Any) -> Any:
            environment["swift.cache"] = cache
            return application(environment, start)

        return serve

    return wrap


class _Cache:
    """The part of Swift's memcache client that its proxy uses. Values are copied, as they would be by a network."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, str]] = {}

    def get(self, key: str, **_options: Any) -> Any:
        expires, text = self._values.get(key, (0.0, "null"))
        return json.loads(text) if not expires or monotonic() < expires else None

    def set(self, key: str, value: Any, time: float = 0, **_options: Any) -> None:
        self._values[key] = (time and monotonic() + time, json.dumps(value))

    def delete(self, key: str, **_options: Any) -> None:
        self._values.pop(key, None)

    def incr(self, key: str, delta: int = 1, time: float = 0, **_options: Any) -> int:
        value = max(int(self.get(key) or 0) + int(delta), 0)
        self.set(key, value, time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0, **options: Any) -> int:
        return self.incr(key, -int(delta), time, **options)


def _serve(folder: str, kind: str, socket: Any) -> Any:
    import eventlet
    import eventlet.wsgi
    from swift.common.utils import get_logger
    from swift.common.wsgi import SwiftHttpProtocol, loadapp

    get_logger({"log_level": "ERROR"}, log_to_console=True)
    application = loadapp(os.path.join(folder, f"{kind}.conf"))
    return eventlet.spawn(
        eventlet.wsgi.server,
        socket,
        application,
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,  # else the keys of users' metadata come back changed
        log_output=False,
        socket_timeout=None,
    )


def _backend(folder: str, kind: str) -> dict[str, dict[str, str]]:
    return {
        "DEFAULT": _defaults(folder) | {"devices": os.path.join(folder, "srv")},
        "pipeline:main": {"pipeline": f"{kind}-server"},
        f"app:{kind}-server": {"use": f"egg:swift#{kind}"},
    }


def _proxy(folder: str, user: str, password: str) -> dict[str, dict[str, str]]:
    account, _, name = user.partition(":")
    login = {"use": "egg:swift#tempauth", f"user_{account}_{name}": f"{password} .admin"}
    filters = {name: {"use": f"egg:swift#{name}", **settings} for name, settings in _FILTERS.items()}
    return {
        "DEFAULT": _defaults(folder),
        "pipeline:main": {"pipeline": f"{_PIPELINE} symlink proxy-server"},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
        "filter:tempauth": login,
        "filter:cache": {"paste.filter_factory": "botserver_stack.swift_server:create_cache"},
        **{f"filter:{name}": settings for name, settings in filters.items()},
    }


def _defaults(folder: str) -> dict[str, str]:
    return {"swift_dir": folder, "mount_check": "false", "fallocate_reserve": "0", "log_level": "ERROR"}


def _write_ring(folder: str, kind: str, port: int) -> None:
    """One device holds everything."""
    from swift.common.ring.ring import RingData

    device = {"id": 0, "region": 1, "zone": 1, "ip": _HOST, "port": port, "device": "d1", "weight": 1.0, "meta": ""}
    device |= {"replication_ip": _HOST, "replication_port": port}
    RingData([array("H", [0] * 16)], [device], 28).save(os.path.join(folder, f"{kind}.ring.gz"))


def _write(folder: str, name: str, sections: Mapping[str, Mapping[str, str]]) -> None:
    lines: list[str] = []
    for section, settings in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in settings.items()), ""]
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
