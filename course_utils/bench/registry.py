"""The groups of `bench methods`: name of a group to the function that yields its rows, called with `quick`.

Each group runs in a process of its own; the rows come one after the other and may share networks and data.
"""

GROUPS = {
    "occlusion": "course_utils.bench.occlusion:rows",
    "integrated": "course_utils.bench.gradients:integrated",
    "deeplift": "course_utils.bench.gradients:deeplift",
    "smooth": "course_utils.bench.gradients:smooth",
    "ways_back": "course_utils.bench.gradients:ways_back",
    "lrp": "course_utils.bench.lrp:rows",
    "lime_pictures": "course_utils.bench.lime:pictures",
    "lime_text": "course_utils.bench.lime:text",
    "tsne": "course_utils.bench.embedding:rows",
    "bayes": "course_utils.bench.bayes:rows",
    "transposed": "course_utils.bench.transposed:rows",
    "search": "course_utils.bench.shares:search",
    "sis": "course_utils.bench.shares:sis",
    "cam": "course_utils.bench.shares:cam",
}
