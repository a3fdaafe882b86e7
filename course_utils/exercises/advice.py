"""What a beginner is told about the errors that these exercises meet most."""
from __future__ import annotations

ADVICE = (  # (type of error, part of its message, sentence)
    ("RuntimeError", "does not require grad", "No gradient flows: call `.requires_grad_()` on a copy of the input before the forward pass, and stay clear of `.detach()`, `.item()` and `torch.no_grad()` until the backward pass."),
    ("RuntimeError", "implicitly created only for scalar", "`backward` starts from one number: pick or sum the scores first."),
    ("RuntimeError", "backward through the graph a second time", "The graph is used up after one backward pass: run the forward pass again, or keep it with `retain_graph=True`."),
    ("RuntimeError", "that requires grad", "A tensor in a graph cannot become an array: call `.detach()` first."),
    ("RuntimeError", "leaf Variable that requires grad", "A leaf that requires a gradient cannot be changed in place: work on `x.detach().clone()`."),
    ("RuntimeError", "expected scalar type", "Two dtypes meet (float32 and float64): make new tensors with `dtype=x.dtype`."),
    ("RuntimeError", "must match the size", "Two shapes do not go together: print `.shape` of both, and use `keepdim` or `[:, None]` where an axis is missing."),
    ("RuntimeError", "shapes cannot be multiplied", "The inner sizes of a matrix product differ: print `.shape` of both factors."),
    ("ValueError", "could not be broadcast", "Two shapes do not go together: print `.shape` of both, and use `keepdims` or `[:, None]` where an axis is missing."),
    ("ValueError", "matmul", "The inner sizes of a matrix product differ: print `.shape` of both factors."),
    ("ValueError", "truth value of an array", "A condition on an array has one answer an entry: use `np.where`, or `.any()` and `.all()`."),
    ("RuntimeError", "Boolean value of Tensor", "A condition on a tensor has one answer an entry: use `torch.where`, or `.any()` and `.all()`."),
    ("IndexError", "", "An index runs past the end, or has more axes than the array: print the shape, and remember that counting starts at 0."),
    ("NameError", "", "A name is not known here: run the cells above, look for a typing mistake, or use the argument's own name."),
    ("UnboundLocalError", "", "A variable is read before it is set: give it a value before the loop or the `if`."),
    ("RecursionError", "", "The function calls itself without an end: it needs a case in which it stops."),
    ("ZeroDivisionError", "", "Something is divided by zero: think of the case in which the denominator vanishes."),
    ("TypeError", "positional argument", "The number of arguments is off: keep the signature that the exercise gives."),
    ("TypeError", "NoneType", "Something is None: a function that you call ends without a `return`, or an in-place method was assigned."),
    ("AttributeError", "has no attribute", "An array is no tensor and a tensor is no array: look at the type with `type(x)`."),
    ("MemoryError", "", "The result does not fit into memory: look at the shapes that broadcasting makes."),
    ("SystemExit", "", "Leave `exit()` and `quit()` out: they would end the notebook."),
    ("KeyboardInterrupt", "", "Leave `raise KeyboardInterrupt` out: it would end the notebook."),
)


def advice(error: BaseException) -> str:
    """One sentence on what usually lies behind an error, or nothing where none is known."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return next((sentence for kind, part, sentence in ADVICE if kind in kinds and part in str(error)), "")
