"""Room on the disk, which whatever writes asks for before it begins."""

from __future__ import annotations

import shutil

from service.settings import Settings


class NoRoomError(Exception):
    """The disk is nearly full."""


def require_room(settings: Settings) -> None:
    """Go on where there is room.

    Raises:
        NoRoomError: there is not, in words for who asked.
    """
    free, keep = shutil.disk_usage(settings.root).free, settings.limits.free_bytes
    if free < keep:
        raise NoRoomError(f"{free / 1e9:.1f} GB are free on the service's disk, {keep / 1e9:.1f} must stay")
