"""What stands in the paths of routes."""

from typing import Annotated

from fastapi import Depends, Path

from botserver_meetings.platforms import LONGEST_ID, MeetingName, Platform


def name_in_path(
    platform: Platform, native_meeting_id: Annotated[str, Path(min_length=1, max_length=LONGEST_ID)]
) -> MeetingName:
    """The meeting of a path that ends in `BY_NAME`."""
    return MeetingName(platform, native_meeting_id)


#: The end of a path. An id may hold slashes, because users bring ids of all kinds.
BY_NAME = "{platform}/{native_meeting_id:path}"
#: The type of the parameter of a route with such a path.
NameInPath = Annotated[MeetingName, Depends(name_in_path)]
