"""For tests: a state full of fakes, and one contract for each Protocol that any implementation can be checked against.

    @pytest.mark.anyio
    @pytest.mark.parametrize("check", CACHE_CONTRACT, ids=lambda check: check.__name__)
    async def test_contract(check: CacheCheck) -> None:
        async with open_my_cache() as cache:
            await check(cache, asyncio.sleep)

A contract is a tuple of checks; what a check is called with stands in the docstring of its module. Names are imported
when they are asked for, as some contracts need SQLAlchemy. `docs/reference/capabilities.md` lists all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botstate.testing.cache import CACHE_CONTRACT, CacheCheck
    from botstate.testing.callers import CALLERS_CONTRACT, CallersCheck
    from botstate.testing.channels import CHANNELS_CONTRACT, CHANNELS_FAULTS, ChannelsCheck, ChannelsFault
    from botstate.testing.composing import composed_state
    from botstate.testing.containers import CONTAINERS_CONTRACT, ContainersCheck, FakeContainerRunner
    from botstate.testing.database import DATABASE_CONTRACT, DatabaseCheck
    from botstate.testing.events import EVENTS_CONTRACT, EventsCheck
    from botstate.testing.fakes import FakeCallers, FakeSecrets, fake_state
    from botstate.testing.http import HTTP_CONTRACT, FakeHttp, HttpCheck, sample_site
    from botstate.testing.llm import LLM_CONTRACT, LlmCheck
    from botstate.testing.locks import LOCKS_CONTRACT
    from botstate.testing.migrations import check_migrations
    from botstate.testing.objects import OBJECTS_CONTRACT, ObjectsCheck
    from botstate.testing.outbox import OUTBOX_CONTRACT, OutboxCheck
    from botstate.testing.secrets import SECRETS_CONTRACT, SecretsCheck
    from botstate.testing.streams import STREAMS_CONTRACT, StreamsCheck

#: Name -> the module that has it.
_NAMES = {
    "CACHE_CONTRACT": "cache",
    "CALLERS_CONTRACT": "callers",
    "CHANNELS_CONTRACT": "channels",
    "CHANNELS_FAULTS": "channels",
    "CONTAINERS_CONTRACT": "containers",
    "DATABASE_CONTRACT": "database",
    "EVENTS_CONTRACT": "events",
    "HTTP_CONTRACT": "http",
    "LLM_CONTRACT": "llm",
    "LOCKS_CONTRACT": "locks",
    "OBJECTS_CONTRACT": "objects",
    "OUTBOX_CONTRACT": "outbox",
    "SECRETS_CONTRACT": "secrets",
    "STREAMS_CONTRACT": "streams",
    "CacheCheck": "cache",
    "CallersCheck": "callers",
    "ChannelsCheck": "channels",
    "ChannelsFault": "channels",
    "ContainersCheck": "containers",
    "DatabaseCheck": "database",
    "EventsCheck": "events",
    "FakeCallers": "fakes",
    "FakeContainerRunner": "containers",
    "FakeHttp": "http",
    "FakeSecrets": "fakes",
    "HttpCheck": "http",
    "LlmCheck": "llm",
    "ObjectsCheck": "objects",
    "OutboxCheck": "outbox",
    "SecretsCheck": "secrets",
    "StreamsCheck": "streams",
    "check_migrations": "migrations",
    "composed_state": "composing",
    "fake_state": "fakes",
    "sample_site": "http",
}

__all__ = [
    "CACHE_CONTRACT",
    "CALLERS_CONTRACT",
    "CHANNELS_CONTRACT",
    "CHANNELS_FAULTS",
    "CONTAINERS_CONTRACT",
    "DATABASE_CONTRACT",
    "EVENTS_CONTRACT",
    "HTTP_CONTRACT",
    "LLM_CONTRACT",
    "LOCKS_CONTRACT",
    "OBJECTS_CONTRACT",
    "OUTBOX_CONTRACT",
    "SECRETS_CONTRACT",
    "STREAMS_CONTRACT",
    "CacheCheck",
    "CallersCheck",
    "ChannelsCheck",
    "ChannelsFault",
    "ContainersCheck",
    "DatabaseCheck",
    "EventsCheck",
    "FakeCallers",
    "FakeContainerRunner",
    "FakeHttp",
    "FakeSecrets",
    "HttpCheck",
    "LlmCheck",
    "ObjectsCheck",
    "OutboxCheck",
    "SecretsCheck",
    "StreamsCheck",
    "check_migrations",
    "composed_state",
    "fake_state",
    "sample_site",
]

if not TYPE_CHECKING:  # a type checker knows the names above, and tells those that are misspelt

    def __getattr__(name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
