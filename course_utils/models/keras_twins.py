"""The same networks in Keras, with the same weights; TensorFlow is imported on first use only."""

import os
import sys


def _keras():
    """Keras on TensorFlow, quiet: both switches must be set before TensorFlow is imported."""
    if "tensorflow" not in sys.modules:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    return keras


def keras_twin(name):
    """The Keras twin of a checkpoint.

    Parameters
    ----------
    name : str
        E.g. "zoonet"; see `checkpoint_names`.

    Returns
    -------
    keras.Model
        Takes float32 (n, 64, 64, 3) in [0, 1], channels last; returns logits (n, classes), equal
        to the torch network's to 1e-4. Not trainable. Layers bear the names of the torch modules.
    """
    from .checkpoints import load

    return as_keras(load(name), size=64, name=name)


def as_keras(model, size, name="twin"):
    """The Keras twin of a PoolingNet or DenseNet for pictures (size, size, 3); see `keras_twin`.

    Every layer is one of Conv2D (same, linear), ReLU, MaxPooling2D, GlobalAveragePooling2D,
    Flatten, Dense (linear), in the order of the computation.
    """
    from torch import nn

    keras = _keras()
    layers = keras.layers
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    entrance = keras.Input((size, size, 3), name="pictures", dtype=dtype)
    value, shape, arrays = entrance, None, {}
    for path, module in model.named_modules():
        label = path.split(".")[-1]
        if isinstance(module, nn.Conv2d):
            if module.padding != (module.kernel_size[0] // 2,) * 2 or module.stride != (1, 1):
                raise ValueError(f"Layer {path} has padding {module.padding} and stride {module.stride}; the twin knows stride 1 with padding that keeps the size only.")
            layer = layers.Conv2D(module.out_channels, module.kernel_size, padding="same", name=label, dtype=dtype)
            # torch (out, in, height, width) to Keras (height, width, in, out)
            arrays[label] = module.weight.detach().numpy().transpose(2, 3, 1, 0), module.bias.detach().numpy()
        elif isinstance(module, nn.ReLU):
            layer = layers.ReLU(name=label, dtype=dtype)
        elif isinstance(module, nn.MaxPool2d):
            layer = layers.MaxPooling2D(module.kernel_size, name=label, dtype=dtype)
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            layer = layers.GlobalAveragePooling2D(name=label, dtype=dtype)
        elif isinstance(module, nn.Linear):
            weight = module.weight.detach().numpy()
            if len(value.shape) == 4:
                shape = tuple(value.shape[1:])
                value = layers.Flatten(name="flatten", dtype=dtype)(value)
                # torch flattens (channel, height, width), Keras (height, width, channel)
                height, width, channels = shape
                weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(len(weight), -1)
            layer = layers.Dense(module.out_features, name=label, dtype=dtype)
            arrays[label] = weight.T, module.bias.detach().numpy()
        else:
            continue  # containers
        value = layer(value)
    twin = keras.Model(entrance, value, name=name)
    for label, (kernel, bias) in arrays.items():
        twin.get_layer(label).set_weights([kernel, bias])
    twin.trainable = False
    return twin
