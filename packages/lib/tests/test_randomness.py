from botlib import FakeRandomness, Randomness, SystemRandomness


def test_both_sources_give_what_was_asked_for() -> None:
    sources: tuple[Randomness, ...] = (SystemRandomness(), FakeRandomness())

    for source in sources:
        assert len(source.random_bytes(16)) == 16
        assert 2 <= source.uniform(2, 3) <= 3


def test_the_fake_repeats_itself_and_the_system_does_not() -> None:
    assert FakeRandomness(7).random_bytes(8) == FakeRandomness(7).random_bytes(8)
    assert FakeRandomness(7).uniform(0, 1) == FakeRandomness(7).uniform(0, 1)
    assert SystemRandomness().random_bytes(16) != SystemRandomness().random_bytes(16)
