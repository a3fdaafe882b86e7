"""Several small networks of one shape, computed side by side: what a sweep over seeds costs least as.

    networks = MLPStack((2, 64, 64, 1), seeds=(0, 1, 2))   # three networks, 2 -> 64 -> 64 -> 1
    networks(x)                                            # x (3, n, 2): batch k goes through network k

One product of three matrices of 64x64 takes hardly longer than one of a single one, so three runs
cost little more than one. The networks share nothing: the gradient of a sum over runs is each
run's own.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch


class MLPStack(torch.nn.Module):
    """Fully connected networks with ReLU between the layers, one for each seed.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, inputs first.
    seeds : sequence of int
        Network k draws its weights from seeds[k] alone, uniform in ±1/sqrt(inputs) like `torch.nn.Linear`.
    dtype : torch.dtype
    """

    def __init__(self, sizes: Sequence[int], seeds: Sequence[int], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        drawn = [torch.Generator().manual_seed(int(seed)) for seed in seeds]

        def uniform(rows: int, columns: int, inputs: int) -> torch.nn.Parameter:
            tables = [2 * torch.rand(rows, columns, generator=one, dtype=torch.float64) - 1 for one in drawn]
            return torch.nn.Parameter((torch.stack(tables) / math.sqrt(inputs)).to(dtype))

        self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for inputs, outputs in zip(sizes, sizes[1:]):
            self.weights.append(uniform(inputs, outputs, inputs))  # (runs, inputs, outputs)
            self.biases.append(uniform(1, outputs, inputs))        # (runs, 1, outputs)

    def hidden_layers(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Weights (runs, inputs, outputs) and biases (runs, 1, outputs) of all layers but the last."""
        return zip(list(self.weights)[:-1], list(self.biases)[:-1])

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Activations of the last hidden layer, (runs, n, units), for x of shape (runs, n, inputs)."""
        for weight, bias in self.hidden_layers():
            x = torch.relu(torch.baddbmm(bias, x, weight))
        return x

    def readout(self, features: torch.Tensor) -> torch.Tensor:
        """The last layer, linear: (runs, n, outputs)."""
        return torch.baddbmm(self.biases[-1], features, self.weights[-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (runs, n, outputs) for x of shape (runs, n, inputs)."""
        return self.readout(self.hidden(x))
