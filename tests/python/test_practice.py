"""docs/practice.md: its examples run, and each message that it explains is one that comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "practice.md").read_text()


def tensor(rows: list[list[int]], dtype: torch.dtype = torch.float32, **options: int) -> gavotte.SparseTensor:
    return gavotte.SparseTensor(torch.ones(len(rows), 4, dtype=dtype), torch.tensor(rows).int(), **options)


ONE = [[0, 1, 2, 3]]
VOXELS = gavotte.voxelize(np.zeros((1, 4), np.float32), 1.0)
MISTAKES: list[Callable[[], object]] = [
    lambda: tensor(ONE + ONE),
    lambda: gavotte.SparseTensor(torch.ones(1, 4), torch.tensor(ONE)),
    lambda: tensor([[-1, 2, 3, 0]]),
    lambda: gnn.SubmConv3d(4, 4, 3, padding=1),
    lambda: gnn.SubmConv3d(4, 4, 3, stride=2),
    lambda: gnn.SubmConv3d(4, 4, 2),
    lambda: gnn.InverseConv3d(4, 4, 2, stride=2)(tensor(ONE)),
    lambda: gnn.InverseConv3d(4, 4, 2, stride=2)(tensor(ONE, stride=2)),
    lambda: gnn.SubmConv3d(4, 4, 3)(tensor(ONE, torch.float16)),
    lambda: gnn.SubmConv3d(4, 4, 3).load_state_dict({"weight": torch.ones(4, 3, 3, 3, 4), "bias": torch.ones(4)}),
    lambda: gnn.ReLU()(gnn.SubmConv3d(4, 4, 3)(torch.ones(1, 4))),
    lambda: torch.nn.ReLU()(tensor(ONE)),
    lambda: gnn.BatchNorm(4)(tensor(ONE)),
    lambda: gavotte.Executor(gavotte.Network.trained("street")).run(VOXELS),
    lambda: VOXELS.to_points(np.zeros(1, np.int64)),
    lambda: gavotte.Executor(gavotte.Network.trained("street"), device="cuda:0"),
]


def explained() -> list[str]:
    table = PAGE.partition("## What a message means")[2]
    return re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)


def test_each_mistake_is_explained() -> None:
    assert len(explained()) == len(MISTAKES)


@pytest.mark.parametrize(("mistake", "message"), list(zip(MISTAKES, explained(), strict=False)), ids=explained())
def test_the_message_comes(mistake: Callable[[], object], message: str) -> None:
    if message == "no CUDA device" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises((ValueError, TypeError, RuntimeError), match=re.escape(message)):
        mistake()


def test_the_examples_run() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/practice.md", "exec"), names)
