"""Who handed something in, as far as the names tell that learning platforms give to exported files."""
from __future__ import annotations

import re
from pathlib import PurePosixPath

MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(file|onlinetext)")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<submission>\d+)_")


def who(label: str) -> tuple[str, str, str]:
    """Name, Canvas id and Moodle id of a submission, as far as its file name tells."""
    for part in PurePosixPath(label).parts:
        moodle, canvas = MOODLE.match(part), CANVAS.match(part)
        if moodle:
            return moodle["name"], "", moodle["id"]
        if canvas:
            return canvas["name"], canvas["id"], ""
    return "", "", ""
