"""The pad to draw on: its answers, without a browser."""
import asyncio

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, Occlusion, Saliency

from course_utils import models
from course_utils.plots.style import alternative_text
from course_utils.widgets import sketch


@pytest.mark.parametrize("kind", sketch.KINDS)
def test_probabilities_and_maps_are_those_of_captum(kind):
    pixels, about = sketch.example(kind), sketch.KINDS[kind]
    said, model = sketch.answer(kind, pixels), models.load(about.network)
    x = models.as_grey(pixels[None]) if kind == "digit" else models.as_input(pixels)
    np.testing.assert_allclose(said.probabilities, model(x).softmax(1)[0].detach().numpy(), atol=1e-5)
    assert said.label == said.probabilities.argmax() and said.names[said.label] == {"digit": "0", "photo": "camel"}[kind]
    saliency = Saliency(model).attribute(x.clone().requires_grad_(), target=said.label)[0].amax(0)
    np.testing.assert_allclose(said.maps["saliency"], saliency.numpy(), atol=1e-5)
    # On a pooling network Grad-CAM is CAM over the number of places that are averaged.
    grad_cam = LayerGradCam(model, model.features).attribute(x, said.label)
    cam = torch.nn.functional.interpolate(grad_cam * grad_cam[0, 0].numel(), size=x.shape[2:], mode="bilinear")[0, 0]
    np.testing.assert_allclose(said.maps["CAM"], cam.detach().numpy(), atol=1e-4)
    paint = x.mean(dim=(2, 3), keepdim=True).expand_as(x) if kind == "photo" else 0
    window, stride = (x.shape[1], about.square, about.square), (x.shape[1], about.step, about.step)
    occlusion = Occlusion(model).attribute(x, window, strides=stride, baselines=paint, target=said.label)[0, 0]
    np.testing.assert_allclose(said.maps["occlusion"], occlusion.detach().numpy(), atol=1e-4)


def test_the_animal_is_where_the_maps_say():
    from course_utils.datasets import zoo

    mask = zoo.draw("camel", sketch.EXAMPLE_SEED).masks[0]
    heats = sketch.answer("photo", sketch.example("photo")).maps
    assert all(mask[np.unravel_index(heat.argmax(), heat.shape)] for heat in heats.values())


def test_what_cannot_be_asked_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"uint8 \(28, 28\), but this is float64 \(28, 28\)"):
        sketch.answer("digit", np.zeros((28, 28)))
    with pytest.raises(ValueError, match="no network for a 'film'"):
        sketch.answer("film", np.zeros((28, 28), np.uint8))


@pytest.mark.parametrize("kind", sketch.KINDS)
@pytest.mark.parametrize("level", [0, 255])
def test_an_even_picture_has_an_answer_too(kind, level):
    figure = sketch.draw(kind, np.full(sketch.KINDS[kind].shape, level, np.uint8))
    figure.canvas.draw()
    assert "read as" in alternative_text(figure)


def request(kind="digit", number=1, view="a"):
    return {"view": view, "number": number, "kind": kind, "moved": 5.0}


def test_an_answer_goes_back_to_where_the_question_came_from(monkeypatch):
    pad, sent = sketch.explore(), []
    monkeypatch.setattr(type(pad.pad), "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    pixels = sketch.example("photo")
    pad.asked(pad.pad, request("photo", 3), [memoryview(pixels.tobytes())])
    (content, buffers), = sent
    assert (content["view"], content["number"], content["names"][content["label"]]) == ("a", 3, "camel")
    said = sketch.answer("photo", pixels)
    assert [len(buffer) for buffer in buffers] == [64 * 64 * 3] * 3
    assert buffers[1] == sketch.coloured(pixels, said)["CAM"].tobytes()
    assert content["words"].startswith("Read as camel with a probability of 9")


def test_a_burst_of_strokes_is_answered_once_and_with_the_last(monkeypatch):
    pad, sent = sketch.explore(), []
    monkeypatch.setattr(type(pad.pad), "send", lambda self, content, buffers=None: sent.append(content["number"]))

    async def strokes():
        for number in range(30):
            pad.asked(pad.pad, request(number=number), [bytes(784)])
        while pad.waiting:
            await asyncio.sleep(0)

    asyncio.run(strokes())
    assert sent == [29] and pad.answered == 1


def test_an_exception_is_said_in_the_browser_and_not_swallowed(monkeypatch):
    pad, sent = sketch.explore(), []
    monkeypatch.setattr(type(pad.pad), "send", lambda self, content, buffers=None: sent.append(content))
    with pytest.raises(ValueError):
        pad.asked(pad.pad, request(), [bytes(783)])
    assert sent[0]["sentence"].startswith("The kernel could not answer: ValueError")


def test_without_a_kernel_there_is_a_picture(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw, metadata: shown.append((bundle, metadata)))
    sketch.explore("photo")._ipython_display_()
    (bundle, metadata), = shown
    assert bundle["image/png"][:4] == b"\x89PNG" and "application/vnd.jupyter.widget-view+json" in bundle
    assert metadata["image/png"]["alt"].startswith("A photo, read as camel")
