"""Trains a small U-Net to name each point of a street: road, building, car, tree and so on.

    python examples/train_segmentation.py --out runs/street            # minutes on a CPU
    python examples/train_segmentation.py --out runs/street --resume   # goes on where it stopped
    torchrun --nproc-per-node 2 examples/train_segmentation.py --out runs/street

The streets are procedural: nothing is downloaded. Written to --out: log.jsonl (a line for each epoch), curves.png,
truth.png and prediction.png (a held-out scan), checkpoint.pth, and street.gavotte, which the Executor and `gavotte run`
load. With TensorBoard installed, its log too.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.utils.data import DataLoader, DistributedSampler
from tqdm import tqdm

import gavotte
from gavotte import data, models
from gavotte import nn as gnn

FEATURES = ["one", "intensity", "z"]
IGNORED = 0  # points without a class


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--streets", type=int, default=48, help="scans of an epoch")
    parser.add_argument("--held-out", type=int, default=8, help="scans of other streets to measure on")
    parser.add_argument("--azimuths", type=int, default=400, help="directions of a turn of the scanner")
    parser.add_argument("--voxel-size", type=float, default=0.2, help="metres")
    parser.add_argument("--batch", type=int, default=4, help="scans in a step")
    parser.add_argument("--rate", type=float, default=5e-3, help="largest learning rate")
    parser.add_argument("--workers", type=int, default=1, help="processes that make scans")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--amp", action="store_true", help="run in bfloat16 where that is accurate enough")
    parser.add_argument("--resume", action="store_true", help="go on from --out/checkpoint.pth")
    return parser.parse_args()


def make_model(classes: int) -> models.MinkUNet:
    return models.MinkUNet(
        len(FEATURES), classes, encoder=(16, 16, 32, 48, 64), decoder=(64, 48, 32, 32),
        encoder_blocks=(1,) * 4, decoder_blocks=(1,) * 4,
    )  # fmt: skip


def make_loaders(args: argparse.Namespace) -> tuple[data.ProceduralStreets, DataLoader[Any], DataLoader[Any]]:
    sample = data.VoxelSample(args.voxel_size, FEATURES)
    shared = {"azimuths": args.azimuths, "sample": sample}
    training = data.ProceduralStreets(streets=args.streets, first_seed=1001, seed=args.seed, **shared)
    training.augment = data.augment.Compose(
        [data.augment.RotateZ(), data.augment.Flip(), data.augment.Scale(0.95, 1.05), data.augment.DropPoints(0.1)]
    )
    held_out = data.ProceduralStreets(streets=args.held_out, first_seed=1_000_001, **shared)
    sampler = DistributedSampler(training, seed=args.seed) if distributed.is_initialized() else None
    order = torch.Generator().manual_seed(args.seed)
    options: dict[str, Any] = {"num_workers": args.workers, "collate_fn": data.collate}
    options["persistent_workers"] = args.workers > 0
    loader = DataLoader(
        training, args.batch, shuffle=sampler is None, sampler=sampler, generator=order, drop_last=True, **options
    )
    return training, loader, DataLoader(held_out, args.batch, **options)


def confusion(prediction: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """int64 [truth, prediction]: counts of the points that have a class."""
    kept = truth > IGNORED
    pairs = truth[kept] * classes + prediction[kept]
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def intersection_over_union(counts: torch.Tensor) -> torch.Tensor:
    """[classes], NaN for a class that is nowhere."""
    hit = counts.diag().double()
    return hit / (counts.sum(0) + counts.sum(1) - counts.diag())


@torch.no_grad()
def evaluate(model: torch.nn.Module, loader: DataLoader[Any], classes: int, device: str) -> torch.Tensor:
    """IoU of each class over the points of the held-out scans."""
    model.eval()
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for batch in loader:
        labels = model(batch.x.to(device)).feats.argmax(1).cpu()
        for entry, truth in enumerate(batch.point_labels):
            prediction = batch.points_of(labels, entry)
            counts += confusion(prediction.clamp(min=0), torch.where(prediction < 0, IGNORED, truth), classes)
    return intersection_over_union(counts)[IGNORED + 1 :]


def train_epoch(
    model: torch.nn.Module, loader: DataLoader[Any], optimizer: Any, schedule: Any, args: argparse.Namespace, epoch: int
) -> float:
    """The mean loss."""
    model.train()
    losses = []
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=IGNORED)
    first = not distributed.is_initialized() or distributed.get_rank() == 0
    progress = tqdm(loader, f"epoch {epoch + 1}/{args.epochs}", leave=False, disable=not first)
    for batch in progress:
        with torch.autocast(args.device.partition(":")[0], torch.bfloat16, enabled=args.amp):
            scores = model(batch.x.to(args.device, non_blocking=True)).feats
        loss = loss_of(scores.float(), batch.labels.to(args.device).clamp(min=IGNORED))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.3f}")
    return float(np.mean(losses))


def draw_curves(log: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    epochs = [line["epoch"] for line in log]
    left.plot(epochs, [line["loss"] for line in log])
    left.set(xlabel="epoch", ylabel="cross entropy", title="training loss")
    for name in log[-1]["iou"]:
        right.plot(epochs, [100 * line["iou"][name] for line in log], label=name, linewidth=1)
    right.plot(epochs, [100 * line["miou"] for line in log], "k", label="mean", linewidth=2)
    right.set(xlabel="epoch", ylabel="IoU in %", title="held-out streets", ylim=(0, 100))
    right.legend(fontsize=7, ncols=2)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


@torch.no_grad()
def draw_scan(model: torch.nn.Module, loader: DataLoader[Any], out: Path, device: str) -> None:
    """The first held-out scan, coloured by truth and by prediction."""
    streets: Any = loader.dataset
    cloud = streets.cloud(0)
    batch = data.collate([streets.sample(cloud)])
    labels = batch.points_of(model(batch.x.to(device)).feats.argmax(1).cpu(), 0).int().numpy()
    data.write_picture(out / "truth.png", cloud, cloud.labels, streets.classes)
    data.write_picture(out / "prediction.png", cloud, labels, streets.classes)


def save(path: Path, **state: Any) -> None:
    """Whole or not at all."""
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def tensorboard(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"))


def main() -> None:
    args = parse_arguments()
    if "RANK" in os.environ:
        distributed.init_process_group("nccl" if args.device.startswith("cuda") else "gloo")
    first = not distributed.is_initialized() or distributed.get_rank() == 0
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    training, loader, held_out = make_loaders(args)
    names = data.Classes.street().names
    model: torch.nn.Module = make_model(len(names)).to(args.device)
    plain = model
    if distributed.is_initialized():
        plain = gnn.SyncBatchNorm.convert_sync_batchnorm(model)
        model = torch.nn.parallel.DistributedDataParallel(plain)
    optimizer = torch.optim.AdamW(plain.parameters(), args.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.epochs * len(loader))
    log: list[dict[str, Any]] = []
    checkpoint = args.out / "checkpoint.pth"
    if args.resume:
        state = torch.load(checkpoint, map_location=args.device, weights_only=True)
        plain.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        loader.generator.set_state(state["order"].cpu())
        log = state["log"]
    board = tensorboard(args.out) if first else None
    for epoch in range(len(log), args.epochs):
        training.set_epoch(epoch)
        if isinstance(loader.sampler, DistributedSampler):
            loader.sampler.set_epoch(epoch)
        begin = time.monotonic()
        loss = train_epoch(model, loader, optimizer, schedule, args, epoch)
        iou = evaluate(plain, held_out, len(names), args.device)
        mean = float(iou.nanmean())
        log.append({
            "epoch": epoch + 1, "loss": loss, "miou": mean, "seconds": round(time.monotonic() - begin, 1),
            "iou": dict(zip(names[1:], iou.tolist(), strict=True)),
        })  # fmt: skip
        if not first:
            continue
        print(f"epoch {epoch + 1}/{args.epochs}: loss {loss:.3f}, mIoU {100 * mean:.1f} %", flush=True)
        if board:
            board.add_scalar("loss", loss, epoch + 1)
            board.add_scalar("mIoU", mean, epoch + 1)
        save(
            checkpoint, model=plain.state_dict(), optimizer=optimizer.state_dict(), schedule=schedule.state_dict(),
            order=loader.generator.get_state(), log=log,
        )  # fmt: skip
        (args.out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    if first:
        plain.eval()
        draw_curves(log, args.out / "curves.png")
        draw_scan(plain, held_out, args.out, args.device)
        example = data.collate([held_out.dataset[0]]).x.to(args.device)
        path = args.out / "street.gavotte"
        meaning: dict[str, Any] = {"voxel_size": args.voxel_size, "features": FEATURES, "classes": names}
        gavotte.export(plain, path, example, name="street", **meaning)
        print("IoU on held-out streets:")
        for name, value in log[-1]["iou"].items():
            print(f"  {name:12} {100 * value:5.1f} %")
        print(f"  {'mean':12} {100 * log[-1]['miou']:5.1f} %")
        print(f"written: {path}, curves.png, truth.png, prediction.png, log.jsonl, checkpoint.pth")
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
