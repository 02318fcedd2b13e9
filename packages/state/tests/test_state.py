import pytest

from botstate import AppState, Capability, MissingCapabilityError, SealedStateError, TakenCapabilityError

GREETING = Capability[str]("greeting")
DRIVE = Capability[object]("drive", remedy="Install botserver[drive].")


def test_what_is_provided_can_be_required() -> None:
    state = AppState()
    state.provide(GREETING, "hello")

    assert (state.require(GREETING), state.has(GREETING), state.has(DRIVE)) == ("hello", True, False)


def test_twice_is_an_error() -> None:
    state = AppState()
    state.provide(GREETING, "hello")

    with pytest.raises(TakenCapabilityError, match=r"^There is already a capability named greeting\."):
        state.provide(GREETING, "goodbye")
    assert state.require(GREETING) == "hello"


def test_a_missing_capability_says_where_to_get_it() -> None:
    with pytest.raises(MissingCapabilityError) as caught:
        AppState().require(DRIVE)
    assert str(caught.value) == "Nobody provides the capability drive. Install botserver[drive]."

    with pytest.raises(MissingCapabilityError, match="List it under `requires`"):
        AppState().require(GREETING)


def test_a_namesake_is_not_the_capability() -> None:
    namesake = Capability[int]("greeting")
    state = AppState()
    state.provide(GREETING, "hello")

    assert not state.has(namesake)
    with pytest.raises(MissingCapabilityError, match="another one of the same name"):
        state.require(namesake)
    with pytest.raises(TakenCapabilityError):
        state.provide(namesake, 1)


def test_after_start_up_the_state_does_not_change() -> None:
    state = AppState()
    state.provide(GREETING, "hello")
    state.seal()

    with pytest.raises(SealedStateError, match=r"^drive came after start-up was over\."):
        state.provide(DRIVE, object())
    with pytest.raises(AttributeError):
        state.drive = object()  # type: ignore[attr-defined]  # refused at run time too
    assert state.require(GREETING) == "hello"
