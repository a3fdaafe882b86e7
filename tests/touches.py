"""Every Touch of the labs, made as its lab makes it, for the tests and for the notebook that the browser opens.

Films, which a lab makes by training, are of the same size here and filled with noise.
"""
from importlib import import_module

import numpy as np

MODULES = {
    "01": "convolution_explorer", "02": "latent_walk", "03": "training_film", "04": "lime_plane", "06": "saliency_brush",
    "07": "cascade", "08": "occluder", "09": "ig_path", "12": "class_model_knobs", "13": "filter_browser", "14": "tsne_film",
    "15": "calibration", "16": "bo_game", "17": "audit_desk",
}


def training_films():
    """Two runs on the ring with frames as lab 03 keeps them."""
    from course_utils.datasets import mixtures
    from course_utils.widgets.training_film import Film

    rng, centres = np.random.default_rng(0), mixtures.load("ring").centres
    return {name: Film(centres, np.arange(41) * 75, rng.normal(size=(41, 300, 2)), rng.normal(size=(41, 24, 24)),
                       rng.integers(1, 9, size=41), rng.random(41)) for name in ("vanilla", "noise")}


def tsne_films():
    """Runs of 200 points and 51 frames, as lab 14 keeps them."""
    from course_utils.widgets.tsne_film import Film

    rng = np.random.default_rng(7)
    return {(name, k, seed): Film(rng.normal(size=(51, 200, 2)), np.linspace(2, 0.5, 51), np.arange(200) % 10)
            for name in ("digits", "noise") for k in (2, 10, 30, 80) for seed in range(3)}


FILMS = {"03": training_films, "14": tsne_films}


def explore(lab):
    """The Touch of a lab."""
    made_with = [FILMS[lab]()] if lab in FILMS else []
    return import_module(f"course_utils.widgets.{MODULES[lab]}").explore(*made_with)
