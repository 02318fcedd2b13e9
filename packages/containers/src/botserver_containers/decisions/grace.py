"""How long an app has to stop before it is killed."""

from __future__ import annotations

from botserver_containers.decisions.names import bare, is_database

DEFAULT = 30
DATABASE = 120
#: The longest of all; whatever takes twice as long is stuck.
LONGEST = 600

_SECONDS = {
    "bitcoin": 600,
    "bitcoin-core": 600,
    "bitcoin-knots": 600,
    "lnd": 330,
    "electrs": 300,
    "electrumx": 300,
    "mempool-electrs": 300,
    "btcpay-server": 60,
}


def stop_timeout_secs(name: str) -> int:
    """Seconds between the polite signal and the kill. A wallet that is killed while it writes may lose money."""
    if (seconds := _SECONDS.get(bare(name))) is not None:
        return seconds
    return DATABASE if is_database(name) else DEFAULT
