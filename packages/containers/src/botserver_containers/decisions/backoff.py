"""How long to wait before another try. No chance in it: whoever waits can be told the exact second."""

from __future__ import annotations

#: Seconds before the 1st, 2nd and 3rd restart of an app that went down.
RESTART_DELAYS = (10.0, 30.0, 90.0)
#: An app is restarted this often; then somebody has to look.
MAX_RESTARTS = len(RESTART_DELAYS)
#: An app that was up for this many seconds is forgiven its restarts.
STABLE_AFTER = 3600.0

#: Seconds after the 1st and 2nd failure of a pull.
PULL_DELAYS = (5.0, 15.0)
PULL_ATTEMPTS = len(PULL_DELAYS) + 1


def restart_due(attempts: int, down_since: float | None, last_attempt: float | None, now: float) -> float:
    """When the next restart may happen, in unix seconds; `attempts` of them were made.

    It is counted from the later of the moment the app went down and the last attempt. A moment that lies in the future
    shows that the clock was set back: then nothing is known and the restart is due at once, so that a clock never makes
    a wait longer.
    """
    moments = [moment for moment in (down_since, last_attempt) if moment is not None]
    if not moments or max(moments) > now:
        return now
    return max(moments) + RESTART_DELAYS[min(attempts, MAX_RESTARTS - 1)]
