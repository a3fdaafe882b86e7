"""The groups of `bench methods`: name of a group to the function that yields its rows, called with `quick`.

Each group runs in a process of its own; the rows come one after the other and may share networks and data.
"""

GROUPS = {
    "occlusion": "course_utils.bench.occlusion:rows",
}
