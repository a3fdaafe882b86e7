"""Exercise 10.3: alpha-beta, and with it z-plus, through a convolution."""
from __future__ import annotations

import numpy as np

from course_utils.exercises.contract import Case, Exercise, Law, Misconception
from course_utils.exercises.lab10_tensors import divide_no_nan, put_back, windows, with_tensors


def cases(seed):
    rng = np.random.default_rng([103, seed])
    made = []
    for n, size, channels, filters, kernel, signed, alpha, beta in (
            (2, (4, 5), 2, 3, (3, 3), False, 1.0, 0.0), (1, (5, 4), 3, 2, (3, 1), True, 1.0, 0.0), (2, (4, 4), 3, 3, (3, 3), True, 2.0, 1.0)):
        activations = rng.normal(0.2, 1.0, size=(n, *size, channels))
        weight = rng.normal(size=(*kernel, channels, filters))
        if not signed:
            activations = activations.clip(0)
            weight[..., 0] = -np.abs(weight[..., 0])                   # a filter without a positive contribution
        relevance = rng.uniform(0.1, 1.0, size=(n, *size, filters))
        made.append(Case((activations, weight, rng.normal(size=filters), relevance, alpha, beta),
                         f"{'signed' if signed else 'ReLU'} activations, {filters} filters of {kernel[0]}x{kernel[1]}, alpha {alpha:g}, beta {beta:g}"))
    return made


def by_contributions(activations, kernel, bias, relevance, alpha, beta):
    """Brute force: all contributions as one array, split by their sign."""
    height, width, _, filters = kernel.shape
    seen = windows(activations, height, width)
    shares = np.zeros(seen.shape)
    for j in range(filters):
        contributions = seen * kernel[..., j]                          # (n, h, w, height, width, channels)
        for part, factor in ((contributions.clip(0), alpha), (contributions.clip(None, 0), -beta)):
            whole = part.sum((3, 4, 5), keepdims=True)
            shares += factor * relevance[..., j, None, None, None] * divide_no_nan(part, whole)
    return put_back(shares)


def forward(maps, kernel):
    return np.einsum("nhwklc,klcf->nhwf", windows(maps, *kernel.shape[:2]), kernel)


def backward(maps, kernel):
    return put_back(np.einsum("nhwf,klcf->nhwklc", maps, kernel))


def variant(split=lambda a: (a.clip(0), a.clip(None, 0)), add=lambda b: (0.0, 0.0), divide=divide_no_nan, back=backward, times=True, whole_back=False,
            factors=lambda alpha, beta: (alpha, -beta), denominators=lambda up, down: (up, down)):
    """Both parts in four convolutions forward and four back, with one thing changed."""
    def lrp_conv(activations, kernel, bias, relevance, alpha, beta):
        a, k, b, r = (np.asarray(value) for value in (activations, kernel, bias, relevance))
        (positive, negative), (k_up, k_down), (b_up, b_down) = split(a), (k.clip(0), k.clip(None, 0)), add(b)
        up = forward(positive, k_up) + forward(negative, k_down) + b_up
        down = forward(positive, k_down) + forward(negative, k_up) + b_down
        sent = np.zeros(a.shape)
        for whole, factor, first, second in zip(denominators(up, down), factors(alpha, beta), (k_up, k_down), (k_down, k_up)):
            if not factor:
                continue
            if whole_back:
                first = second = k
            p, q = (positive, negative) if times else (np.ones_like(a), np.zeros_like(a))
            with np.errstate(all="ignore"):
                s = factor * divide(r, whole)
                sent += p * back(s, first) + q * back(s, second)
        return sent
    return lrp_conv


def conserved(args, answer):
    activations, kernel, _, relevance, alpha, beta = args
    seen, passed = windows(activations, *kernel.shape[:2]), np.zeros(relevance.shape)
    for j in range(kernel.shape[-1]):
        contributions = seen * kernel[..., j]
        passed[..., j] = alpha * (contributions > 0).any((3, 4, 5)) - beta * (contributions < 0).any((3, 4, 5))
    return np.allclose(answer.sum((1, 2, 3)), (passed * relevance).sum((1, 2, 3)), rtol=1e-6, atol=1e-9)


EXERCISE = Exercise(
    id="10.3", title="Alpha-beta through a convolution", points=3, minutes=25, difficulty=3, function="lrp_conv",
    cases=cases, oracle=by_contributions, call=with_tensors,
    laws=(Law("conservation", "Every output with contributions of a sign passes on alpha (or -beta) times its relevance, no more and no less.", conserved),
          Law("z-plus is never negative", "With beta 0 and relevance that is not negative, no share is negative.",
              lambda args, answer: args[5] != 0 or bool((answer >= -1e-12).all()))),
    hints=("A contribution is positive in two ways: both factors positive, or both negative. So split the activations and the kernel "
           "into a positive and a negative part each.",
           "z_plus takes two convolutions: positive activations with positive weights, plus negative activations with negative weights; "
           "z_minus takes the other two pairs. Relevance over z_plus goes back through each kernel part with slide_back and is "
           "multiplied by the part of the activations that belongs to this kernel.",
           "alpha * (positive * slide_back(s_plus, k_up) + negative * slide_back(s_plus, k_down)) - beta * (positive * slide_back(s_minus, "
           "k_down) + negative * slide_back(s_minus, k_up)), with k_up, k_down the positive and negative part of the kernel, and "
           "positive, negative those of the activations"),
    misconceptions=(
        Misconception("only the weights are split", variant(split=lambda a: (a, np.zeros_like(a))),
                      "You clamp the weights only: a negative activation times a negative weight is a positive contribution, and yours "
                      "misses it. Right after a ReLU nobody notices; at signed inputs the map is nonsense."),
        Misconception("negative activations dropped", variant(split=lambda a: (a.clip(0), np.zeros_like(a))),
                      "You drop the negative activations: times a negative weight they contribute positively, times a positive one "
                      "negatively."),
        Misconception("bias takes a share", variant(add=lambda b: (b.clip(0), b.clip(None, 0))),
                      "The bias stands in your sums, so it takes a share of the relevance that then reaches no input: a leak. Leave it "
                      "out."),
        Misconception("whole bias in both sums", variant(add=lambda b: (b, b)),
                      "You add the bias to the split sums, as conv layers do: it is no contribution of an input, takes relevance that "
                      "reaches nobody, and can bring a sum to zero. Leave it out."),
        Misconception("division by zero", variant(divide=lambda r, z: r / z),
                      "A filter can have no contribution of a sign at a place: then its sum is zero and you divide by it. "
                      "tf.math.divide_no_nan sends nothing back from there."),
        Misconception("not times the activations", variant(times=False),
                      "What comes back through the kernel is not yet a share: multiply it by the activations that belong to this part."),
        Misconception("back through the whole kernel", variant(whole_back=True),
                      "Your sums are split, but you send relevance back through the whole kernel: the way back takes, for each sign, only "
                      "the part of the kernel that made the contribution."),
        Misconception("beta added", variant(factors=lambda alpha, beta: (alpha, beta)),
                      "You add the beta part: alpha minus beta is 1, so relevance is kept only if the negative contributions are "
                      "subtracted."),
        Misconception("alpha and beta swapped", variant(factors=lambda alpha, beta: (beta, -alpha)),
                      "alpha and beta have changed places: alpha multiplies the positive contributions."),
        Misconception("one sum for both", variant(denominators=lambda up, down: (up + down, up + down)),
                      "You divide both parts by the same total sum: positive contributions are divided by the sum of the positive ones, "
                      "negative ones by the sum of the negative ones."),
        Misconception("convolved instead of transposed", variant(back=lambda s, k: forward(s, k.transpose(0, 1, 3, 2))),
                      "You send relevance back by sliding the same kernel: its taps end up mirrored. The way back is the transposed "
                      "convolution, tf.nn.conv2d_transpose (lab 01)."),
    ),
)
