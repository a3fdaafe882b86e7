"""What varies from picture to picture, and how it is drawn from a seed.

A scene is read off raw 64-bit words of PCG64, the same number of words for
every picture, and never looks at the species. So the same seed gives the same
pose, place, size, colours, light, background and distractors whatever animal
stands in it, and nothing but the animal's parts can tell the species.

Only additions, products, quotients and square roots touch the numbers (IEEE
arithmetic rounds them alike everywhere); sines are rounded to 1/4096. That is
why a seed gives the same pixels on every machine.
"""

import numpy as np

SIDE = 64  # pixels, height and width of a picture
WORDS = 64  # random words for the scene, before those for the texture
TEXTURE_WORDS = SIDE * SIDE // 8  # one random byte a pixel

BACKGROUNDS = ("meadow", "sand", "snow", "water", "rock")
DISTRACTORS = ("stone", "plant", "post", "sign")
SLOTS = 3  # distractors in a picture

# name: (low, high), drawn uniformly. Lengths in pixels, angles in radians.
RANGES = {
    "across": (0.0, 1.0),  # place of the animal, left to right, as a share of the room there is
    "down": (0.0, 1.0),  # place of its feet, far to near
    "scale": (21.0, 28.0),  # pixels of one body length
    "stretch": (0.92, 1.08),
    "tilt": (-0.16, 0.16),
    "facing": (-1.0, 1.0),  # only the sign counts
    "stride": (-0.11, 0.11),  # swing of the legs, in body lengths
    "nod": (-0.22, 0.22),  # turn of the head about the neck
    "tail": (-0.25, 0.25),
    "flap": (-0.30, 0.30),  # turn of ears, wings and fins
    "coat": (0.0, 1.0),  # which colour, see palette.py
    "coat_light": (0.82, 1.16),
    "accent": (0.0, 1.0),
    "accent_light": (0.85, 1.12),
    "warmth": (-0.07, 0.07),
    "stripes": (0.0, 1.0),  # plain, striped or spotted coat
    "stripe_width": (0.10, 0.17),
    "background": (0.0, 1.0),
    "horizon": (21.0, 33.0),
    "hill_place": (0.0, 64.0),
    "hill_height": (3.0, 11.0),
    "hill_width": (16.0, 38.0),
    "sun": (0.86, 1.08),  # brightness of the whole picture
    "sun_warmth": (-0.07, 0.09),
    "light_x": (-0.20, 0.20),  # gradient of the light across the picture
    "light_y": (-0.10, 0.10),
    "grain": (0.6, 1.3),
    "hand_side": (-1.0, 1.0),
    "hand_tone": (0.0, 1.0),
    "fault": (0.0, 1.0),  # whether a planted fault strikes this picture
    "fault_choice": (0.0, 1.0),
    **{
        f"{name}{slot}": bounds
        for slot in range(SLOTS)
        for name, bounds in {
            "kind": (0.0, 1.0),
            "side": (0.0, 1.0),
            "far": (0.0, 1.0),
            "depth": (0.0, 1.0),
            "size": (8.0, 11.5),
            "tint": (0.0, 1.0),
        }.items()
    },
}


assert len(RANGES) <= WORDS


def picture_seeds(n, seed):
    """One 64-bit seed for each picture, from its own child of SeedSequence(seed): uint64 (n,)."""
    children = np.random.SeedSequence(seed).spawn(n)
    return np.array([child.generate_state(1, np.uint64)[0] for child in children], np.uint64)


def scenes(seeds):
    """(scene, texture): a dict of float32 (n,) for every name in RANGES, and uint8 (n, 64, 64)."""
    words = np.stack(
        [np.random.PCG64(int(seed)).random_raw(WORDS + TEXTURE_WORDS) for seed in seeds]
    )
    # 16 bits of each word: exact in float32.
    shares = (words[:, :WORDS] >> np.uint64(48)).astype(np.float32) / np.float32(65536)
    scene = {
        name: np.float32(low) + np.float32(high - low) * shares[:, place]
        for place, (name, (low, high)) in enumerate(RANGES.items())
    }
    texture = words[:, WORDS:].astype("<u8").view(np.uint8).reshape(-1, SIDE, SIDE)
    return scene, texture


def choose(share, count):
    """Shares in [0, 1) to whole numbers 0 .. count-1, all equally often."""
    return np.minimum((share * np.float32(count)).astype(np.int64), count - 1)


def turn(angle):
    """(cosine, sine) of an angle, rounded so that they are the same on every machine."""
    angle = np.asarray(angle, np.float64)
    return tuple(
        (np.rint(f(angle) * 4096) / 4096).astype(np.float32) for f in (np.cos, np.sin)
    )
