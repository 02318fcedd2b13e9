"""Calls the methods of a running orchestrator. For commands: it waits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botlib import BotError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

#: Seconds between two looks at an app that is on its way.
LOOK = 0.1


class CallError(BotError):
    """A method answered with an error. `number` is its code of JSON-RPC, `data` what came with it."""

    code = "containers-call"

    def __init__(self, message: str, number: int, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.number = number
        self.data = data


class Client:
    """One orchestrator. `UnavailableError` when it does not answer."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a method, or `CallError`."""
        import httpx2

        try:
            response = self._http.post("/rpc/v1", json={"method": method, "params": parameters})
            answer = response.json()
        except httpx2.HTTPError as error:
            raise UnavailableError(f"{self._http.base_url} does not answer: {error}", remedy="Is it running?") from None
        except ValueError:
            raise UnavailableError(f"{self._http.base_url} answers something else than JSON.") from None
        if "result" in answer:
            return answer["result"]
        if "error" not in answer:
            raise UnavailableError(answer.get("detail") or "The answer is none.")
        refusal = answer["error"]
        raise CallError(refusal["message"], refusal["code"], refusal.get("data", {}))

    def log_in(self, password: str) -> None:
        """Begin a session."""
        self.call("auth.login", password=password)
        self._http.headers["x-csrf-token"] = self._http.cookies["csrf_token"]

    def entry(self, name: str) -> dict[str, Any] | None:
        """What is known of an app, or None when it is not installed."""
        entry: dict[str, Any] | None = self.state()["package-data"].get(name)
        return entry

    def state(self) -> dict[str, Any]:
        """The whole document."""
        data: dict[str, Any] = self.call("server.get-state")["data"]
        return data

    def wait(self, name: str, wanted: tuple[str, ...], seconds: float) -> str:
        """Wait until an app is in one of these states ("gone": not installed), and give it.

        `CallError` when it settled elsewhere, with the reason; `TimeoutError` when it did not settle.
        """
        deadline = time.monotonic() + seconds
        while True:
            data = self.state()
            entry = data["package-data"].get(name)
            seen = str(entry["state"]) if entry else "gone"
            if seen in wanted:
                return seen
            if seen in {"gone", "running", "stopped", "exited"}:
                told = [it["message"] for it in data["notifications"] if it.get("package-id") == name]
                reason = (entry or {}).get("reason") or (told[-1] if told else f"it is {seen}")
                raise CallError(f"{name} is not {' or '.join(wanted)}: {reason}", 0, {"state": seen})
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is still {seen} after {seconds:g} seconds.")
            time.sleep(LOOK)

    def follow_logs(self, name: str, lines: int) -> Iterator[str]:
        """The last lines of its log, and then each one as it comes."""
        with self._http.stream("GET", f"/containers/{name}/log", params={"lines": lines}, timeout=None) as response:
            if response.status_code != 200:
                response.read()
                raise CallError(response.json().get("detail", "There is no such log."), response.status_code, {})
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield line.removeprefix("data: ")


@contextmanager
def connect(url: str, password: str = "", *, seconds: float = 60.0) -> Iterator[Client]:
    """A client of the orchestrator at this address, logged in when there is a password."""
    import httpx2  # a tenth of a second that only callers need

    with httpx2.Client(base_url=url, timeout=seconds) as http:
        client = Client(http)
        if password:
            client.log_in(password)
        yield client
