"""Exercise 13.4: unpooling with switches."""
from __future__ import annotations

import numpy as np
import torch

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

PLANS = (  # pictures, maps, height, width, kernel, stride
    (2, 3, 6, 8, 2, 2),
    (1, 2, 7, 5, 2, 2),
    (3, 2, 9, 6, 3, 3),
    (2, 2, 7, 9, 3, 2),  # windows overlap: one place can win in several of them
)


def pooled(seed):
    """Switches of real poolings, and values of either sign to be sent back."""
    rng = np.random.default_rng([13, 4, seed])
    cases = []
    for n, maps, height, width, kernel, stride in PLANS:
        entered = torch.from_numpy(rng.normal(size=(n, maps, height, width)))
        if stride < kernel:  # a clear winner where four windows meet
            entered[:, :, 2, 2] = 9
        _, switches = torch.nn.functional.max_pool2d(entered, kernel, stride, return_indices=True)
        values = torch.from_numpy(rng.normal(size=tuple(switches.shape)))
        overlap = ", windows that overlap" if stride < kernel else ""
        cases.append(Case((values, switches, [height, width]), f"{n} x {maps} maps of {height}x{width}, pooling {kernel} by {stride}{overlap}"))
    return cases


def by_torch(values, switches, size):
    """torch's max_unpool2d where no place won twice; else one value after the other."""
    height, width = size
    plain = switches.flatten(2)
    if all(len(set(row.tolist())) == row.numel() for row in plain.flatten(0, 1)):
        kernel = height // switches.shape[2], width // switches.shape[3]
        return torch.nn.functional.max_unpool2d(values, switches, kernel, output_size=(height, width))
    answer = np.zeros((*values.shape[:2], height, width))
    for (i, c, y, x), value in np.ndenumerate(values.numpy()):
        row, column = divmod(int(switches[i, c, y, x]), width)
        answer[i, c, row, column] += value
    return torch.from_numpy(answer)


def scattered(values, places, size, add=True):
    """Values at flat places of planes of `size`, added up or the last one written."""
    flat = np.zeros((*values.shape[:2], size[0] * size[1]))
    where = places.flatten(2).numpy()
    rows, columns = np.indices(where.shape)[:2]
    if add:
        np.add.at(flat, (rows, columns, where), values.flatten(2).numpy())
    else:
        np.put_along_axis(flat, where, values.flatten(2).numpy(), axis=2)
    return torch.from_numpy(flat.reshape(*values.shape[:2], *size))


def last_wins(values, switches, size):
    return scattered(values, switches, size, add=False)


def corner(values, switches, size):
    stride = [round(whole / part) for whole, part in zip(size, values.shape[2:])]
    answer = torch.zeros(*values.shape[:2], *size, dtype=values.dtype)
    answer[:, :, :values.shape[2] * stride[0]:stride[0], :values.shape[3] * stride[1]:stride[1]] = values[:, :, :size[0], :size[1]]
    return answer


def everywhere(values, switches, size):
    return torch.nn.functional.interpolate(values, size=tuple(size), mode="nearest")


def columns_first(values, switches, size):
    height, width = size
    return scattered(values, (switches % height) * width + switches // height, size)


def mean_share(values, switches, size):
    return everywhere(values, switches, size) * (values[0, 0].numel() / (size[0] * size[1]))


def switches_of_first(values, switches, size):
    return scattered(values, switches[:1, :1].expand_as(switches), size)


def ranks(values, switches, size):
    return scattered(switches.to(values.dtype), switches, size)


def one_canvas(values, switches, size):
    flat = torch.zeros(values.shape[0] * values.shape[1] * size[0] * size[1], dtype=values.dtype)
    return flat.index_add(0, switches.flatten(), values.flatten()).view(*values.shape[:2], *size)


def always_float32(values, switches, size):
    return scattered(values, switches, size).float()


def total(args, answer):
    values = args[0]
    return bool(torch.allclose(answer.sum(dim=(2, 3)).to(values.dtype), values.sum(dim=(2, 3)), rtol=1e-4, atol=1e-5))


UNPOOL = Exercise(
    id="13.4", title="Unpooling with switches", points=2, minutes=10, difficulty=2, function="unpool",
    cases=pooled, oracle=by_torch,
    laws=(
        Law("dtype", "The answer has the dtype of `values`: give it to `torch.zeros`.", lambda args, answer: answer.dtype == args[0].dtype),
        Law("nothing lost", "The values of each map add up to the same before and after.", total),
        Law("winners only", "Only places that have won a window can differ from zero.",
            lambda args, answer: bool((scattered(torch.ones_like(args[0]), args[1], args[2])[answer != 0] > 0).all())),
    ),
    hints=(
        "A switch is the address of a winner: row times width plus column, in its own map. Every value goes to its address; all else is 0.",
        "Make a canvas of zeros with one long row a map, (n, c, height * width); bring values and switches to (n, c, h * w); add each "
        "value at its switch; fold the canvas.",
        "`canvas.scatter_add_(2, switches.flatten(2), values.flatten(2))` adds where several values have one address.",
    ),
    misconceptions=(
        Misconception("the last one wins", last_wins,
                      "Where windows overlap, one place can win several of them, and your version keeps one value of theirs. They add up: "
                      "`scatter_add_`, not `scatter_`."),
        Misconception("top left corner", corner,
                      "You put every value into the same corner of its window. The switch says where the winner stood."),
        Misconception("copied everywhere", everywhere, "You copy each value all over its window; it belongs to the winner alone, the rest is 0."),
        Misconception("shared out", mean_share,
                      "You share each value out over its window, as the way back through an average pooling does. A max pooling has one winner."),
        Misconception("columns first", columns_first,
                      "You read the address as column times height plus row. It counts along the rows: row times *width* plus column."),
        Misconception("one map's switches for all", switches_of_first, "You use the switches of the first map for every map; each has its own."),
        Misconception("one canvas for all maps", one_canvas,
                      "You write all maps into the first one: a switch is an address in its own map, so keep one long row for each."),
        Misconception("always float32", always_float32, "Your canvas is float32 whatever comes in: `torch.zeros(..., dtype=values.dtype)`."),
        Misconception("switches for values", ranks, "You write the addresses themselves; the values are to be written, at these addresses."),
    ),
)
