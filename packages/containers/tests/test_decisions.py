"""Properties of the decisions: what holds for any apps at any time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from botserver_containers.decisions import breaker, checks, dependencies, labels, names, phases, reconcile, recovery
from botserver_containers.decisions.grace import stop_timeout_secs
from botserver_containers.decisions.monitor import Restart, Skip, decide
from botserver_containers.decisions.observation import ContainerState, Health, Observation
from botserver_containers.decisions.phases import Phase
from botserver_containers.decisions.tiers import tier_of

KNOWN = [
    "mempool-db",
    "archy-btcpay-db",
    "bitcoin-knots",
    "lnd",
    "filebrowser",
    "btcpay-server",
    "lnd-ui",
    "immich_redis",
]
app_names = st.one_of(st.sampled_from(KNOWN), st.from_regex(names.PATTERN, fullmatch=True))
moments = st.floats(0, 1e9)
observations = st.builds(
    Observation,
    name=app_names,
    state=st.sampled_from(ContainerState),
    exit_code=st.integers(0, 255),
    health=st.sampled_from(Health),
    down_since=st.none() | moments,
    busy=st.booleans(),
    depends_on=st.lists(app_names, max_size=3).map(tuple),
)
needs = st.dictionaries(app_names, st.sets(app_names, max_size=3), max_size=8)


@given(st.lists(observations, max_size=12), st.sets(app_names), moments)
def test_every_app_gets_one_action_and_lower_tiers_come_first(
    seen: list[Observation], stopped: set[str], now: float
) -> None:
    actions = decide(seen, {}, stopped, now)
    assert sorted(action.name for action in actions) == sorted({it.name for it in seen})
    assert [tier_of(action.name) for action in actions] == sorted(
        tier_of(it.name) for it in {a.name: a for a in actions}.values()
    )


@given(st.lists(observations, max_size=12), st.sets(app_names), moments)
def test_only_what_is_down_and_free_is_restarted(seen: list[Observation], stopped: set[str], now: float) -> None:
    by_name = {it.name: it for it in seen}
    up = {name for name, it in by_name.items() if it.up}
    for action in decide(seen, {}, stopped, now):
        if isinstance(action, Restart):
            it = by_name[action.name]
            assert action.name not in stopped | up
            assert not it.busy
            assert set(it.depends_on) <= up
            assert action.attempt == 1


def test_who_waits_for_a_dependency_burns_no_attempt() -> None:
    lnd = Observation("lnd", ContainerState.EXITED, 1, depends_on=("bitcoin-knots",))
    bitcoin = Observation("bitcoin-knots", ContainerState.EXITED, 1)
    assert decide([lnd, bitcoin], {}, set(), 100.0) == [
        Restart("bitcoin-knots", 1, "crashed, exit code 1"),
        Skip("lnd", "waits for bitcoin-knots"),
    ]


@given(needs)
def test_nobody_starts_before_what_it_needs_unless_it_is_a_circle(needed: dict[str, set[str]]) -> None:
    groups = dependencies.start_groups(needed)
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert sorted(place) == sorted(needed)
    if not dependencies.find_cycle(needed):
        for name, wanted in needed.items():
            assert all(place[other] < place[name] for other in wanted if other in needed and other != name)


@given(st.sets(app_names))
def test_tiers_start_one_after_the_other_and_each_as_a_whole(apps: set[str]) -> None:
    groups = dependencies.start_groups(dict.fromkeys(apps, ()))
    assert [name for group in groups for name in group] == sorted(apps, key=lambda name: (tier_of(name), name))
    assert [tier_of(group[0]) for group in groups] == sorted({tier_of(name) for name in apps})


@given(needs, app_names)
def test_dependents_are_those_who_reach_it(needed: dict[str, set[str]], name: str) -> None:
    found = dependencies.dependents(name, needed)
    assert all(needed[it] & {name, *found} for it in found)
    assert not [it for it in needed if it != name and name in needed[it] and it not in found]


def test_a_circle_is_told_from_end_to_end() -> None:
    assert (
        dependencies.find_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})[0]
        == dependencies.find_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})[-1]
    )
    assert dependencies.find_cycle({"a": {"b"}, "b": set()}) == []


@given(st.sampled_from(Phase), st.floats(0, 5000), st.sampled_from(ContainerState), st.integers(0, 255), st.booleans())
def test_a_transition_is_the_jobs_until_it_is_stuck(
    phase: Phase, age: float, state: ContainerState, code: int, stopped: bool
) -> None:
    after = phases.phase_after_scan(phase, age, state, code, user_stopped=stopped)
    if phase.transitional and age < 1200:
        assert after is phase
    else:
        assert not after.transitional
        assert after is Phase.STOPPED or not stopped


def test_progress_never_goes_back() -> None:
    percent, seen = 0, []
    for step in [
        "Preparing",
        "PullingImage",
        "Preparing",
        "CreatingContainer",
        "WaitingHealthy",
        "StartingContainer",
        "Done",
    ]:
        percent = phases.next_percent(percent, step)
        seen.append(percent)
    assert seen == [5, 20, 20, 70, 88, 88, 100]


def test_exit_codes_have_names() -> None:
    assert [labels.label(code) for code in (0, 137, 1, 143, 255)] == [
        "stopped",
        "killed (OOM)",
        "crashed",
        "crashed",
        "crashed",
    ]


def test_databases_are_known_by_their_names() -> None:
    found = {name: (int(tier_of(name)), stop_timeout_secs(name)) for name in [
        "penpot-postgres", "immich_redis", "endurain-db", "archy-nextcloud-db", "mysql", "db-browser", "electrs",
        "btcpay-server", "mempool-api", "penpot-frontend",
    ]}  # fmt: skip
    assert found == {
        "penpot-postgres": (0, 120), "immich_redis": (0, 120), "endurain-db": (0, 120), "archy-nextcloud-db": (0, 120),
        "mysql": (0, 120), "db-browser": (3, 30), "electrs": (2, 300), "btcpay-server": (3, 60), "mempool-api": (3, 30),
        "penpot-frontend": (4, 30),
    }  # fmt: skip


@given(st.lists(moments, max_size=20), moments)
def test_a_breaker_opens_after_five_tries_within_half_an_hour(tries: list[float], now: float) -> None:
    attempts: breaker.Attempts = ()
    for moment in sorted(tries):
        attempts = breaker.record(attempts, moment)
    recent = [moment for moment in tries if moment > now - 1800]
    if max(tries, default=0.0) <= now:
        assert breaker.is_open(attempts, now) == (len(recent) >= 5)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 5))
def test_health_is_what_the_last_checks_say(results: list[bool], retries: int) -> None:
    streak = checks.Streak()
    for passed in results:
        streak = checks.add_result(streak, passed=passed, retries=retries)
    tail = len(results) - max((n + 1 for n, passed in enumerate(results) if passed), default=0)
    if tail >= retries:
        assert streak.health is Health.UNHEALTHY
    else:
        assert streak.health is (Health.HEALTHY if any(results) else Health.STARTING)


@given(st.floats(0, 1e6), st.floats(0.1, 1000), st.floats(0, 1e5))
def test_a_tick_is_after_now_and_within_one_interval(began: float, interval: float, later: float) -> None:
    now = began + later
    tick = checks.next_tick(began, interval, now)
    assert now - 1e-6 <= tick <= now + interval + 1e-6


def test_what_became_of_the_last_run() -> None:
    trace = recovery.Trace(7, 100, "boot-a")
    found = [
        recovery.judge(None, "boot-a", None),
        recovery.judge(trace, "boot-a", 100),
        recovery.judge(trace, "boot-a", None),
        recovery.judge(trace, "boot-a", 101),
        recovery.judge(trace, "boot-b", 100),
        recovery.judge(recovery.Trace(7), "boot-a", 5),
    ]
    assert [(it.crashed, it.running) for it in found] == [
        (False, False),
        (False, True),
        (True, False),
        (True, False),
        (True, False),
        (False, True),
    ]


@given(st.lists(app_names), st.sets(app_names), st.sets(app_names))
def test_nobody_who_was_stopped_or_is_unknown_is_recovered(
    snapshot: list[str], installed: set[str], stopped: set[str]
) -> None:
    found = recovery.to_recover(snapshot, installed, stopped)
    assert set(found) == (set(snapshot) & installed) - stopped
    assert len(found) == len(set(found))


actuals = st.builds(
    reconcile.Actual, app_names, st.sampled_from(ContainerState), st.sampled_from("ab"), alive=st.booleans()
)
desired = st.builds(reconcile.Desired, app_names, st.sampled_from("ab"), busy=st.booleans())


@given(st.lists(desired), st.lists(actuals), st.sets(app_names), moments)
def test_every_name_gets_one_step_and_what_the_user_stopped_is_left(
    wanted: list[reconcile.Desired], there: list[reconcile.Actual], stopped: set[str], now: float
) -> None:
    steps = reconcile.reconcile(wanted, there, stopped, {}, now)
    names_wanted, names_there = {it.name for it in wanted}, {it.name for it in there}
    assert [step.name for step in steps] == sorted(names_wanted | names_there)
    for step in steps:
        assert (step.verb == "remove") == (step.name not in names_wanted)
        if step.name in stopped and step.name in names_wanted:
            assert step.verb == "leave"


def test_what_differs_is_made_anew_until_the_breaker_opens() -> None:
    wanted = [reconcile.Desired(name, "a") for name in ("changed", "dead", "fine", "gone", "often")]
    there = [
        reconcile.Actual("changed", ContainerState.RUNNING, "b"),
        reconcile.Actual("dead", ContainerState.RUNNING, "a", alive=False),
        reconcile.Actual("fine", ContainerState.EXITED, "a"),
        reconcile.Actual("stray", ContainerState.RUNNING, "a"),
    ]
    steps = reconcile.reconcile(wanted, there, set(), {"often": (1.0, 2.0, 3.0, 4.0, 5.0)}, 6.0)
    assert [(step.name, step.verb) for step in steps] == [
        ("changed", "recreate"), ("dead", "recreate"), ("fine", "leave"), ("gone", "create"), ("often", "report"),
        ("stray", "remove"),
    ]  # fmt: skip
