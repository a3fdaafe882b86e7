"""The animals: which parts each species has, and how the parts are put together.

Coordinates of an animal: x forward, y up, feet at y = 0, one unit is a body
length. `a` is an `Easel` (easel.py): it holds the grid, the pose and the
shapes, and `a.paint(part, distance, ...)` lays a part over what is there.

Hare and goat differ in one part only (ears or horns), and so do llama and
camel (the hump): everything else in their pictures is the same.
"""

SPECIES = ("hare", "goat", "elephant", "tortoise", "llama", "camel", "goose", "seal")
UNSEEN = ("lion", "hedgehog", "crab")
PARTS = (
    "body", "head", "neck", "legs", "tail", "eye",
    "ears", "horns", "trunk", "shell", "hump", "beak", "wings", "fins",
    "mane", "spikes", "claws",
)  # fmt: skip
TELLTALE = {
    "hare": ("ears",),
    "goat": ("horns",),
    "elephant": ("trunk", "ears"),
    "tortoise": ("shell",),
    "llama": ("neck",),
    "camel": ("neck", "hump"),
    "goose": ("wings", "beak"),
    "seal": ("fins",),
    "lion": ("mane",),
    "hedgehog": ("spikes",),
    "crab": ("claws",),
}
BACK = {"tortoise": 0.58, "goose": 0.62, "seal": 0.32, "crab": 0.56}  # height of the rump; 0.76 for the others
PAIRS = (("hare", "goat"), ("llama", "camel"))  # species that differ in one part only


def _walker(a, head=(0.52, 0.90), trunk_line=0.56, leg=0.075, back=None, behind_head=None):
    """Body on four legs, neck, tail, head with an eye; returns the head's centre.

    back(a) paints on the body, before the near legs; behind_head(a, x, y) under the head.
    """
    s = a.pose["stride"]
    low = trunk_line - 0.12
    a.paint("tail", a.limb(-0.44, trunk_line + 0.08, -0.64, trunk_line - 0.08 + a.pose["tail"], 0.05, 0.03))
    far = a.union(
        a.limb(0.22, low, 0.22 - s, 0.05, leg, leg * 0.8),
        a.limb(-0.26, low, -0.26 + s, 0.05, leg, leg * 0.8),
    )
    a.paint("legs", far, tone=0.62)
    body = a.limb(-0.24, trunk_line, 0.24, trunk_line + 0.01, 0.22, 0.205)
    if back:
        back(a)
    a.paint("body", body, coat=True)
    x, y = a.nod(0.28, trunk_line + 0.08, *head)
    a.paint("neck", a.limb(0.27, trunk_line + 0.05, x, y, 0.15, 0.105), rim=0.0)
    near = a.union(
        a.limb(0.30, low, 0.30 + s, 0.05, leg, leg * 0.85),
        a.limb(-0.30, low, -0.30 - s, 0.05, leg, leg * 0.85),
    )
    a.paint("legs", near, rim=0.25)
    if behind_head:
        behind_head(a, x, y)
    a.paint("head", a.limb(x, y, x + 0.17, y - 0.05, 0.135, 0.085), rim=0.25)
    _eye(a, x + 0.05, y + 0.04)
    return x, y


def _eye(a, x, y):
    a.paint("eye", a.circle(x, y, 0.048), tone=0.12, rim=0.0)


def _hare(a):
    x, y = _walker(a)
    tips = [a.swing(x - 0.04 - 0.05 * i, y + 0.08, -0.06 - 0.12 * i, 0.40) for i in (1, 0)]
    for i, (u, v) in zip((1, 0), tips, strict=True):
        a.paint("ears", a.limb(x - 0.03 - 0.06 * i, y + 0.09, u, v, 0.055, 0.085), accent=0.35, rim=0.3)


def _goat(a):
    x, y = _walker(a)
    for i in (1, 0):
        bx, by = x - 0.03 - 0.05 * i, y + 0.10
        mx, my = a.swing(bx, by, -0.03 - 0.05 * i, 0.20)
        tx, ty = a.swing(bx, by, -0.27 - 0.05 * i, 0.29)
        horn = a.union(a.limb(bx, by, mx, my, 0.075, 0.065), a.limb(mx, my, tx, ty, 0.065, 0.03))
        a.paint("horns", horn, accent=1.0, rim=0.3)


def _elephant(a):
    x, y = _walker(a, leg=0.095)
    ax, ay = x + 0.17, y - 0.06
    bx, by = a.swing(ax, ay, 0.08, -0.28)
    cx, cy = a.swing(ax, ay, 0.17, -0.46)
    trunk = a.union(a.limb(ax, ay, bx, by, 0.085, 0.06), a.limb(bx, by, cx, cy, 0.06, 0.045))
    a.paint("trunk", trunk, rim=0.2)
    a.paint("ears", a.ellipse(x - 0.10, y - 0.01, 0.135, 0.19), accent=0.35, rim=0.35)


def _tortoise(a):
    s = a.pose["stride"]
    a.paint("tail", a.limb(-0.52, 0.22, -0.66, 0.16 + 0.3 * a.pose["tail"], 0.05, 0.02))
    x, y = a.nod(0.40, 0.26, 0.66, 0.46)
    a.paint("neck", a.limb(0.38, 0.25, x, y, 0.11, 0.095))
    for foot, tone in ((-s, 0.62), (s, 1.0)):
        legs = a.union(
            a.limb(0.32, 0.22, 0.36 + foot, 0.06, 0.10, 0.085),
            a.limb(-0.34, 0.22, -0.38 - foot, 0.06, 0.10, 0.085),
        )
        a.paint("legs", legs, tone=tone, rim=0.2)
    a.paint("body", a.limb(-0.38, 0.24, 0.38, 0.25, 0.11, 0.11))
    dome = a.cut_below(a.ellipse(0.0, 0.24, 0.54, 0.52), 0.22)
    a.paint("shell", dome, accent=1.0, plates=True, rim=0.4)
    a.paint("head", a.limb(x, y, x + 0.12, y - 0.02, 0.12, 0.09), rim=0.2)
    _eye(a, x + 0.06, y + 0.04)


def _llama(a, back=None):
    x, y = _walker(a, head=(0.48, 1.22), back=back)
    return x, y


def _camel(a):
    def hump(a):
        a.paint("hump", a.cut_below(a.limb(-0.04, 0.72, -0.06, 1.00, 0.22, 0.12), 0.68), rim=0.0)

    _llama(a, back=hump)


def _goose(a):
    s = a.pose["stride"]
    a.paint("wings", _wing(a, 0.10, 0.80), tone=0.7, accent=1.0)
    for foot, tone in ((-s, 0.7), (s, 1.0)):
        shin = a.limb(-0.04, 0.34, -0.04 + foot, 0.03, 0.04, 0.035)
        toes = a.limb(-0.04 + foot, 0.03, 0.10 + foot, 0.03, 0.035, 0.03)
        a.paint("legs", a.union(shin, toes), tone=tone, accent=0.7, rim=0.0)
    tx, ty = -0.62, 0.62 + 0.5 * a.pose["tail"]
    a.paint("tail", a.limb(-0.30, 0.50, tx, ty, 0.15, 0.05))
    a.paint("body", a.ellipse(-0.06, 0.50, 0.40, 0.25), coat=True)
    x, y = a.nod(0.24, 0.56, 0.42, 0.96)
    a.paint("neck", a.limb(0.22, 0.58, x, y, 0.13, 0.085), rim=0.0)
    a.paint("beak", a.limb(x + 0.08, y - 0.01, x + 0.30, y - 0.05, 0.085, 0.04), accent=1.0, rim=0.3)
    a.paint("head", a.circle(x, y, 0.125), rim=0.1)
    a.paint("wings", _wing(a, -0.06, 0.62), accent=1.0, rim=0.4)
    _eye(a, x + 0.03, y + 0.03)


def _wing(a, x, y):
    """A raised wing: three feathers from the shoulder."""
    tips = [a.swing(x, y, *tip) for tip in ((-0.56, 0.12), (-0.48, 0.34), (-0.28, 0.50))]
    return a.union(*(a.limb(x, y, u, v, 0.13, 0.06) for u, v in tips))


def _seal(a):
    for reach, tone in ((0.10, 0.7), (-0.04, 1.0)):
        u, v = a.swing(-0.52, 0.16, -0.24, 0.16 + reach)
        a.paint("fins", a.limb(-0.52, 0.16, u, v, 0.06, 0.09), tone=tone, accent=0.35, rim=0.25)
    body = a.union(a.limb(-0.52, 0.17, -0.05, 0.25, 0.09, 0.23), a.limb(-0.05, 0.25, 0.28, 0.36, 0.23, 0.20))
    a.paint("body", body, coat=True)
    x, y = a.nod(0.28, 0.40, 0.44, 0.74)
    a.paint("neck", a.limb(0.27, 0.38, x, y, 0.19, 0.13), rim=0.0)
    a.paint("head", a.limb(x, y, x + 0.15, y - 0.05, 0.135, 0.085), rim=0.15)
    u, v = a.swing(0.20, 0.26, -0.16, -0.20)
    a.paint("fins", a.limb(0.20, 0.26, u, v, 0.075, 0.10), accent=0.35, rim=0.4)
    _eye(a, x + 0.05, y + 0.04)


def _lion(a):
    def mane(a, x, y):
        a.paint("mane", a.circle(x - 0.02, y, 0.26), accent=1.0, tone=0.8, stripes=True, rim=0.35)

    _walker(a, head=(0.50, 0.88), behind_head=mane)


def _hedgehog(a):
    def spikes(a):
        rows = [(-0.42, 0.62, -0.24, 0.16), (-0.24, 0.70, -0.14, 0.24), (-0.04, 0.72, -0.04, 0.26), (0.16, 0.70, 0.06, 0.24)]
        quills = [a.limb(x, y, *a.swing(x, y, u, v), 0.10, 0.012) for x, y, u, v in rows]
        a.paint("spikes", a.union(*quills), accent=1.0, rim=0.3)

    _walker(a, back=spikes)


def _crab(a):
    s = a.pose["stride"]
    for side in (-1, 1):
        legs = [a.limb(0.30 * side, 0.34, (0.42 + 0.12 * i) * side + s, 0.04, 0.05, 0.03) for i in range(3)]
        a.paint("legs", a.union(*legs), tone=0.8)
        x, y = 0.60 * side, 0.78 + 0.4 * a.pose["flap"] * side
        a.paint("claws", a.limb(0.38 * side, 0.42, x, y - 0.08, 0.06, 0.07))
        prongs = a.union(a.limb(x, y, x - 0.10 * side, y + 0.22, 0.10, 0.03), a.limb(x, y, x + 0.12 * side, y + 0.20, 0.10, 0.03))
        a.paint("claws", prongs, accent=1.0, rim=0.3)
    a.paint("body", a.ellipse(0.0, 0.38, 0.46, 0.25), coat=True)
    for side in (-1, 1):
        _eye(a, 0.12 * side, 0.62)


DRAW = {
    "hare": _hare, "goat": _goat, "elephant": _elephant, "tortoise": _tortoise,
    "llama": _llama, "camel": _camel, "goose": _goose, "seal": _seal,
    "lion": _lion, "hedgehog": _hedgehog, "crab": _crab,
}  # fmt: skip
