from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from botlib import FakeClock, SystemRandomness
from botstate.objects import MemoryObjects, Objects
from botstate.objects.local import open_local_objects
from botstate.testing import OBJECTS_CONTRACT, ObjectsCheck

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def in_memory(_folder: Path) -> AsyncIterator[Objects]:
    yield MemoryObjects(FakeClock())


@asynccontextmanager
async def in_folder(folder: Path) -> AsyncIterator[Objects]:
    async with open_local_objects(str(folder / "objects"), SystemRandomness()) as objects:
        yield objects


@pytest.mark.parametrize("opened", [in_memory, in_folder])
@pytest.mark.parametrize("check", OBJECTS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(
    check: ObjectsCheck, opened: Callable[[Path], AbstractAsyncContextManager[Objects]], tmp_path: Path
) -> None:
    async with opened(tmp_path) as objects:
        await check(objects)
