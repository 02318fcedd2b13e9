"""For tests: a state full of fakes, and one contract for each Protocol that any implementation can be checked against.

@pytest.mark.anyio
@pytest.mark.parametrize("check", CACHE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: CacheCheck) -> None:
async with open_my_cache() as cache:
await check(cache, asyncio.sleep)
"""

from botstate.testing.cache import CACHE_CONTRACT, CacheCheck
from botstate.testing.channels import CHANNELS_CONTRACT, ChannelsCheck
from botstate.testing.fakes import FakeSecrets, fake_state
from botstate.testing.http import HTTP_CONTRACT, FakeHttp, HttpCheck, sample_site
from botstate.testing.secrets import SECRETS_CONTRACT, SecretsCheck
from botstate.testing.streams import STREAMS_CONTRACT, StreamsCheck

__all__ = [
    "CACHE_CONTRACT",
    "CHANNELS_CONTRACT",
    "HTTP_CONTRACT",
    "SECRETS_CONTRACT",
    "STREAMS_CONTRACT",
    "CacheCheck",
    "ChannelsCheck",
    "FakeHttp",
    "FakeSecrets",
    "HttpCheck",
    "SecretsCheck",
    "StreamsCheck",
    "fake_state",
    "sample_site",
]
