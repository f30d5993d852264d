"""What can be wrong with a reading session, a sentence each."""

from __future__ import annotations

from core.errors import ScanLensError


class RoomFault(ScanLensError):
    """A room that cannot be entered, or not in this way."""


class UnknownRoom(RoomFault):
    """There is no room with that code, or its answers were deleted."""

    def __init__(self, code: str) -> None:
        wrong = f"No room has the code {code!r}" if code else "The code of the room is missing"
        super().__init__(wrong, "ask your teacher for its six characters")


class NicknameTaken(RoomFault):
    """Somebody in the room has this nickname."""

    def __init__(self, nickname: str) -> None:
        super().__init__(
            f"The nickname {nickname!r} is taken in this room",
            "choose another, or go on with the link you began with if it is yours",
        )


class RoomClosed(RoomFault):
    """The teacher closed the room."""

    def __init__(self) -> None:
        super().__init__("The teacher has closed this room", "ask your teacher to open another")


class UnknownReader(RoomFault):
    """A link that belongs to nobody in the room."""

    def __init__(self) -> None:
        super().__init__("This link belongs to nobody in this room", "join with the code and a nickname")


class UnusableCases(ScanLensError):
    """The cases that were chosen cannot be read in this way."""
