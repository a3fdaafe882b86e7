"""Lab 10: the definitions of the solved notebook, called as a student would, against zennit and Captum on the torch twin."""
import warnings

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.datasets import zoo
from course_utils.exercises import solved
from course_utils.models.keras_twins import as_keras
from course_utils.models.quiet_tensorflow import keras, tf
from course_utils.models.torchvision_compat import torchvision  # noqa: F401 (zennit imports torchvision)

TINY = 1e-12


@pytest.fixture(scope="module")
def lab():
    path = solved.source_of("10")
    return solved.definitions(path, path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def animals():
    return zoo.load(4, seed=77)


class Twins:
    """A network in float64 in both libraries, with pictures and labels in both."""

    def __init__(self, torch_network, pictures, labels):
        self.torch = torch_network.double().eval()
        self.keras = as_keras(self.torch, size=pictures.shape[1], name="twin")
        self.pictures, self.labels = tf.constant(pictures, tf.float64), np.asarray(labels)
        self.torch_pictures = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).double()


@pytest.fixture(scope="module", params=["zoonet", "zoonet_dense", "small pooling", "small dense"])
def twins(request, animals):
    if request.param.startswith("zoonet"):
        return Twins(models.load(request.param), animals.pictures[:2] / 255, animals.labels[:2])
    network = models.small_cnn(3, channels=(4, 5), size=8, classes=4, head="pool" if "pool" in request.param else "dense")
    return Twins(network, np.random.default_rng(3).uniform(size=(3, 8, 8, 3)), [0, 3, 1])


def lab_recipe(lab, name):
    return {
        "LRP-0": lambda: lab.everywhere(lab.lrp_linear),
        "epsilon": lambda: lab.everywhere(lab.epsilon_rule, dense_epsilon=0.1),
        "gamma": lambda: lab.without_bias(lab.everywhere(lab.lrp_gamma)),
        "alpha 2, beta 1": lambda: lab.without_bias(lab.everywhere(lab.alpha2_beta1)),
        "z-plus": lambda: lab.without_bias(lab.everywhere(lab.z_plus)),
        "Deep Taylor": lambda: lab.without_bias(lab.everywhere(lab.z_plus, pixel_rule=lab.z_box)),
        "composite": lambda: lab.without_bias(lab.everywhere(lab.lrp_gamma, dense_epsilon=0.1, pixel_rule=lab.z_box)),
    }[name]()


def zennit_rules(name):
    """Rules of convolutions, of dense layers and of the first convolution, made anew."""
    from zennit import rules

    no_bias = {"zero_params": "bias"}
    box = lambda: rules.ZBox(0.0, 1.0, stabilizer=TINY, **no_bias)  # noqa: E731
    zero = lambda: rules.Epsilon(TINY, **no_bias)  # noqa: E731
    both = lambda: rules.AlphaBeta(2, 1, stabilizer=TINY, **no_bias)  # noqa: E731
    gamma, plus = (lambda: rules.Gamma(0.25, stabilizer=TINY, **no_bias)), (lambda: rules.ZPlus(stabilizer=TINY, **no_bias))
    return {
        "LRP-0": (lambda: rules.Epsilon(TINY),) * 3,
        "epsilon": (lambda: rules.Epsilon(0.1),) * 3,
        "gamma": (gamma, zero, gamma),
        "alpha 2, beta 1": (both, zero, both),
        "z-plus": (plus, zero, plus),
        "Deep Taylor": (plus, zero, box),
        "composite": (gamma, lambda: rules.Epsilon(0.1, **no_bias), box),
    }[name]


def zennit_map(twins, name):
    from zennit.attribution import Gradient
    from zennit.composites import NameMapComposite
    from zennit.rules import Norm, Pass

    (conv, dense, first), hooks = zennit_rules(name), []
    for path, module in twins.torch.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            hooks.append(([path], (first if path.endswith("conv1") else conv)()))
        elif isinstance(module, torch.nn.Linear):
            hooks.append(([path], dense()))
        elif isinstance(module, torch.nn.ReLU):
            hooks.append(([path], Pass()))
        elif isinstance(module, torch.nn.AdaptiveAvgPool2d):
            hooks.append(([path], Norm(stabilizer=TINY)))
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(twins.labels), twins.keras.output_shape[1])
    with Gradient(twins.torch, composite=NameMapComposite(hooks)) as attributor:
        _, relevance = attributor(twins.torch_pictures.clone().requires_grad_(), lambda scores: scores * one_hot)
    return relevance.detach().permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("name", ["LRP-0", "epsilon", "gamma", "alpha 2, beta 1", "z-plus", "Deep Taylor", "composite"])
def test_maps_are_zennits(lab, twins, name):
    ours, theirs = lab.pixel_map(twins.keras, twins.pictures, twins.labels, lab_recipe(lab, name)), zennit_map(twins, name)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())
    assert np.abs(theirs).max() > 0


@pytest.mark.parametrize("alpha, beta", [(1, 0), (2, 1)])
def test_signed_inputs_are_shared_as_zennit_shares_them(lab, alpha, beta):
    from zennit.attribution import Gradient
    from zennit.composites import NameMapComposite
    from zennit.rules import AlphaBeta

    rng = np.random.default_rng(alpha)
    maps, kernel, relevance = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(3, 3, 3, 4)), rng.normal(size=(2, 6, 5, 4))
    conv = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False).double()
    conv.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    composite = NameMapComposite([(["0"], AlphaBeta(alpha, beta, stabilizer=TINY))])
    with Gradient(torch.nn.Sequential(conv), composite=composite) as attributor:
        _, theirs = attributor(torch.from_numpy(maps.transpose(0, 3, 1, 2).copy()).requires_grad_(), torch.from_numpy(relevance.transpose(0, 3, 1, 2).copy()))
    ours = lab.lrp_conv(*map(tf.constant, (maps, kernel, np.zeros(4), relevance)), float(alpha), float(beta))
    np.testing.assert_allclose(ours.numpy(), theirs.detach().permute(0, 2, 3, 1).numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name, conv_rule, epsilon", [("epsilon", "EpsilonRule", 0.1), ("z-plus", "Alpha1_Beta0_Rule", None), ("gamma", "GammaRule", None)])
def test_maps_are_captums(lab, animals, name, conv_rule, epsilon):
    from captum.attr import LRP
    from captum.attr._utils import lrp_rules

    twins = Twins(models.load("zoonet"), animals.pictures[:2] / 255, animals.labels[:2])
    for path, module in twins.torch.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            module.rule = getattr(lrp_rules, conv_rule)(*([epsilon] if epsilon else []), **({} if epsilon else {"set_bias_to_zero": True}))
    twins.torch.classifier.rule = lrp_rules.EpsilonRule(epsilon or 1e-12)
    theirs = LRP(twins.torch).attribute(twins.torch_pictures.clone().requires_grad_(), target=torch.from_numpy(twins.labels))
    theirs = theirs.detach().permute(0, 2, 3, 1).numpy()
    conv = {"epsilon": lab.epsilon_rule, "z-plus": lab.z_plus, "gamma": lab.without_bias(lambda name: lab.lrp_gamma)("conv")}[name]
    ours = lab.pixel_map(twins.keras, twins.pictures, twins.labels, lab.everywhere(conv, dense_epsilon=epsilon or 0.0))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("rule, captums", [("gradient_relu", "Saliency"), ("guided_relu", "GuidedBackprop"), ("deconvnet_relu", "Deconvolution")])
def test_ways_back_are_captums(lab, twins, rule, captums):
    from captum import attr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {"abs": False} if captums == "Saliency" else {}
        theirs = getattr(attr, captums)(twins.torch).attribute(twins.torch_pictures.clone().requires_grad_(), target=torch.from_numpy(twins.labels), **settings)
    ours = lab.pixel_gradient(lab.with_relu(twins.keras, getattr(lab, rule)), twins.pictures, twins.labels)
    np.testing.assert_allclose(ours, theirs.detach().permute(0, 2, 3, 1).numpy(), rtol=1e-8, atol=1e-12)


def test_the_slides_numbers(lab):
    z = tf.constant([[1.0, -2, 3, -4], [4, -1, -1, -2], [30, 2, 0, 1], [1, -2, -9, 7]])
    g = tf.constant([[-2.0, 1, -31, -3], [3, 4, 2, 14], [-2, 12, 4, 1], [10, 10, 2, 1]])
    back = {name: rule(z)[1](g).numpy().tolist() for name, rule in lab.RULES.items()}
    assert back["gradient"] == [[-2, 0, -31, 0], [3, 0, 0, 0], [-2, 12, 0, 1], [10, 0, 0, 1]]
    assert back["deconvnet"] == [[0, 1, 0, 0], [3, 4, 2, 14], [0, 12, 4, 1], [10, 10, 2, 1]]
    assert back["guided"] == [[0, 0, 0, 0], [3, 0, 0, 0], [0, 12, 0, 1], [10, 0, 0, 1]]


def test_lrp_0_is_gradient_times_input(lab, twins):
    ours = lab.pixel_map(twins.keras, twins.pictures, twins.labels, lab.everywhere(lab.lrp_linear))
    np.testing.assert_allclose(ours, lab.pixel_gradient(twins.keras, twins.pictures, twins.labels) * twins.pictures.numpy(), rtol=1e-6, atol=1e-12)


def test_relevance_is_kept_layer_by_layer_without_biases(lab, twins):
    bare = keras.models.clone_model(twins.keras)
    bare.set_weights([values if values.ndim > 1 else 0 * values for values in twins.keras.get_weights()])
    for recipe in (lab.everywhere(lab.lrp_linear), lab.everywhere(lab.lrp_gamma), lab.everywhere(lab.z_plus, pixel_rule=lab.z_box)):
        sums = [r.numpy().reshape(len(r), -1).sum(1) for r in lab.relevances(bare, twins.pictures, twins.labels, recipe).values()]
        np.testing.assert_allclose(sums, np.broadcast_to(sums[0], np.shape(sums)), rtol=1e-6, atol=1e-9)


def test_rules_keep_the_dtype(lab):
    for dtype in (tf.float32, tf.float64):
        maps, kernel = tf.ones((1, 4, 4, 2), dtype), tf.ones((3, 3, 2, 2), dtype)
        answers = [lab.lrp_conv(maps, kernel, tf.zeros(2, dtype), maps, 2.0, 1.0), lab.lrp_z_box(maps, kernel, tf.zeros(2, dtype), maps, tf.zeros(2, dtype), tf.ones(2, dtype)),
                   lab.lrp_pool(maps, maps[:, ::2, ::2], 2, "average"), lab.lrp_dense(maps[0, 0], kernel[0, 0], tf.zeros(2, dtype), maps[0, 0], 0.1)]
        assert {answer.dtype for answer in answers} == {dtype}


def test_one_of_several_winners_takes_all(lab):
    sent = lab.lrp_pool(tf.zeros((1, 4, 4, 1)), tf.constant([1.0, 2, 3, 4], shape=(1, 2, 2, 1)), 2, "max").numpy()[0, :, :, 0]
    assert sent.tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def test_folding_keeps_the_function(lab):
    layers, rng = keras.layers, np.random.default_rng(5)
    model = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(3, 3, padding="same", use_bias=False, name="conv1"), layers.BatchNormalization(name="norm1"),
                              layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    model.get_layer("norm1").set_weights([rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.5, 2, size=3)])
    pictures = tf.constant(rng.normal(size=(4, 6, 6, 2)), tf.float32)
    plain = lab.folded(model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in plain.layers)
    np.testing.assert_allclose(plain(pictures), model(pictures), rtol=1e-4, atol=1e-5)


def test_mobilenet_layers_hand_on_and_compute_the_same(lab):
    """The Outside section's layers, on a network of the same kinds of layer and no downloaded weights."""
    layers, rng = keras.layers, np.random.default_rng(6)
    entrance = keras.Input((8, 8, 3))
    first = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)
    depthwise, project = layers.DepthwiseConv2D(3, padding="same", use_bias=False), layers.Conv2D(6, 1, padding="same", use_bias=False)
    value = layers.ReLU(6.0)(first(entrance))
    value = layers.Add()([value, project(layers.ReLU(6.0)(depthwise(value)))])
    model = keras.Model(entrance, layers.Dense(3)(layers.GlobalAveragePooling2D()(value)))
    for layer in (first, depthwise, project):
        layer.shift = np.zeros(6, np.float32)
    pictures, labels = tf.constant(rng.normal(size=(2, 8, 8, 3)), tf.float32), np.array([0, 2])
    copy = keras.models.clone_model(model, clone_function=lab.with_z_plus)
    np.testing.assert_allclose(copy(pictures), model(pictures), rtol=1e-4, atol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        scores = tf.gather(copy(pictures), labels, axis=1, batch_dims=1)
    relevance = tape.gradient(scores, pictures).numpy()
    np.testing.assert_allclose(relevance.sum((1, 2, 3)), 1, atol=1e-3)  # no bias, no loss: all of the relevance 1 arrives
