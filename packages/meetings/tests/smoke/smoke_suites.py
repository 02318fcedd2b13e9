"""The ten suites of the plan, in its order and with its assertions.

Where the plan contradicts itself (its suites 8 and 10 need a limit that its suites 2 to 5 have used up) the suite has a
user of its own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from smoke_run import Run, check, refused

if TYPE_CHECKING:
    from collections.abc import Callable

LIVE = ("reserved", "starting", "active")
ENDING = ("completed", "failed", "stopping")
FULL = "Maximum concurrent bots limit reached"
FIELDS = ("id", "platform", "native_meeting_id", "status", "created_at", "data")


class Suite(NamedTuple):
    """One suite of the plan."""

    name: str
    run: Callable[[Run], None]


def users_and_tokens(run: Run) -> None:
    run.user = run.new_user("plan", limit=2)
    check(run.user.get_meetings() == [], "a new user has meetings")


def creation(run: Run) -> None:
    for number, language, task in ((1, "en", "transcribe"), (2, "es", "translate")):
        name = f"smoke-test-{number}"
        bot = run.user.request_bot("google_meet", name, f"Smoke Test Bot {number}", language=language, task=task)
        check(bot["status"] == "reserved", f"bot {number} is {bot['status']}")
        check(
            (bot["platform"], bot["native_meeting_id"]) == ("google_meet", name), f"bot {number} is for another meeting"
        )
        check(bot["bot_container_id"] is not None, f"bot {number} has no container")
        run.bots[name] = bot
    text = refused(lambda: run.user.request_bot("google_meet", "smoke-test-3", "Smoke Test Bot 3"), "a third bot")
    check(FULL in text, f"the third bot was refused for another reason: {text}")
    running = run.user.get_running_bots_status()
    check(len(running) == 2, f"{len(running)} bots are listed")


def transitions(run: Run) -> None:
    def moved() -> bool:
        return all(run.is_in(run.user, name, *(LIVE if run.real_time else LIVE[1:])) for name in run.bots)

    run.wait(30, moved, "both bots are starting or active")
    listed = {bot["meeting_id"] for bot in run.user.get_running_bots_status()}
    for name, bot in run.bots.items():
        meeting = run.find(run.user, name)
        check(meeting["bot_container_id"] == bot["bot_container_id"], f"{name} has another container")
        check(meeting["id"] in listed, f"the bot of {name} is not listed")


def configuration(run: Run) -> None:
    run.wait(60, lambda: all(run.is_in(run.user, name, "active") for name in run.bots), "the bots are active")
    answer = run.user.update_bot_config("google_meet", "smoke-test-1", language="fr", task="translate")
    check(answer["message"], "the configuration was not acknowledged")
    run.wait(10, lambda: len(run.user.get_running_bots_status()) == 2, "both bots still run")
    run.wait(0, lambda: _speaks(run, "fr"), "the bot has taken the language over")


def shutdown(run: Run) -> None:
    check(run.user.stop_bot("google_meet", "smoke-test-1")["message"], "the stop was not acknowledged")
    ended = ENDING if run.real_time else ENDING[:2]
    run.wait(30, lambda: run.is_in(run.user, "smoke-test-1", *ended), "the bot is ending")
    bot = run.user.request_bot("google_meet", "smoke-test-3", "Smoke Test Bot 3")
    check(bot["status"] == "reserved", f"the next bot is {bot['status']}")


def cleanup(run: Run) -> None:
    run.wait(120, lambda: True, "the cleanup has run")
    failed = [it for it in run.user.get_meetings() if it["status"] == "failed"]
    run.findings += [f"{it['native_meeting_id']} failed: {it['data'].get('failure_reason')}" for it in failed]
    refused(lambda: run.user.request_bot("invalid_platform", "invalid-test"), "an unknown platform")
    refused(lambda: run.user.request_bot(platform="google_meet"), "a missing id")


def compatibility(run: Run) -> None:
    meetings = run.user.get_meetings()
    check(len(meetings) == 3, f"there are {len(meetings)} meetings")
    transcript = run.user.get_transcript("google_meet", "smoke-test-1")
    check(isinstance(transcript["segments"], list), "the transcript has no segments")
    newest = meetings[0]
    update = {"name": "Updated Meeting Name", "notes": "Smoke test notes"}
    answer = run.user.update_meeting_data(newest["platform"], newest["native_meeting_id"], **update)
    check(answer["id"] == newest["id"], "another meeting was updated")
    check({key: answer["data"][key] for key in update} == update, "the update is not kept")
    for meeting in run.user.get_meetings():
        check(all(name in meeting for name in FIELDS), f"a field is missing in meeting {meeting['id']}")
        check(isinstance(meeting["data"], dict), f"the data of meeting {meeting['id']} is no object")
        check(meeting["status"] in (*LIVE, *ENDING), f"{meeting['status']} is no status of the plan")


def consistency(run: Run) -> None:
    user = run.new_user("concurrent", limit=2)

    def create(number: int) -> str:
        try:
            user.request_bot("google_meet", f"concurrent-test-{number}", f"Bot {number}")
        except Exception as error:  # noqa: BLE001 - it is looked at below
            return str(error)
        return ""

    with ThreadPoolExecutor(max_workers=3) as executor:
        results = list(executor.map(create, range(3)))
    refusals = [it for it in results if it]
    check(len(refusals) == 1, f"{len(refusals)} of 3 bots were refused")
    check(FULL in refusals[0], f"refused for another reason: {refusals[0]}")


def commands(run: Run) -> None:
    run.wait(0, lambda: run.is_in(run.user, "smoke-test-2", "active"), "a bot is active")
    for number in range(3):
        answer = run.user.update_bot_config("google_meet", "smoke-test-2", language="en" if number % 2 == 0 else "es")
        check(answer["message"], f"command {number + 1} was not acknowledged")
        run.wait(2, lambda: True, "")
    check(run.is_in(run.user, "smoke-test-2", "active"), "the bot did not survive its commands")


def lifecycle(run: Run) -> None:
    user = run.new_user("lifecycle", limit=1)
    name = "lifecycle-test"
    user.request_bot("google_meet", name, "Lifecycle Test Bot")
    run.wait(60, lambda: run.is_in(user, name, "active"), "the bot is active")
    check(user.update_bot_config("google_meet", name, language="fr", task="translate")["message"], "no configuration")
    check(user.stop_bot("google_meet", name)["message"], "no stop")
    run.wait(30, lambda: run.is_in(user, name, "completed"), "the bot has completed")
    steps = [it["to"] for it in run.find(user, name)["data"]["status_transition"]]
    check(steps == ["starting", "active", "stopping", "completed"], f"its history is {steps}")


def _speaks(run: Run, language: str) -> bool:
    said = run.user.get_transcript("google_meet", "smoke-test-1")["segments"]
    return any(it["language"] == language for it in said)


SUITES: tuple[Suite, ...] = (
    Suite("User and Token Management", users_and_tokens),
    Suite("Bot Creation and State", creation),
    Suite("Bot State Transitions", transitions),
    Suite("Bot Configuration", configuration),
    Suite("Bot Shutdown", shutdown),
    Suite("Background Cleanup", cleanup),
    Suite("API Compatibility", compatibility),
    Suite("Database Consistency", consistency),
    Suite("Redis Commands", commands),
    Suite("End-to-End Integration", lifecycle),
)


def stop_all(run: Run) -> None:
    """Leave no bot behind."""
    for meeting in run.user.get_meetings() if run.user else ():
        if meeting["status"] in LIVE:
            run.user.stop_bot(meeting["platform"], meeting["native_meeting_id"])


def result_of(suite: Suite, run: Run) -> str:
    """What went wrong in a suite, or ""."""
    try:
        suite.run(run)
    except Exception as error:  # noqa: BLE001 - a suite that breaks has failed, and the next one runs
        return f"{type(error).__name__}: {error}"
    return ""
