"""What the tables of botstate have in common. Which there are says `botstate.tables`."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
