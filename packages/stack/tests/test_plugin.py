"""The pytest plugin, as a test suite that declares nothing but this package uses it."""

from __future__ import annotations

import pytest

TESTS = """
    import subprocess
    from botserver_stack.recipes.postgres import PostgresRecipe
    from botserver_stack.recipes.valkey import ask

    def query(stack, url, statement):
        site = stack.stack._server("postgres").site
        return stack.run(PostgresRecipe().query(site, statement, database=url.rpartition("/")[2]))

    def redis(stack, url, *commands):
        found = stack.environment
        words = (f"SELECT {url.rpartition('/')[2]}", *commands)
        return stack.run(ask(int(found["REDIS_PORT"]), found["REDIS_PASSWORD"], *words))

    import pytest

    @pytest.mark.parametrize("number", range(4))
    def test_every_test_has_a_database_of_its_own(stack, postgres_url, number):
        assert query(stack, postgres_url, "CREATE TABLE a AS SELECT 1 AS b; SELECT b FROM a") == "1\\n"

    @pytest.mark.parametrize("number", range(4))
    def test_every_test_has_an_empty_keyspace(stack, redis_url, number):
        assert ":0" in redis(stack, redis_url, "DBSIZE")
        redis(stack, redis_url, "SET a 1")

    def test_a_stack_of_its_own(fresh_stack):
        own = fresh_stack(services=("redis",))
        own.kill_server("redis")
        own.start_server("redis")
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_fixtures_give_what_they_promise(pytester: pytest.Pytester, options: list[str]) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=9)


def test_nothing_starts_when_no_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def stack_services():
            raise AssertionError
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_variables_of_the_environment_skip_tests_and_keep_the_stack_of_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(pytester.path))
    monkeypatch.setenv("HEADED", "1")
    monkeypatch.setenv("KEEP_TEMP_STACK_ON_ERROR", "1")
    pytester.makepyfile(
        """
        def test_passes(fresh_stack, browser_wish):
            fresh_stack(services=("redis",))
            assert not browser_wish.headless

        def test_fails(fresh_stack):
            fresh_stack(services=("redis",))
            raise AssertionError
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1, failed=1)
    assert len([*pytester.path.glob("botserver-test-*")]) == 1
    monkeypatch.setenv("SKIP_E2E_TESTS", "1")
    pytester.runpytest_subprocess().assert_outcomes(skipped=2)
