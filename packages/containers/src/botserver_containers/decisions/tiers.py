"""Which apps start before which: five tiers, lowest first; all of one tier start together."""

from __future__ import annotations

from enum import IntEnum

from botserver_containers.decisions.names import bare, is_database


class Tier(IntEnum):
    """Lower ones start first."""

    DATABASE = 0
    CORE = 1
    DEPENDENT = 2
    APPLICATION = 3
    FRONTEND = 4


_TIERS = {
    Tier.CORE: ("bitcoin", "bitcoin-core", "bitcoin-knots"),
    Tier.DEPENDENT: ("electrs", "lnd", "mempool-electrs", "nbxplorer"),
    Tier.FRONTEND: ("bitcoin-ui", "electrs-ui", "lnd-ui", "mempool-web", "penpot-exporter", "penpot-frontend"),
}
_TIER_OF = {name: tier for tier, names in _TIERS.items() for name in names}


def tier_of(name: str) -> Tier:
    """The tier of an app by its name; most are applications."""
    return Tier.DATABASE if is_database(name) else _TIER_OF.get(bare(name), Tier.APPLICATION)
