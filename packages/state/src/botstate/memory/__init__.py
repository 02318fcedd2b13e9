"""Cache, channels and streams of a server that is one process."""

from botstate.memory.cache import MemoryCache
from botstate.memory.channels import MemoryChannels
from botstate.memory.streams import MemoryStreams

__all__ = ["MemoryCache", "MemoryChannels", "MemoryStreams"]
