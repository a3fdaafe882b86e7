"""How a sequence comes about: background, sites, decoys, and the search for unclear cases."""

import numpy as np

from .motifs import INFORMATIVE, MOTIFS, scan

LENGTH = 100
ELEMENTS = ("AP-1", "MAF", "CRE", "GATA", "shuffled AP-1", "shuffled MAF", "broken AP-1", "broken MAF")
BINDING = ("AP-1", "MAF")  # what makes a sequence bound
SLOTS = 4  # two sites, then CRE and GATA
DECOY = 0.5  # chance of each decoy
GC = (0.3, 0.7)  # share of G and C in the background
CPG = 0.3  # how often G follows C, against what the letters alone would give
CORE = 1.6  # bits from which a position belongs to a motif's core; the other informative ones are its flanks
BROKEN = 0.7  # share of the spoiled sites that are broken rather than shuffled
NEAR = 0.7  # a window with this share of a motif's best score counts as a site, one with less does not

# The sites of a sequence and their chance; unbound sequences get the same ones, spoiled.
PLANS = (("AP-1",), ("AP-1", "AP-1"), ("MAF",), ("MAF", "MAF"), ("AP-1", "MAF"))
CHANCES = (0.42, 0.08, 0.34, 0.06, 0.10)

_WIDTHS = np.array([MOTIFS[name.split()[-1]].width for name in ELEMENTS])
_WIDEST = int(_WIDTHS.max())
# columns of uniform numbers: plan, decoys, strands, order, gaps, letters of sites, ways to break them, GC, background
_PARTS = np.cumsum([1, 2, SLOTS, SLOTS, SLOTS, SLOTS * _WIDEST, 2 * (_WIDEST + 1), 1, LENGTH])
_LIMITS = {name: NEAR * float(MOTIFS[name].weights.max(axis=0).sum()) for name in BINDING}
_CUMULATED = {name: motif.matrix.cumsum(axis=0)[:3] for name, motif in MOTIFS.items()}


def draw(n, seed, gc_bias):
    """dict of the arrays of Dna for n sequences."""
    labels = _labels(n, seed)
    made = None
    waiting = np.arange(n)
    for attempt in range(100):
        # Every attempt draws for all n, so that a sequence depends on its own place only.
        uniform = np.random.Generator(np.random.PCG64([seed, attempt])).random((n, _PARTS[-1]))[waiting]
        batch, weak = _plant(labels[waiting], uniform, gc_bias)
        if made is None:
            made = batch
        else:
            for name, array in batch.items():
                made[name][waiting] = array
        waiting = waiting[weak | _stray(batch, labels[waiting])]
        if not len(waiting):
            break
    codes = made.pop("codes")
    one_hot = (codes[:, None] == np.arange(4, dtype=np.uint8)[:, None]).astype(np.uint8)
    return {"sequences": one_hot, "labels": labels, **made}


def _labels(n, seed):
    """Of every two in a row one is bound, in random order."""
    first = np.random.Generator(np.random.PCG64(seed)).random(-(-n // 2)) < 0.5
    return np.stack([first, ~first], axis=1).ravel()[:n].astype(np.int64)


def _plant(labels, uniform, gc_bias):
    """One attempt: letters as codes 0 to 3 (n, LENGTH), what is planted where, and which sites are weak."""
    plan, decoys, strand, order, gaps, site_letters, shuffles, gc, background = np.split(uniform, _PARTS[:-1], axis=1)
    n = len(labels)
    elements = np.full((n, SLOTS), -1, np.int64)
    table = np.array([[ELEMENTS.index(name) for name in sites] + [-1] * (2 - len(sites)) for sites in PLANS])
    elements[:, :2] = table[np.searchsorted(np.cumsum(CHANCES)[:-1], plan[:, 0], side="right")]
    elements[:, 2:] = np.where(decoys < DECOY, [ELEMENTS.index("CRE"), ELEMENTS.index("GATA")], -1)
    strands = np.where(elements < 0, 0, np.where(strand < 0.5, 1, -1)).astype(np.int8)
    widths = np.where(elements < 0, 0, _WIDTHS[elements])
    spans = _places(elements, widths, order, gaps)
    bias = np.where(labels == 1, gc_bias, -gc_bias)
    codes = _background(GC[0] + (GC[1] - GC[0]) * gc[:, 0] + bias, background)
    site_letters = site_letters.reshape(n, SLOTS, _WIDEST)
    shuffles = shuffles.reshape(n, 2, _WIDEST + 1)
    unbound = labels == 0
    weak = np.zeros(n, bool)
    for slot in range(SLOTS):
        for number, name in enumerate(ELEMENTS[:4]):
            chosen = np.flatnonzero(elements[:, slot] == number)
            width = _WIDTHS[number]
            drawn = site_letters[chosen, slot, :width]
            # The code of a letter is the number of cumulated shares that the uniform number passes.
            site = (drawn[:, None] >= _CUMULATED[name]).sum(axis=1).astype(np.uint8)
            if name in BINDING:  # in either class, so that the letters' counts stay alike
                weak[chosen] |= MOTIFS[name].weights[site, np.arange(width)].sum(axis=1) < _LIMITS[name]
            turned = strands[chosen, slot] < 0
            site[turned] = 3 - site[turned, ::-1]  # A-T and C-G are 0-3 and 1-2
            if slot < 2:
                mixed = unbound[chosen]
                source = _mixed(shuffles[chosen, slot], MOTIFS[name], turned)
                site[mixed] = np.take_along_axis(site, source, axis=1)[mixed]
            codes[chosen[:, None], spans[chosen, slot, :1] + np.arange(width)] = site
    broken = np.where(shuffles[..., -1] < BROKEN, 6, 4)
    elements[:, :2] += np.where((elements[:, :2] >= 0) & unbound[:, None], broken, 0)
    return {"codes": codes, "elements": elements, "spans": spans, "strands": strands}, weak


def _mixed(uniform, motif, turned):
    """From which position each letter of a site is taken, (k, width).

    Of a broken site four letters, all of the core or all of the flanks, go round in a circle; of a
    shuffled one all are in random order.
    """
    keys, how = uniform[:, : motif.width], uniform[:, -1:]
    core = motif.information >= CORE
    flank = (motif.information >= INFORMATIVE) & ~core
    part = np.where(how < BROKEN / 2, core, flank)
    part = np.where(turned[:, None], part[:, ::-1], part)
    ring = (keys + ~part).argsort(axis=1, kind="stable")[:, :4]
    circle = np.tile(np.arange(motif.width), (len(keys), 1))
    np.put_along_axis(circle, ring, np.roll(ring, 1, axis=1), axis=1)
    return np.where(how < BROKEN, circle, keys.argsort(axis=1, kind="stable"))


def _places(elements, widths, order, gaps):
    """Places without overlap: the elements in random order, the free letters shared out between them."""
    free = LENGTH - widths.sum(axis=1, keepdims=True)
    before = np.sort((gaps * (free + 1)).astype(np.int64), axis=1)
    first_to_last = order.argsort(axis=1, kind="stable")
    sorted_widths = np.take_along_axis(widths, first_to_last, axis=1)
    starts = before + sorted_widths.cumsum(axis=1) - sorted_widths
    placed = np.empty_like(starts)
    np.put_along_axis(placed, first_to_last, starts, axis=1)
    spans = np.stack([placed, placed + widths], axis=2)
    return np.where(elements[..., None] < 0, -1, spans)


def _background(gc, uniform):
    """A chain in which each letter is drawn by the share of G and C, G after C more rarely."""
    shares = np.stack([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2], axis=1)
    after_c = shares * np.array([1, 1, CPG, 1])
    limits = np.stack([shares, after_c / after_c.sum(axis=1, keepdims=True)]).cumsum(axis=2)[..., :3]
    codes = np.zeros(uniform.shape, np.uint8)
    each = np.arange(len(gc))
    follows_c = np.zeros(len(gc), np.int64)
    for position in range(uniform.shape[1]):
        codes[:, position] = (uniform[:, position, None] >= limits[follows_c, each]).sum(axis=1)
        follows_c = (codes[:, position] == 1).astype(np.int64)
    return codes


def _stray(batch, labels):
    """bool (n,): sequences with a window that counts as a site and that no planted site touches."""
    codes, spans = batch["codes"], batch["spans"]
    one_hot = codes[:, None] == np.arange(4, dtype=np.uint8)[:, None]
    stray = np.zeros(len(codes), bool)
    for name in BINDING:
        width = MOTIFS[name].width
        best = scan(one_hot, MOTIFS[name].weights).max(axis=1)
        starts = np.arange(best.shape[1])
        touched = np.zeros(best.shape, bool)
        for slot in range(2):  # an empty slot's span, -1 to -1, touches nothing
            start, stop = spans[:, slot, :1], spans[:, slot, 1:]
            touched |= (labels == 1)[:, None] & (starts < stop) & (starts + width > start)
        stray |= ((best >= _LIMITS[name]) & ~touched).any(axis=1)
    return stray
