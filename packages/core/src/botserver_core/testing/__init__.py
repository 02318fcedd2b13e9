"""What the tests of services use: a server in this process, and a browser that looks at pages like a careful person."""

from botserver_core.testing.browser import Watched, find_faults, open_browser, open_page
from botserver_core.testing.running import running

__all__ = ["Watched", "find_faults", "open_browser", "open_page", "running"]
