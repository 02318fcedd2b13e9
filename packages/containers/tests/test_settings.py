import pytest

from botserver_containers.settings import ContainersSettings
from botstate import SettingsError, Sources, read_settings

PARTS = {"containers": ContainersSettings}


def read(**environment: str) -> ContainersSettings:
    return read_settings(PARTS, Sources(environment=environment)).part(ContainersSettings)


def test_nothing_needs_to_be_set() -> None:
    assert read() == ContainersSettings()


def test_what_is_set_counts() -> None:
    settings = read(BOT_CONTAINERS__SETTLE="2.5", BOT_CONTAINERS__ALLOWED_IMAGES='["localhost/*"]')
    assert settings == ContainersSettings(settle=2.5, allowed_images=("localhost/*",))


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="settle must be a number of seconds above 0"):
        read(BOT_CONTAINERS__SETTLE="0")
