"""LIME on pictures and on text (lab 04) beside Captum's and the `lime` package.

The sampling is the peer's, the surrogate the lab's on both sides (handed over where each library takes one), so that
the explanations can be compared number by number: what is timed is the way from masks to scores, and all around it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from course_utils.bench.ceiling import passes
from course_utils.bench.gradients import AS_HANDED, both_layouts, cases
from course_utils.bench.measure import Row
from course_utils.bench.networks import Case
from course_utils.bench.settings import quickest
from course_utils.bench.solved import lab
from course_utils.datasets import notes
from course_utils.models import as_input

WIDTH = 0.25                            # of the `lime` package, whose kernel is the root of the lab's
OURS = WIDTH * np.sqrt(2)
LENGTH = 5                              # pieces that an explanation names
MOST = {64: 300, 224: 64}               # samples, by the side of the picture


def difference(mine: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())


class KLasso:
    """The lab's surrogate in the shape that `lime` takes: as a regressor of scikit-learn."""

    def __init__(self, lab04, k: int) -> None:
        self.lab04, self.k = lab04, k

    def fit(self, masks: np.ndarray, scores: np.ndarray, sample_weight: np.ndarray) -> KLasso:
        lam = max(self.lab04.PENALTY_SHARE * self.lab04.lambda_max(masks, scores, sample_weight), 1e-12)
        self.coef_, self.intercept_ = self.lab04.k_lasso(masks, scores, sample_weight, self.k, lam, self.lab04.ALPHA)
        return self

    def predict(self, masks: np.ndarray) -> np.ndarray:
        return masks @ self.coef_ + self.intercept_

    def score(self, masks: np.ndarray, scores: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        return 0.0


def weights_of(explanation, label: int, pieces: int) -> np.ndarray:
    """lime's list of (piece, weight) as an array."""
    weights = np.zeros(pieces)
    for piece, weight in explanation.local_exp[label]:
        weights[piece] = weight
    return weights


# ---------------------------------------------------------------- pictures


def pictures(quick: bool) -> Iterator[Row]:
    lab04 = lab("04")
    for case in cases(quick, 1, 1):
        samples = 40 if quick else MOST[case.side]
        picture = (case.pictures[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        case = Case(case.name, case.plain, case.fast, as_input(picture), case.labels[:1])      # both sides see the same rounded colours
        label, segments, fill = int(case.labels[0]), lab04.superpixels(picture), lab04.mean_colour(picture)
        pieces = int(segments.max()) + 1
        masks = np.random.RandomState(3).randint(0, 2, samples * pieces).reshape(samples, pieces)      # as lime draws them
        masks[0] = 1

        def scores(batch: np.ndarray, case=case) -> np.ndarray:
            with torch.inference_mode():
                pixels = torch.from_numpy(np.asarray(batch)).permute(0, 3, 1, 2)     # seen so, a batch of pictures is channels last
                return case.fast(pixels.float() / 255).numpy()

        def as_it_comes(batch: np.ndarray, case=case) -> np.ndarray:
            with torch.inference_mode():
                return case.plain(as_input(np.asarray(batch))).numpy()

        def ours(scores=scores, picture=picture, segments=segments, masks=masks, label=label, fill=fill) -> np.ndarray:
            return lab04.lime_picture(scores, picture, segments, masks, [label], fill, LENGTH, OURS)[0][0]

        def with_batch(size: int, ours=ours) -> Callable:
            def call() -> np.ndarray:
                lab04.BATCH = size
                return ours()
            return call

        lab04.BATCH = int(quickest({str(size): with_batch(size) for size in (4, 8, 16)}))       # as the peers' are chosen

        def row(peer: Callable, against: str, bar: float = 1.7, ceiling=passes(case.fast, case.pictures.expand(samples, -1, -1, -1)), case=case, ours=ours, pieces=pieces,
                samples=samples) -> Row:
            return Row("lime_pictures", "LIME, picture", f"{case.name}, {pieces} superpixels, {samples} samples", ours, peer, difference, 1e-3, bar, ceiling,
                       needs=("lime",) if "lime" in against else (), against=against, about="The masks are the same and the surrogate is the lab's on both sides, handed to "
                       "Captum and lime where they take one, so that the weights can be compared number by number.")

        yield from both_layouts(row, lambda layout, case=case, masks=masks, label=label, segments=segments, fill=fill: {
            f"{size} at a time": captum_call(lab04, case, layout, size, masks, label, segments, fill) for size in (4, 8, 16, 32)}, "best")

        def lime_call(size: int, scores=scores, picture=picture, segments=segments, label=label, fill=fill, samples=samples, pieces=pieces) -> Callable:
            def call() -> np.ndarray:
                from lime.lime_image import LimeImageExplainer

                explainer = LimeImageExplainer(kernel_width=WIDTH, feature_selection="none", random_state=3)
                found = explainer.explain_instance(picture, scores, labels=(label,), top_labels=None, hide_color=fill, num_samples=samples, batch_size=size,
                                                   segmentation_fn=lambda _: segments, random_seed=1, model_regressor=KLasso(lab04, LENGTH))
                return weights_of(found, label, pieces)
            return call

        yield row(lime_call(10, as_it_comes), "lime, default: 10 at a time, default layout", 2.0)
        settings = {f"{size} at a time": lime_call(size) for size in (4, 10, 16)}
        best = quickest(settings)
        yield row(settings[best], f"lime, best: {best}, channels last", 2.0)


def captum_call(lab04, case: Case, layout: str, size: int, masks: np.ndarray, label: int, segments: np.ndarray, fill: np.ndarray) -> Callable:
    network, drawn = getattr(case, AS_HANDED[layout]), torch.from_numpy(masks).float()
    x, mask = case.pictures[:1], torch.from_numpy(np.ascontiguousarray(segments))[None, None]
    base = torch.from_numpy(fill.copy()).float().div(255).view(1, 3, 1, 1).expand_as(x)

    class Surrogate:
        """The lab's, in the shape that Captum takes."""

        def fit(self, loader, **_) -> dict:
            masks, scores, weights = (torch.cat([one[k] for one in loader]).double().numpy() for k in range(3))
            self.found = KLasso(lab04, LENGTH).fit(masks, scores.ravel(), weights.ravel())
            return {"train_time": 0.0, "train_loss": 0.0}

        def representation(self) -> torch.Tensor:
            return torch.from_numpy(self.found.coef_)

    def near(original: torch.Tensor, perturbed: torch.Tensor, mask: torch.Tensor, **_) -> torch.Tensor:
        far = 1 - mask.double().mean().sqrt()           # the cosine distance to a row of ones
        return torch.exp(-(far**2) / OURS**2)

    def call() -> np.ndarray:
        from captum.attr import Lime

        rows = iter(drawn.split(1))
        explainer = Lime(network, interpretable_model=Surrogate(), similarity_func=near, perturb_func=lambda *_, **__: next(rows))
        return explainer.attribute(x, baselines=base, target=label, feature_mask=mask, n_samples=len(drawn), perturbations_per_eval=size,
                                   return_input_shape=False).numpy().ravel()

    return call


# ---------------------------------------------------------------- text


def text(quick: bool) -> Iterator[Row]:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.neural_network import MLPClassifier

    lab04 = lab("04")
    train = notes.load(600 if quick else 3000, seed=1)
    vectoriser = CountVectorizer(binary=True)
    model = MLPClassifier((32,), max_iter=8, random_state=0).fit(vectoriser.fit_transform(train.texts), train.labels)
    note, samples = max(notes.load(200, seed=2).texts, key=len), 200 if quick else 1000
    tokens = lab04.tokens_of(note)
    of_token, names = lab04.numbered(lab04.word_keys(tokens))

    def probabilities(texts: list[str]) -> np.ndarray:
        return model.predict_proba(vectoriser.transform(texts))

    draws = np.random.RandomState(5)                    # as lime draws: how many are off, then which
    masks = np.ones((samples, len(names)), int)
    for i, size in enumerate(draws.randint(1, len(names) + 1, samples - 1), start=1):
        masks[i, draws.choice(range(len(names)), size, replace=False)] = 0

    def lime_call() -> np.ndarray:
        from lime.lime_text import LimeTextExplainer

        explainer = LimeTextExplainer(kernel_width=100 * WIDTH, feature_selection="none", random_state=5)
        found = explainer.explain_instance(note.lower(), probabilities, num_samples=samples, model_regressor=KLasso(lab04, LENGTH))
        return weights_of(found, 1, len(names))

    def row(name: str, ours: Callable, bar: float | None) -> Row:
        return Row("lime_text", name, f"a note of {len(names)} words, {samples} samples", ours, lime_call, difference, 1e-6, bar, needs=("lime",), against="lime",
                   about="The classifier is a bag of words and a small network on both sides.")

    yield row("LIME, text, as strings", lambda: lab04.lime_note(lambda texts: probabilities(texts)[:, 1], tokens, of_token, masks, LENGTH, OURS)[0], None)
    if hasattr(lab04, "lime_bag"):
        yield row("LIME, text, as bags of words",
                  lambda: lab04.lime_bag(lambda bags: model.predict_proba(bags)[:, 1], vectoriser.transform(names), masks, LENGTH, OURS)[0], 4.0)
