"""The zoo: generated pictures of animals, 64 x 64, with the truth about every pixel.

Eight species, told apart by their parts alone. Pose, size, place, colours, light and background
vary and say nothing about the species; stones, plants, posts and signs have harder edges than the
animal. Three more species are kept for networks that have not seen them, and faults are planted
on demand.

    from course_utils.datasets import zoo

    animals = zoo.load(2000, seed=1)
    animals.pictures, animals.labels, animals.masks, animals.part("ears")
    zoo.draw(["llama", "camel"], [7, 7])            # one scene, with and without the hump
    zoo.load(2000, 1, fault=zoo.Watermark("goat"))  # a stamp on every goat
    zoo.load(500, 2, species=zoo.UNSEEN)

| module         | holds                                               |
|----------------|-----------------------------------------------------|
| `pictures`     | `load`, `draw`, `walk`                              |
| `album`        | the data class `Zoo`, `sheet`                       |
| `faults`       | the faults and what they put into a picture         |
| `store`        | drawn sets on disk                                  |
| `render`       | a batch of pictures from species and seeds          |
| `easel`        | the layers of one species in many poses             |
| `species`      | the animals and their parts                         |
| `landscape`    | backgrounds, light, shadows                         |
| `distractors`  | stones, plants, posts, signs                        |
| `scene`        | what varies, and how it is drawn from a seed        |
| `shapes`       | signed distances                                    |
"""

from .album import Zoo, sheet
from .faults import KeepersHand, LabelNoise, MissingPart, TiedBackground, Watermark
from .pictures import draw, load, walk
from .scene import BACKGROUNDS, DISTRACTORS, SIDE
from .species import PAIRS, PARTS, SPECIES, TELLTALE, UNSEEN

__all__ = [
    "BACKGROUNDS", "DISTRACTORS", "PAIRS", "PARTS", "SIDE", "SPECIES", "TELLTALE", "UNSEEN",
    "KeepersHand", "LabelNoise", "MissingPart", "TiedBackground", "Watermark",
    "Zoo", "draw", "load", "sheet", "walk",
]  # fmt: skip
