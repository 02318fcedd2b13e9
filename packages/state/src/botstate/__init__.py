"""What the services of the bot platform share. Importing it opens nothing and reads no environment."""

from botstate.basis import BASIS, basis_without, with_basis
from botstate.cache import CACHE, Cache
from botstate.caching import cache_service
from botstate.callers import CALLERS, Caller, Callers
from botstate.capability import Capability
from botstate.channels import CHANNELS, Channels, Missed
from botstate.composition import SERVICES, compose
from botstate.configuration import Sources, read_settings
from botstate.containers import CONTAINERS, ContainerJob, ContainerRunner, JobStatus
from botstate.database import DATABASE, Database, DatabaseSettings
from botstate.errors import (
    MissingCapabilityError,
    MissingSettingsError,
    SealedStateError,
    SettingsError,
    StartupError,
    StateError,
    TakenCapabilityError,
)
from botstate.events import (
    EVENTS,
    RECORDED_EVENTS,
    Events,
    Received,
    RecordedEvents,
    Topic,
    events_service,
    recorded_events_service,
)
from botstate.folder import DATA_FOLDER, DataFolder, DataSettings
from botstate.foundation import CLOCK, IDS, RANDOMNESS, foundation
from botstate.guarded.service import http_service
from botstate.http import HTTP, Headers, Http, HttpRequest, HttpResponse, HttpSettings, HttpStream
from botstate.keyvalue import KEY_VALUE, CacheSettings, KeyValue
from botstate.llm import LLM, LanguageModel, LlmSettings, llm_service
from botstate.locks import Lock, hold_lock
from botstate.memory import MemoryCache, MemoryChannels, MemoryStreams
from botstate.migrations import MigrationError, Migrations
from botstate.objects import OBJECTS, ObjectInfo, ObjectReader, Objects, ObjectsSettings, objects_service
from botstate.order import find_clashes, start_order
from botstate.outbox import OUTBOX, OutboxSettings, UndeliverableError, outbox_service
from botstate.places import LocalSecrets
from botstate.secrets import SECRETS, Secrets, SecretsSettings
from botstate.service import ErrorShape, Failure, Provider, Service, given
from botstate.settings import SETTINGS, Setting, Settings
from botstate.standings import STANDINGS, Standing, Standings
from botstate.state import AppState
from botstate.storage import database_service, locate_database
from botstate.streams import STREAMS, Entry, Streams
from botstate.webhooks import WEBHOOKS, Webhook, WebhookSettings, WebhookVerifier, webhooks_service

__all__ = [
    "BASIS",
    "CACHE",
    "CALLERS",
    "CHANNELS",
    "CLOCK",
    "CONTAINERS",
    "DATABASE",
    "DATA_FOLDER",
    "EVENTS",
    "HTTP",
    "IDS",
    "KEY_VALUE",
    "LLM",
    "OBJECTS",
    "OUTBOX",
    "RANDOMNESS",
    "RECORDED_EVENTS",
    "SECRETS",
    "SERVICES",
    "SETTINGS",
    "STANDINGS",
    "STREAMS",
    "WEBHOOKS",
    "AppState",
    "Cache",
    "CacheSettings",
    "Caller",
    "Callers",
    "Capability",
    "Channels",
    "ContainerJob",
    "ContainerRunner",
    "DataFolder",
    "DataSettings",
    "Database",
    "DatabaseSettings",
    "Entry",
    "ErrorShape",
    "Events",
    "Failure",
    "Headers",
    "Http",
    "HttpRequest",
    "HttpResponse",
    "HttpSettings",
    "HttpStream",
    "JobStatus",
    "KeyValue",
    "LanguageModel",
    "LlmSettings",
    "LocalSecrets",
    "Lock",
    "MemoryCache",
    "MemoryChannels",
    "MemoryStreams",
    "MigrationError",
    "Migrations",
    "Missed",
    "MissingCapabilityError",
    "MissingSettingsError",
    "ObjectInfo",
    "ObjectReader",
    "Objects",
    "ObjectsSettings",
    "OutboxSettings",
    "Provider",
    "Received",
    "RecordedEvents",
    "SealedStateError",
    "Secrets",
    "SecretsSettings",
    "Service",
    "Setting",
    "Settings",
    "SettingsError",
    "Sources",
    "Standing",
    "Standings",
    "StartupError",
    "StateError",
    "Streams",
    "TakenCapabilityError",
    "Topic",
    "UndeliverableError",
    "Webhook",
    "WebhookSettings",
    "WebhookVerifier",
    "basis_without",
    "cache_service",
    "compose",
    "database_service",
    "events_service",
    "find_clashes",
    "foundation",
    "given",
    "hold_lock",
    "http_service",
    "llm_service",
    "locate_database",
    "objects_service",
    "outbox_service",
    "read_settings",
    "recorded_events_service",
    "start_order",
    "webhooks_service",
    "with_basis",
]
