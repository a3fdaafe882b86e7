"""Exercises 02.1 and 02.2: the losses of both players, from logits."""
from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from course_utils.exercises.contract import Case, Exercise, Law, Misconception

SIZES = (7, 5, 6)


def logits_of(seed: int, exercise: int, count: int) -> list[Case]:
    """Logits of moderate size, of a sure discriminator and of one that is sure and wrong; float64, then float32.

    A second batch has three logits more: the numbers of real and generated pictures need not agree.
    """
    rng = np.random.default_rng([2, exercise, seed])
    cases = []
    for size, dtype, middle, spread, about in (
        (SIZES[0], torch.float64, 0.0, 2.0, "logits around zero"),
        (SIZES[1], torch.float64, 100.0, 1.0, "logits of about 100 and -100, float64"),
        (SIZES[2], torch.float32, 100.0, 1.0, "logits of about 100 and -100, float32"),
    ):
        draws = [middle * rng.permutation(np.resize([1.0, -1.0], n)) + spread * rng.normal(size=n)  # right and wrong, both times sure
                 for n in (size, size + 3)[:count]]
        cases.append(Case(tuple(torch.from_numpy(draw).to(dtype) for draw in draws), about))
    return cases


def with_slopes(function, *logits):
    """Each loss, and its gradient with respect to every logit: what training will use."""
    logits = [one.clone().requires_grad_() for one in logits]
    losses = function(*logits)
    if losses is None:
        return None
    losses = [torch.tensor(loss, dtype=torch.float64) if isinstance(loss, (float, np.floating)) else loss
              for loss in (losses if isinstance(losses, (tuple, list)) else (losses,))]  # a plain number has no slope
    if not all(torch.is_tensor(loss) and loss.ndim == 0 for loss in losses):
        return {"losses": losses, "slopes": []}  # the judge says what is wrong with it
    slopes = [torch.autograd.grad(loss, logits, retain_graph=True, allow_unused=True) if loss.requires_grad else [None] * len(logits)
              for loss in losses]
    return {"losses": [loss.detach() for loss in losses],
            "slopes": [[torch.zeros_like(one) if slope is None else slope for one, slope in zip(logits, row)] for row in slopes]}


def bce(logits, label):
    """torch's loss for one label: the oracle's only building block."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def theirs(function):
    """An oracle that asks a function built on torch's loss in the way the student's is asked."""
    return lambda *logits: with_slopes(function, *logits)


def reference_discriminator(real, fake):
    return (bce(real, 1.0) + bce(fake, 0.0)) / 2


def reference_generator(fake):
    return -bce(fake, 0.0) / 2, bce(fake, 1.0) / 2


def never_negative(args, answer):
    return all(bool(torch.isfinite(loss)) and bool(loss >= 0) for loss in answer["losses"])


def naive_log(real, fake):
    return -(torch.log(torch.sigmoid(real)).mean() + torch.log(1 - torch.sigmoid(fake)).mean()) / 2


def with_epsilon(real, fake):
    return -(torch.log(torch.sigmoid(real) + 1e-8).mean() + torch.log(1 - torch.sigmoid(fake) + 1e-8).mean()) / 2


def swapped(real, fake):
    return (bce(real, 0.0) + bce(fake, 1.0)) / 2


def sigmoid_first(real, fake):
    return reference_discriminator(torch.sigmoid(real), torch.sigmoid(fake))


def no_half(real, fake):
    return 2 * reference_discriminator(real, fake)


def both_real(real, fake):
    return (bce(real, 1.0) + bce(fake, 1.0)) / 2


def real_only(real, fake):
    return bce(real, 1.0) / 2


def ascent(real, fake):
    return -reference_discriminator(real, fake)


def summed(real, fake):
    return (len(real) * bce(real, 1.0) + len(fake) * bce(fake, 0.0)) / 2


def one_mean(real, fake):
    return functional.softplus(torch.cat([-real, fake])).mean()


def pair_by_pair(real, fake):
    return (functional.softplus(-real) + functional.softplus(fake)).mean() / 2


def bce_of_probabilities(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return (functional.binary_cross_entropy(real, torch.ones_like(real)) + functional.binary_cross_entropy(fake, torch.zeros_like(fake))) / 2


def written_out(real, fake):
    return (torch.log(1 + torch.exp(-real)).mean() + torch.log(1 + torch.exp(fake)).mean()) / 2


def no_gradient(real, fake):
    return reference_discriminator(real, fake).item()


def in_numpy(real, fake):
    return (np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()) / 2


DISCRIMINATOR_LOSS = Exercise(
    id="02.1", title="The loss of the discriminator", points=2, minutes=10, difficulty=1, function="discriminator_loss",
    cases=lambda seed: logits_of(seed, 1, 2), oracle=theirs(reference_discriminator), call=with_slopes,
    laws=(Law("no negative loss", "Minus the logarithm of a probability is never negative and, from logits of this size, never infinite.",
              never_negative),),
    hints=(
        "Write both logarithms as functions of the logit before you write code: log D = log σ(a), log(1 - D) = log σ(-a).",
        "-log σ(a) = log(1 + exp(-a)) is the function softplus at -a, and torch has it in a form that does not overflow.",
        "`functional.softplus(-real_logits).mean()` is the part of the real pictures; the fakes have the other sign. Half the sum.",
    ),
    misconceptions=(
        Misconception("logarithm of the sigmoid", naive_log,
                      "At logits of 100 the sigmoid is rounded to 0 or 1 and its logarithm is minus infinity: stay with the logit, and use "
                      "softplus, logsigmoid or binary_cross_entropy_with_logits."),
        Misconception("a small number in the logarithm", with_epsilon,
                      "A small number inside the logarithm hides the infinity but caps the loss, and where the discriminator is surely "
                      "wrong it learns nothing any more: its gradient there is zero instead of one half. Compute from the logit."),
        Misconception("labels swapped", swapped, "The labels are swapped: real pictures are the ones whose logit should rise."),
        Misconception("sigmoid before BCE-with-logits", sigmoid_first,
                      "The sigmoid is taken twice: binary_cross_entropy_with_logits takes logits and applies it itself. Give it the logits."),
        Misconception("without the half", no_half, "This is twice the loss: recitation 5 has a factor of one half before each of the two means."),
        Misconception("fakes labelled real", both_real,
                      "You reward the discriminator for calling the fakes real: that is the generator's wish. For the fakes it is log(1 - D)."),
        Misconception("real pictures only", real_only, "The fakes have no part in your loss: a discriminator that calls everything real would be perfect."),
        Misconception("sign of ascent", ascent, "The sign is that of the value to be maximised; optimisers descend, so the loss is its negative."),
        Misconception("sum for mean", summed, "You add over the batch; take the means, so that the loss does not grow with the number of pictures."),
        Misconception("one mean over both batches", one_mean,
                      "You take one mean over all pictures, so the larger batch counts for more: take the mean over the real ones and the mean "
                      "over the fakes, half of each."),
        Misconception("picture by picture", pair_by_pair,
                      "You add the losses of real and generated pictures one by one, but there need not be as many of the one as of the other: "
                      "take the two means first, then add."),
        Misconception("BCE of probabilities", bce_of_probabilities,
                      "binary_cross_entropy takes probabilities, and the sigmoid has rounded those by then: it cuts the loss off at 100 and the "
                      "slope with it. Its sister binary_cross_entropy_with_logits starts from the logits."),
        Misconception("softplus written out", written_out,
                      "The formula is right, but exp overflows before the logarithm is taken, in float32 from a logit of about 89 on: "
                      "functional.softplus computes the same without."),
        Misconception("a number without its gradient", no_gradient,
                      "The number is right, but nothing leads back from it to the logits: `.item()` and `.detach()` cut the gradient off. Return "
                      "the tensor."),
        Misconception("numpy for torch", in_numpy,
                      "numpy knows nothing of gradients, and a loss without a gradient trains nobody: compute with torch from the logits to the "
                      "loss, here with functional.softplus."),
    ),
    rtol=1e-5, atol=1e-9,
)  # fmt: skip


def naive_generator(fake):
    return torch.log(1 - torch.sigmoid(fake)).mean() / 2, -torch.log(torch.sigmoid(fake)).mean() / 2


def in_other_order(fake):
    return reference_generator(fake)[::-1]


def twice_saturating(fake):
    minimax, _ = reference_generator(fake)
    return minimax, minimax


def minimax_upside_down(fake):
    minimax, other = reference_generator(fake)
    return -minimax, other


def both_without_half(fake):
    return tuple(2 * loss for loss in reference_generator(fake))


def sigmoid_twice(fake):
    return reference_generator(torch.sigmoid(fake))


def non_saturating_upside_down(fake):
    minimax, other = reference_generator(fake)
    return minimax, -other


def cut_off(fake):
    return tuple(loss.item() for loss in reference_generator(fake))


def epsilon_in_both(fake):
    belief = torch.sigmoid(fake)
    return torch.log(1 - belief + 1e-8).mean() / 2, -torch.log(belief + 1e-8).mean() / 2


def both_of_probabilities(fake):
    belief = torch.sigmoid(fake)
    zeros, ones = torch.zeros_like(belief), torch.ones_like(belief)
    return -functional.binary_cross_entropy(belief, zeros) / 2, functional.binary_cross_entropy(belief, ones) / 2


def one_the_negative_of_the_other(fake):
    _, other = reference_generator(fake)
    return -other, other


def signs_hold(args, answer):
    minimax, non_saturating = answer["losses"]
    return bool(minimax <= 0) and bool(non_saturating >= 0)


def both_fall(args, answer):
    """Whoever raises the logit of a fake does the generator a service under either loss."""
    return all(bool((slope <= 0).all()) and bool((slope < 0).any()) for row in answer["slopes"] for slope in row)


GENERATOR_LOSSES = Exercise(
    id="02.2", title="Two losses for the generator", points=2, minutes=8, difficulty=1, function="generator_losses",
    cases=lambda seed: logits_of(seed, 2, 1), oracle=theirs(reference_generator), call=with_slopes,
    laws=(
        Law("signs", "The minimax loss is the logarithm of a probability, so never positive; the other is minus one, so never negative.", signs_hold),
        Law("same goal", "Both losses must fall when the logit of a fake rises: the generator wants to be taken for real.", both_fall),
    ),
    hints=(
        "The minimax loss is the part of the discriminator's loss that knows the generator, with the other sign: what one wins the other loses.",
        "log(1 - D) = -softplus(a) and log D = -softplus(-a), for the logit a of a fake.",
        "`-functional.softplus(fake_logits).mean() / 2` is the first; the second is the same with the logit's sign and the leading sign turned.",
    ),
    misconceptions=(
        Misconception("logarithm of the sigmoid", naive_generator,
                      "At logits of 100 the sigmoid is rounded to 0 or 1 and the logarithm to minus infinity: compute both from the logit."),
        Misconception("other order", in_other_order, "The two losses are in the wrong order: minimax first, then non-saturating."),
        Misconception("minimax for non-saturating", twice_saturating,
                      "The second is the minimax loss again. The non-saturating one does not minimise log(1 - D) but maximises log D: the same "
                      "goal, another slope."),
        Misconception("minimax with the sign of a discriminator", minimax_upside_down,
                      "With this sign the first loss falls when the discriminator gets better: it is the discriminator's. The generator's minimax "
                      "loss is its negative."),
        Misconception("without the half", both_without_half, "Both are twice too large: recitation 5 has a factor of one half before each mean."),
        Misconception("sigmoid before BCE-with-logits", sigmoid_twice,
                      "The sigmoid is taken twice: what comes in are logits already, and a loss with logits in its name applies it itself."),
        Misconception("non-saturating upside down", non_saturating_upside_down,
                      "Your second loss rises when a fake is taken for real. It should be smallest there: -log D."),
        Misconception("numbers without their gradients", cut_off,
                      "The numbers are right, but nothing leads back from them to the logits: leave `.item()` and `.detach()` out, and return "
                      "both tensors."),
        Misconception("a small number in the logarithms", epsilon_in_both,
                      "A small number inside a logarithm hides the infinity, but caps the loss and takes its slope away: compute both from the logit."),
        Misconception("BCE of probabilities", both_of_probabilities,
                      "binary_cross_entropy takes probabilities that the sigmoid has rounded by then, and cuts both losses off at 100: start from "
                      "the logits, with softplus or binary_cross_entropy_with_logits."),
        Misconception("log D for log(1 - D)", one_the_negative_of_the_other,
                      "Your first loss is minus the second, so log D: in log(1 - D) the logit changes its sign too, since 1 - σ(a) = σ(-a)."),
    ),
    rtol=1e-5, atol=1e-9,
)  # fmt: skip
