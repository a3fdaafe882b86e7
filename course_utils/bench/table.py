"""What was measured as a page, a plot and a few lines."""
from __future__ import annotations

import io

from course_utils.bench.measure import Measured

COLUMNS = ("method", "setting", "against", "CPU time: ours", "the peer's", "ratio (quartiles)", "wanted", "",
           "of the network's own rate: ours, the peer's", "memory: ours, the peer's (MiB)", "results differ by (allowed)")


def measured(groups: dict) -> list[Measured]:
    """All rows of all groups."""
    return [Measured(**row) for group in groups.values() for row in group["rows"]]


def page(groups: dict, machine: str) -> str:
    """docs/bench_methods.md."""
    rows = measured(groups)
    loads = [value for group in groups.values() for value in group["load"]]
    parts = [
        "# The labs' functions, measured", "",
        "`python3 course.py bench methods` times the functions that the labs teach, taken out of the solved sources, beside what you "
        "would otherwise pick. Both sides do the same work; their results are compared first, and a row counts only where they agree.", "",
        f"Machine: {machine}", "",
        f"Processor seconds of one thread, medians of pairs in turns; each pair gives a ratio (the peer's to ours, so more than 1 means that ours is "
        f"quicker), and its quartiles stand in brackets. The load was {min(loads):.1f} to {max(loads):.1f}; turns "
        "and processor seconds even out what other programs do, but caches are shared. The allocator keeps freed memory at hand, as in the labs, for both sides "
        "(`course_utils/memory.py`). Memory is what a call adds at its highest to the resident memory of the process. The network's own rate is that "
        "of its bare forward passes, or forward and backward, at its best batch and memory layout.", "",
        "Captum and zennit get the network twice: in torch's default memory layout, as it comes, and channels last, in which the labs use it and in "
        "which convolutions run fastest on a processor. That is no setting of theirs, but the bar stands at both.", "",
        "![Ratios of processor time, peer to ours, on a logarithmic axis: a dot with its quartiles for each row, and a mark where the bar stands. "
        "The table below has the same figures.](bench_methods.svg)", "",
        "Dots are medians, lines go from quartile to quartile, black marks stand at what is wanted. Blue: reached; orange diamonds: not reached; grey: nothing is wanted.", "",
        "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    parts += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    failed = [group["failed"] for group in groups.values() if group["failed"]]
    if failed:
        parts += ["", "Not measured to the end:", "", *(f"- {sentence}" for sentence in failed)]
    below = list(dict.fromkeys(short for row in rows if (short := shortfall(row))))
    if below:
        parts += ["", "## Where a bar is missed", "", *(f"- {sentence}" for sentence in below)]
    notes: dict[str, list[str]] = {}
    for row in rows:
        if row.about and row.name not in notes.setdefault(row.about, []):
            notes[row.about].append(row.name)
    if notes:
        parts += ["", "## Notes", "", *(f"- {'; '.join(names)}: {about}" for about, names in notes.items())]
    return "\n".join(parts) + "\n"


def cells(row: Measured) -> list[str]:
    if row.state != "counted":
        return [row.name, row.setting, row.against, row.said, "", "", wanted(row), sign(row), "", "", ""]
    times = f"{row.ratio:.2f} ({row.low:.2f} to {row.high:.2f})" if row.ratio is not None else ""
    if row.bar is not None:
        times = f"**{times}**"
    shares = " , ".join(f"{share:.2f}" for share in (row.share, row.peer_share) if share is not None).replace(" ,", ",")
    memory = ", ".join("?" if one is None else f"{one:.0f}" for one in (row.ours_mib, row.peer_mib)[: 1 if row.peer_s is None else 2])
    return [row.name, row.setting, row.against, duration(row.ours_s), duration(row.peer_s), times, wanted(row), sign(row), shares, memory,
            f"{row.difference:.1g} ({row.tolerance:.1g})"]


def wanted(row: Measured) -> str:
    parts = [f"{row.bar:g}" if row.bar is not None else "", f"share {row.share_bar:g}" if row.share_bar is not None else ""]
    return ", ".join(part for part in parts if part)


def sign(row: Measured) -> str:
    return {None: "", True: "✓", False: "✗"}[row.met]


def duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def shortfall(row: Measured) -> str:
    """What the measurement says about a bar that is missed."""
    if row.met is not False or row.state != "counted":
        return ""
    about = f"{row.name}, {row.setting}, against {row.against or 'the ceiling'}: "
    if row.ratio is None or row.peer_share is None:
        return about + (f"{row.ratio:.2f} where {row.bar:g} is wanted." if row.ratio is not None else f"{row.share:.2f} where {row.share_bar:g} is wanted.")
    most = 1 / row.peer_share
    text = (f"{row.ratio:.2f} where {row.bar:g} is wanted. Ours runs at {row.share:.2f} of the network's own rate, the peer at {row.peer_share:.2f}; "
            f"who calls the network as often can be about {most:.2f} times as fast as the peer at most")
    reach = ", so the bar is out of reach at this work." if 1.1 * most < row.bar else ", so the bar stands at the edge of what is possible." if most < row.bar else "."
    return about + text + reach


def picture(groups: dict) -> str:
    """The plot as SVG text."""
    from course_utils.plots.style import PALETTE, panels, use_style

    use_style()
    rows = [row for row in measured(groups) if row.ratio is not None]
    figure, axes = panels(width=11, height=max(2.5, 0.9 + 0.25 * len(rows)))
    for place, row in enumerate(reversed(rows)):
        colour = "0.35" if row.bar is None else PALETTE[0] if row.met else PALETTE[1]
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        axes.plot(row.ratio, place, "o" if row.met is not False else "D", color=colour, markersize=5)
        if row.bar is not None:
            axes.plot([row.bar, row.bar], [place - 0.35, place + 0.35], color="black", linewidth=2)
    axes.axvline(1, color="0.7", linewidth=1, zorder=0)
    if rows:
        axes.set_xscale("log")
        ends = [value for row in rows for value in (row.low, row.high, row.bar or 1, 1)]
        ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if min(ends) / 1.6 <= tick <= max(ends) * 1.6]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(min(ends) / 1.25, max(ends) * 1.25)
    axes.set_yticks(range(len(rows)), [label(row) for row in reversed(rows)], fontsize=8)
    axes.set(xlabel="processor time of the peer / ours", ylim=(-0.7, len(rows) - 0.3))
    kept = io.StringIO()
    figure.savefig(kept, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in kept.getvalue().splitlines()) + "\n"


def label(row: Measured) -> str:
    """A row in one short line: what, on what, against what."""
    against = row.against if len(row.against) < 46 else row.against[:44].rsplit(" ", 1)[0] + " ..."
    return f"{row.name} · {row.setting.partition(', ')[0]} · {against}"


def summary(groups: dict) -> str:
    """A line for each row that has something to reach."""
    lines = [f"{sign(row)} {row.name}, {row.setting}, {row.against}: "
             + (row.said or ", ".join(f"{found:.2f} (wanted {bar:g})" for found, bar in ((row.ratio, row.bar), (row.share, row.share_bar)) if bar and found is not None))
             for row in measured(groups) if row.bar or row.share_bar]
    return "\n".join(lines)
