"""Exercises 02.4 and 02.5: one step of each player, held against a step computed by hand."""
from __future__ import annotations

import numpy as np
import torch
from torch.func import functional_call
from torch.nn import functional

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.exercises.lab02_losses import bce
from course_utils.exercises.lab02_players import LR, frozen, gradients, line, players

STORED = "change of the gradients stored in the other"  # what came in, less what was cleared
SIZES = ((5, 3, True), (4, 2, False), (6, 4, True))  # samples, latent numbers, batch norm in the discriminator


def positions(seed: int, exercise: int) -> list[Case]:
    rng = np.random.default_rng([2, exercise, seed])
    cases = []
    for n, latent, norm in SIZES:
        builder = given(players, seed=int(rng.integers(1 << 30)), latent=latent, norm=norm)
        real, z = torch.from_numpy(rng.random((n, 1, 6, 6))), torch.from_numpy(rng.normal(size=(n, latent)))
        args = (builder, real, z) if exercise == 4 else (builder, z)
        cases.append(Case(args, f"{n} samples, {'batch norm' if norm else 'no batch norm'} in the discriminator"))
    return cases


def observed(function, both, *batches):
    """One step as it is seen from outside: the loss, both networks' weights, and what was left behind in the other player."""
    steps_discriminator = len(batches) == 2
    other = both.generator if steps_discriminator else both.discriminator
    before = gradients(other)
    loss = function(both, *batches)
    return {"loss": loss, "generator": line(both.generator), "discriminator": line(both.discriminator),
            STORED: gradients(other) - before,
            "frozen": frozen(both.generator) or frozen(both.discriminator)}


def after(network, loss):
    """Weights one step of plain gradient descent later: w - LR * slope, from the loss as a function of the weights."""
    weights = {name: parameter.detach().clone().requires_grad_() for name, parameter in network.named_parameters()}
    value = loss(weights)
    slopes = torch.autograd.grad(value, list(weights.values()))
    return value.item(), torch.cat([(weight - LR * slope).detach().flatten() for weight, slope in zip(weights.values(), slopes)])


def discriminator_by_hand(both, real, z):
    with torch.no_grad():
        fake = both.generator(z)

    def loss(weights):
        def logits(pictures):
            return functional_call(both.discriminator, weights, (pictures,))

        return (bce(logits(real), 1.0) + bce(logits(fake), 0.0)) / 2

    value, weights = after(both.discriminator, loss)
    generator = line(both.generator)
    return {"loss": value, "generator": generator, "discriminator": weights,
            STORED: torch.zeros_like(generator), "frozen": False}


def generator_by_hand(both, z):
    discriminator = line(both.discriminator)
    value, weights = after(both.generator, lambda weights: bce(both.discriminator(functional_call(both.generator, weights, (z,))), 1.0) / 2)
    return {"loss": value, "generator": weights, "discriminator": discriminator,
            STORED: torch.zeros_like(discriminator), "frozen": False}


def other_untouched(name):
    """A law: the weights of the player that does not move stay as they are, to the last bit."""
    return lambda args, answer: torch.equal(answer[name], line(getattr(args[0], name)))


def nothing_left(args, answer):
    return not bool(answer[STORED].any())


def thawed(args, answer):
    return answer["frozen"] is False


def a_number(args, answer):
    return not torch.is_tensor(answer["loss"])


NUMBER = Law("a plain number", "The loss comes back as a Python number: `loss.item()`. A tensor would drag its graph along, step after step, and "
             "no curve could be drawn from it.", a_number)


def step_d(both, real, z, *, detach=True, zero=True, label_real=1.0, label_fake=0.0, squash=False, factor=0.5, with_real=True,
           with_fake=True, joint=False, move=True, move_generator=False, clear_generator=False, cut_behind=False, number=True):
    """A step of the discriminator with one thing wrong; what is wrong is said by the keyword."""
    if clear_generator:
        both.generator_optimiser.zero_grad()
    fake = both.generator(z)
    fake = fake.detach() if detach else fake
    if joint:
        real_logits, fake_logits = both.discriminator(torch.cat([real, fake])).split(len(real))
    else:
        real_logits, fake_logits = both.discriminator(real), both.discriminator(fake)
    fake_logits = fake_logits.detach() if cut_behind else fake_logits
    if squash:
        real_logits, fake_logits = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    loss = factor * (with_real * bce(real_logits, label_real) + with_fake * bce(fake_logits, label_fake))
    if zero:
        both.discriminator_optimiser.zero_grad()
    loss.backward()
    if move:
        both.discriminator_optimiser.step()
    if move_generator:
        both.generator_optimiser.step()
    return loss.item() if number else loss


def wrong_d(**what):
    return lambda both, real, z: step_d(both, real, z, **what)


def step_g(both, z, *, detach=False, zero=True, freeze=True, thaw=True, squash=False, kind="non-saturating", factor=0.5, move=True,
           move_discriminator=False, clear_discriminator=False, evaluate=False, number=True):
    """A step of the generator with one thing wrong; what is wrong is said by the keyword."""
    if clear_discriminator:
        both.discriminator_optimiser.zero_grad()
    both.discriminator.train(not evaluate)
    fake = both.generator(z)
    both.discriminator.requires_grad_(not freeze)
    logits = both.discriminator(fake.detach().requires_grad_() if detach else fake)
    both.discriminator.requires_grad_(thaw)
    logits = torch.sigmoid(logits) if squash else logits
    loss = factor * {"non-saturating": bce(logits, 1.0), "minimax": -bce(logits, 0.0), "label 0": bce(logits, 0.0)}[kind]
    if zero:
        both.generator_optimiser.zero_grad()
    loss.backward()
    if move:
        both.generator_optimiser.step()
    if move_discriminator:
        both.discriminator_optimiser.step()
    return loss.item() if number else loss


def wrong_g(**what):
    return lambda both, z: step_g(both, z, **what)


def without_a_graph(both, z):
    """Takes `no_grad` for freezing: backward then finds no way to the generator, and torch says so."""
    both.generator_optimiser.zero_grad()
    with torch.no_grad():
        logits = both.discriminator(both.generator(z))
    (bce(logits, 1.0) / 2).backward()


def critic_logits(both, z):
    """What a generator does that differentiates the mean logit: the loss of a Wasserstein critic."""
    both.generator_optimiser.zero_grad()
    fake = both.generator(z)
    both.discriminator.requires_grad_(False)
    loss = -both.discriminator(fake).mean()
    both.discriminator.requires_grad_(True)
    loss.backward()
    both.generator_optimiser.step()
    return functional.softplus(loss.detach()).item()


DISCRIMINATOR_STEP = Exercise(
    id="02.4", title="One step of the discriminator", points=3, minutes=15, difficulty=2, function="discriminator_step",
    cases=lambda seed: positions(seed, 4), oracle=discriminator_by_hand, call=observed, changes=(0,),
    laws=(
        Law("the other player stands still", "The generator's weights must be the same before and after a step of the discriminator.",
            other_untouched("generator")),
        Law("nothing is left behind", "The gradients stored in the generator are the same before and after a step of the discriminator: none is "
            "added, none cleared.", nothing_left),
        Law("thawed", "Whoever freezes the generator has to thaw it: its parameters must ask for gradients again afterwards.", thawed),
        NUMBER,
    ),
    hints=(
        "Four parts: fakes, loss, gradients, step. Ask of each which network it may change.",
        "The fakes are pictures like any others here: cut them off from the generator with `.detach()` (or make them under "
        "`torch.no_grad()`). Old gradients are added to new ones unless you clear them.",
        "`loss = discriminator_loss(players.discriminator(real), players.discriminator(fake))`, then on the discriminator's optimiser "
        "`zero_grad()`, `loss.backward()`, `step()`.",
    ),
    misconceptions=(
        Misconception("forgot detach", wrong_d(detach=False),
                      "The gradient ran on into the generator and was left there, where its next step adds it: the fakes were not cut off. "
                      "Use `fake.detach()`."),
        Misconception("gradients not zeroed", wrong_d(zero=False),
                      "The gradients of the step before are still in: `backward` adds to them. Call the discriminator's `zero_grad()` first."),
        Misconception("labels swapped", wrong_d(label_real=0.0, label_fake=1.0), "The discriminator learns to call real pictures fake: the two batches, or labels, are swapped."),
        Misconception("fakes labelled real", wrong_d(label_fake=1.0), "The fakes carry the label of real pictures: that is the label for the generator's step, not for this one."),
        Misconception("sigmoid before BCE-with-logits", wrong_d(squash=True),
                      "A sigmoid stands before a loss that takes logits: it is taken twice, and the slopes shrink. Hand over the logits."),
        Misconception("real pictures only", wrong_d(with_fake=False), "Only the real pictures count here: the fakes need their half of the loss."),
        Misconception("fakes only", wrong_d(with_real=False), "Only the fakes count here: the real pictures need their half of the loss."),
        Misconception("real and fake in one batch", wrong_d(joint=True),
                      "Real and fake go through the discriminator as one batch: batch norm then mixes their statistics and gives away who is "
                      "who. Pass them one after the other."),
        Misconception("no step", wrong_d(move=False), "The gradients are there, and nobody moves: the optimiser's `step()` is missing."),
        Misconception("generator moved", wrong_d(detach=False, move_generator=True), "The generator was moved too, and to the discriminator's advantage: step the discriminator's optimiser alone."),
        Misconception("without the half", wrong_d(factor=1.0), "The step is twice as long: the half of the loss is missing. Use your `discriminator_loss`."),
        Misconception("the generator's gradients cleared", wrong_d(clear_generator=True),
                      "You clear the generator's gradients as well, and they are its own affair: call `zero_grad()` on the discriminator's "
                      "optimiser alone, and detach the fakes, so that there is nothing to tidy up."),
        Misconception("cut behind the discriminator", wrong_d(cut_behind=True),
                      "The cut is in the wrong place: without a gradient of their logits the discriminator learns nothing from the fakes. Detach "
                      "the pictures before they go in."),
        Misconception("tensor for a number", wrong_d(number=False),
                      "All is right but what you return, a tensor with its whole graph: `loss.item()` is the number alone."),
    ),
    rtol=1e-6, atol=1e-9,
)  # fmt: skip

GENERATOR_STEP = Exercise(
    id="02.5", title="One step of the generator", points=3, minutes=15, difficulty=3, function="generator_step",
    cases=lambda seed: positions(seed, 5), oracle=generator_by_hand, call=observed, changes=(0,),
    laws=(
        Law("the other player stands still", "The discriminator's weights must be the same before and after a step of the generator.",
            other_untouched("discriminator")),
        Law("nothing is left behind", "The gradients stored in the discriminator are the same before and after a step of the generator: none is "
            "added, none cleared.", nothing_left),
        Law("thawed", "Whoever freezes the discriminator has to thaw it: its parameters must ask for gradients again afterwards.", thawed),
        NUMBER,
    ),
    hints=(
        "The gradient has to run *through* the discriminator into the generator, and stop there: nothing is detached here, but something "
        "is frozen.",
        "`requires_grad_(False)` on the discriminator keeps gradients out of its weights and lets them through to its input; switch it back "
        "on at the end. The loss is the second of your `generator_losses`.",
        "`_, loss = generator_losses(players.discriminator(players.generator(z)))`, between freezing and thawing; then the generator's "
        "optimiser: `zero_grad()`, `backward()`, `step()`.",
    ),
    misconceptions=(
        Misconception("detached fakes", wrong_g(detach=True, zero=True),
                      "The generator did not move. Either its pictures were detached, so that no gradient reaches it (detach in the "
                      "discriminator's step, not in this one), or its optimiser's `step()` is missing."),
        Misconception("gradients left in the discriminator", wrong_g(freeze=False),
                      "Gradients were left in the discriminator: it was not frozen. They would be added to its next step unless that clears "
                      "them; freeze it with `requires_grad_(False)` for this step."),
        Misconception("left frozen", wrong_g(thaw=False), "The discriminator is still frozen: after this it never learns again. Thaw it with `requires_grad_(True)`."),
        Misconception("gradients not zeroed", wrong_g(zero=False), "The gradients of the step before are still in: call the generator's `zero_grad()` before `backward`."),
        Misconception("minimax for non-saturating", wrong_g(kind="minimax"),
                      "This is the minimax loss, log(1 - D), whose slope dies where the discriminator is sure. Take the second of the two, -log D."),
        Misconception("label 0 for the fakes", wrong_g(kind="label 0"),
                      "The generator is rewarded for being found out: for its own step the fakes carry the label of real pictures."),
        Misconception("sigmoid before BCE-with-logits", wrong_g(squash=True), "A sigmoid stands before a loss that takes logits: it is taken twice. Hand over the logits."),
        Misconception("discriminator moved", wrong_g(freeze=False, move_discriminator=True),
                      "The discriminator was moved too, to the generator's advantage: it learns to be fooled. Step the generator's optimiser alone."),
        Misconception("without the half", wrong_g(factor=1.0), "The step is twice as long: the half of the loss is missing. Use your `generator_losses`."),
        Misconception("mean logit for loss", critic_logits,
                      "You follow the logit itself, as with a Wasserstein critic. Here the loss is -log D, whose slope fades as the fakes are believed."),
        Misconception("detached as in the other step", wrong_g(detach=True, freeze=False),
                      "The fakes are detached as in the discriminator's step: the gradient stays in the discriminator, and the generator never "
                      "hears of it. Here nothing is detached, and the discriminator is frozen."),
        Misconception("no_grad for frozen", without_a_graph,
                      "No gradient finds its way to the generator: `torch.no_grad()` and `.detach()` cut the way through the discriminator. "
                      "`requires_grad_(False)` on the discriminator leaves it open, and keeps only its weights out."),
        Misconception("eval for frozen", wrong_g(freeze=False, evaluate=True),
                      "`eval()` freezes nothing: it makes batch norm use its running means, and gradients are stored as before. Freeze with "
                      "`requires_grad_(False)`."),
        Misconception("eval beside frozen", wrong_g(evaluate=True),
                      "With `eval()` batch norm uses its running means, so this is not the discriminator that the generator plays against: "
                      "freeze the weights, and leave the mode as it is."),
        Misconception("the discriminator's gradients cleared", wrong_g(clear_discriminator=True),
                      "You clear the discriminator's gradients, and they should be as you found them: freeze it, so that none is added, and call "
                      "`zero_grad()` on the generator's optimiser alone."),
        Misconception("tensor for a number", wrong_g(number=False),
                      "All is right but what you return, a tensor with its whole graph: `loss.item()` is the number alone."),
    ),
    rtol=1e-6, atol=1e-9,
)  # fmt: skip
