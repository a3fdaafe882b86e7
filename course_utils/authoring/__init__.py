"""From the source of a lab to its two notebooks, and what holds them.

`sources` reads, `lint` and `leaks` complain, `execute` runs, `student` derives the student's copy,
`build` does all of it; `gates` tries the exercises, `budget` measures a lab's time.
"""
