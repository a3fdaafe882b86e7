"""Exercise 07.3: cascading randomisation of the layers, from the top down."""
from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from course_utils.exercises.contract import Case, Exercise, Law, Misconception, given
from course_utils.models import small_cnn


def cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([73, seed])
    made = []
    for channels, head, size in (((3, 4), "pool", 6), ((4, 3, 5), "dense", 8)):
        model = given(small_cnn, seed=int(rng.integers(1 << 30)), channels=list(channels), size=size, classes=3, head=head)
        layers = len(channels) + (1 if head == "pool" else 2)
        made.append(Case((model, int(rng.integers(1 << 30))), f"{layers} layers with weights, {head} head"))
    return made


def call(function, model, seed):
    """The networks that the function returns, as their parameters: a list of lists of arrays."""
    networks = function(model, seed)
    kept = [values.clone() for values in model.state_dict().values()]
    with torch.no_grad():
        for values in model.state_dict().values():  # while the list is read the model is empty: an entry that is the model shows
            values.zero_()
        made = [[values.detach().clone() for values in network.state_dict().values()] for network in networks]
        for values, before in zip(model.state_dict().values(), kept):
            values.copy_(before)
    return made


def oracle(model, seed):
    """Straight from the parameters, without a network: weight and bias alternate in the state."""
    state = [values.clone() for values in model.state_dict().values()]
    rng, made = np.random.default_rng(seed), [state]
    for place in range(len(state) - 2, -1, -2):
        state = list(state)
        shape = tuple(state[place].shape)
        spread = (2 / np.prod(shape[1:])) ** 0.5
        state[place] = torch.as_tensor(spread * rng.standard_normal(shape), dtype=state[place].dtype)
        state[place + 1] = torch.zeros_like(state[place + 1])
        made.append(state)
    return [[values.clone() for values in one] for one in made]


def names_of(model):
    return [name for name, layer in model.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]


def he(rng, weight, fan=lambda weight: weight[0].numel(), power=0.5):
    return torch.as_tensor(rng.normal(0, (2 / fan(weight)) ** power, size=tuple(weight.shape)), dtype=weight.dtype)


def variant(order=reversed, draw=he, bias=lambda rng, values: torch.zeros_like(values), start=lambda networks: networks[-1],
            copied=copy.deepcopy, first=True, zeroth=None, anew=False):
    """The right cascade with one thing changed."""
    def cascade(model, seed):
        rng, networks = np.random.default_rng(seed), [(zeroth or copied)(model)]
        for name in order(names_of(model)):
            network = copied(start(networks))
            rng = np.random.default_rng(seed) if anew else rng
            layer = network.get_submodule(name)
            with torch.no_grad():
                layer.weight.copy_(draw(rng, layer.weight))
                layer.bias.copy_(bias(rng, layer.bias))
            networks.append(network)
        return networks if first else networks[1:]
    return cascade


def permuted(rng, weight):
    return weight.flatten()[torch.from_numpy(rng.permutation(weight.numel()))].view(weight.shape)


def fresh_every_time(model, seed):
    rng, networks, names = np.random.default_rng(seed), [copy.deepcopy(model)], names_of(model)
    for k in range(1, len(names) + 1):
        network = copy.deepcopy(model)
        for name in reversed(names[-k:]):
            layer = network.get_submodule(name)
            with torch.no_grad():
                layer.weight.copy_(he(rng, layer.weight))
                layer.bias.zero_()
        networks.append(network)
    return networks


def own_state(args):
    return [values.clone() for values in args[0].state_dict().values()]


def earlier_untouched(args, answer):
    state = own_state(args)
    keep = len(state)
    return all(torch.equal(one[j], state[j]) for k, one in enumerate(answer) for j in range(keep - 2 * k))


def later_changed(args, answer):
    state = own_state(args)
    rows = range(len(state))
    return len(answer) == len(state) // 2 + 1 and all(
        not np.isin(one[j], state[j]).any() and bool(one[j].std() > 0)
        for k, one in enumerate(answer) for j in rows[len(state) - 2 * k::2])


def cumulative(args, answer):
    return all(torch.equal(one[j], following[j]) for k, (one, following) in enumerate(zip(answer, answer[1:]))
               for j in range(len(one) - 2 * k, len(one)))


EXERCISE = Exercise(
    id="07.3", title="Cascading randomisation", points=3, minutes=20, difficulty=2, function="cascade",
    cases=cases, oracle=oracle, call=call,
    laws=(Law("earlier layers untouched", "In network k, all layers before the last k have the weights that were trained.", earlier_untouched),
          Law("later layers redrawn", "There is one network more than layers, and in network k none of the last k layers keeps, or "
              "merely shuffles, its trained weights, nor are they all equal.", later_changed),
          Law("cumulative", "Network k + 1 keeps the random layers of network k and has one more.", cumulative)),
    hints=("Start a list with a deep copy of the model. Each next network is a deep copy of the *last in the list*, with one more layer redrawn.",
           "`[layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]` are the layers from bottom to top; network k redraws "
           "the k-th from the end. Write under `torch.no_grad()` with `copy_` and `zero_`, so that the layer stays a layer.",
           "fan_in = weight[0].numel(); weight.copy_(torch.from_numpy(rng.normal(0, np.sqrt(2 / fan_in), size=weight.shape))); bias.zero_()"),
    misconceptions=(
        Misconception("bottom up", variant(order=list),
                      "You went from the first layer to the last: then everything above a random first layer works on noise at once. The "
                      "cascade goes from the top down."),
        Misconception("one layer at a time", variant(start=lambda networks: networks[0]),
                      "Each of your networks has one random layer only (the *independent* variant): in the cascade the layers above stay "
                      "random too."),
        Misconception("in place", variant(copied=lambda model: model),
                      "You changed the model that you were given, and every entry of your list is that same model: deep-copy before "
                      "you write."),
        Misconception("drawn afresh each time", fresh_every_time,
                      "Your networks share no random layer: network k + 1 has to keep the random layers of network k, or a step in the "
                      "curve mixes a new layer with new luck."),
        Misconception("permuted", variant(draw=permuted),
                      "You shuffled the trained weights: their sizes are still the learnt ones. Draw new weights."),
        Misconception("zeros", variant(draw=lambda rng, weight: torch.zeros_like(weight)),
                      "You set the weights to zero: then no gradient passes and every map is empty, whatever the method. Draw random weights."),
        Misconception("noise added", variant(draw=lambda rng, weight: weight + he(rng, weight)),
                      "You added noise to the trained weights: what was learnt is still in there. Replace them."),
        Misconception("bias kept", variant(bias=lambda rng, values: values),
                      "You redrew the weights but kept the trained biases: they are learnt too. Set them to zero."),
        Misconception("variance for spread", variant(draw=lambda rng, weight: he(rng, weight, power=1.0)),
                      "You passed the variance 2 / fan_in where a standard deviation is expected: take its root."),
        Misconception("fan out", variant(draw=lambda rng, weight: he(rng, weight, fan=lambda w: w.numel() // w.shape[1])),
                      "You divided by fan-out: fan-in is the number of inputs that one output sums, `weight[0].numel()`."),
        Misconception("without the trained network", variant(first=False),
                      "Your list begins with one random layer: entry 0 is a copy of the trained network, with none."),
        Misconception("the model itself", variant(zeroth=lambda model: model),
                      "Entry 0 is the model itself: return a copy, so that nobody changes the trained network through your list."),
        Misconception("generator anew", variant(anew=True),
                      "You began the generator anew for each network: one generator serves the whole cascade."),
    ),
)
