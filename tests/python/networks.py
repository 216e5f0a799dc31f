"""A small network for several tests: a submanifold layer, batch norm, ReLU, a linear layer."""

from typing import Any

import numpy as np
import numpy.typing as npt


def small_graph() -> dict[str, Any]:
    spec = {"kind": "submanifold", "kernel_size": 3}
    return {
        "name": "small",
        "dims": 3,
        "output": "head",
        "voxel_size_m": [0.5, 0.5, 0.5],
        "classes": ["a", "b", "c"],
        "layers": [
            {"name": "input", "op": "input", "channels": 2},
            {"name": "conv", "op": "convolution", "inputs": ["input"], "channels": 4, "bias": False, "spec": spec},
            {"name": "bn", "op": "batch_norm", "inputs": ["conv"], "epsilon": 1e-05},
            {"name": "relu", "op": "activation", "inputs": ["bn"], "activation": "relu"},
            {"name": "head", "op": "linear", "inputs": ["relu"], "channels": 3, "bias": True},
        ],
    }


def small_parameters(seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    shapes = {
        "conv.weight": (27, 2, 4),
        "bn.weight": (4,),
        "bn.bias": (4,),
        "bn.running_mean": (4,),
        "head.weight": (4, 3),
        "head.bias": (3,),
    }
    parameters = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return parameters | {"bn.running_var": draw.uniform(0.5, 2, 4).astype(np.float32)}
