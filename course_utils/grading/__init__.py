"""Submissions to results. A submission is somebody else's program.

Outside the wall stand the cases and their seeds, the oracle, the comparison and the points
(`hidden`, `judging`); inside, in a sandbox (`sandbox`), a process that has imported what the lab needs
and computed nothing (`inside.zygote`) forks once for each submission (`inside.child`). Inputs go in and
arrays come out, in a format without code (`wire`). `slices` makes the copy of the course that the
sandbox sees; `submission`, `stripping` and `graft` read what students hand in; `record`, `tables`,
`feedback` and `report` write what is known; `run` and `workers` do it for a whole class.
"""
