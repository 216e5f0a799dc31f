"""Two processes: the gradients and the batch statistics of one process on the joined batch."""

from __future__ import annotations

import socket
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from oracle import random_coords  # noqa: E402


def scans() -> list[Any]:
    made = []
    for seed in range(2):
        coords = random_coords(60, 3, 1, 5, seed)
        feats = torch.randn(len(coords), 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        made.append(gavotte.SparseTensor(feats, coords))
    return made


def model_of(sync: bool) -> Any:
    torch.manual_seed(3)
    block = gnn.ConvBlock(2, 4, gavotte.ConvSpec(kernel_size=3))
    model = torch.nn.Sequential(block, gnn.Conv3d(4, 3, 2, 2), gnn.Linear(3, 1)).double()
    return gnn.SyncBatchNorm.convert_sync_batchnorm(model) if sync else model


def work(rank: int, port: int, results: Any) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    model = torch.nn.parallel.DistributedDataParallel(model_of(sync=True))
    model(scans()[rank]).feats.square().sum().backward()
    state = {k: v.clone() for k, v in model.module.state_dict().items()}
    results[rank] = [p.grad.clone() for p in model.parameters()], state
    torch.distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_two_processes_train_as_one_on_the_joined_batch() -> None:
    results = torch.multiprocessing.get_context("spawn").Manager().dict()
    torch.multiprocessing.spawn(work, (free_port(), results), nprocs=2)
    model = model_of(sync=False)
    model(gavotte.collate(scans())).feats.square().sum().backward()
    (given, state), (other, other_state) = results[0], results[1]
    for name, values in model.state_dict().items():
        assert torch.equal(state[name], other_state[name])
        torch.testing.assert_close(state[name], values)
    for ours, theirs, parameter in zip(given, other, model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        torch.testing.assert_close(2 * ours, parameter.grad)  # DistributedDataParallel takes the mean
