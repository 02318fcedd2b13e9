"""The published client, unmodified, over all of its methods, with bots that are real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from vexa_client import VexaClient
from vexa_client.vexa import VexaClientError

from botserver_core.testing import running
from botserver_meetings.testing import ADMIN, create_real_services

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SMOKE = Path(__file__).parent / "smoke"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as an operator runs it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("server")
    with running(create_real_services(folder, sweep_interval=1.0)) as address:
        yield address
    assert not [it for it in folder.glob("run/*.bot") if lock_is_held(it)], "a bot outlives its server"


def lock_is_held(path: Path) -> bool:
    probe = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return subprocess.run([sys.executable, "-c", probe, str(path)], capture_output=True, check=False).returncode != 0


def test_every_method_of_the_client(url: str) -> None:
    admin = VexaClient(url, admin_key=ADMIN["X-Admin-API-Key"])
    user = admin.create_user_and_set_id("anna@example.org", "Anna", "https://example.org/anna.png", 2)
    token = admin.create_token()["token"]
    assert admin.get_user_by_email("anna@example.org")["id"] == user["id"] == admin.user_id
    assert [it["email"] for it in admin.list_users(skip=0, limit=10)] == ["anna@example.org"]
    assert admin.update_user(user["id"], name="Anne")["name"] == "Anne"
    anna = VexaClient(url)
    anna.set_api_key(token)

    first = anna.request_bot("google_meet", "daily", bot_name="B", language="en", task="transcribe", passcode=None)
    second = anna.request_bot_from_url("https://teams.live.com/meet/9398850880426?p=RBZCWdxyp85TpcKna8")
    assert (second["platform"], second["native_meeting_id"]) == ("teams", "9398850880426")
    assert {it["meeting_id"] for it in anna.get_running_bots_status()} == {first["id"], second["id"]}
    notes: dict[str, Any] = {"name": "Daily", "participants": ["Ben"], "languages": ["en"], "notes": "Short."}
    assert anna.update_meeting_data("google_meet", "daily", **notes)["id"] == first["id"]
    meeting = anna.get_meeting_by_id("google_meet", "daily")
    assert meeting["id"] == first["id"]
    assert anna.get_meeting_metadata(meeting)["name"] == "Daily"
    assert (anna.get_meeting_participants(meeting), anna.get_meeting_languages(meeting)) == (["Ben"], ["en"])
    assert anna.get_transcript("google_meet", "daily", first["id"])["segments"] == []
    with pytest.raises(VexaClientError, match=r"HTTP Error 404 for PUT .*No active meeting found"):
        anna.update_bot_config("teams", "1234567890", language="fr")
    assert "accepted" in anna.stop_bot("teams", "9398850880426")["message"]
    assert "have been deleted" in anna.delete_meeting("google_meet", "daily")["message"]
    webhook = anna.set_webhook_url("https://example.org/hook")
    assert webhook["data"]["webhook_url"] == "https://example.org/hook"


def test_all_ten_suites_of_the_plan(url: str) -> None:
    command = [sys.executable, str(SMOKE), "--url", url, "--admin-token", ADMIN["X-Admin-API-Key"], "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    assert (report["passed"], len(report["suites"])) == (True, 10)
