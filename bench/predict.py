#!/usr/bin/env python3
"""How far predicted times are from measured ones, on scans that the fit has not seen: docs/predict.md.

Profiles the built-in networks on procedural scenes, keeps a manifest of each, and then predicts each scene from others:

- its sensor: the other scenes of its kind and voxel size;
- its kind: the other scenes of its kind, of any voxel size (of a street or room, those of other seeds);
- all kinds: the other scenes of every kind;
- other kinds: no scene of its kind;
- other kinds, named: the same, where the calibration is told which scene is of which kind.

    python bench/predict.py -o build/bench/predict                     # measures and reports
    python bench/predict.py -o build/bench/predict --report-only       # from what is there

Passes over all scenes are repeated, each in another order. Of each launch of a scene the least time of all rounds
counts, one beside which nothing else ran, and the sum of its launches is the time of a run: a busy machine disturbs no
scene or kind more than another.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from tqdm import tqdm

import gavotte
from gavotte.data import scenes
from python_overhead import commit, device

matplotlib.use("Agg")
from matplotlib import pyplot as plt

NETWORKS = {"sparse_res_unet42": "SparseResUNet42", "sparse_resnet21d": "SparseResNet21D"}
KNOWN = ("sizes", "voxels", "points")  # of a scan, before its run
KEPT = 0.01  # layers of at least this share of the run's time are looked at alone


@dataclass(frozen=True)
class Scene:
    kind: str
    seed: int
    size: float  # of a voxel in metres; of shell and random their size

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.seed}_{self.size:g}"

    def voxels(self) -> gavotte.Voxels:
        make: Callable[[], gavotte.PointCloud]
        if self.kind in ("lidar", "room"):
            make, voxel_m = (lambda: getattr(scenes, self.kind)(seed=self.seed)), self.size
        else:
            make, voxel_m = (lambda: getattr(scenes, self.kind)(int(self.size), seed=self.seed)), 1.0
        cloud = make()
        rows = np.ascontiguousarray(cloud.rows[:, :4])  # one channel
        return gavotte.voxelize(gavotte.PointCloud(rows, cloud.channels[:1]), voxel_m)


SCENES = [
    *(Scene("lidar", seed, size) for size in (0.1, 0.2, 0.4) for seed in range(1, 7)),
    *(Scene("room", seed, size) for size in (0.06, 0.08, 0.12) for seed in range(1, 5)),
    *(Scene("shell", 1, size) for size in (32, 44, 56, 68, 80, 92, 104, 116)),
    *(Scene("random", 1, size) for size in (2000, 4000, 7000, 10000, 14000, 20000, 28000, 40000)),
]


def measure(folder: Path, passes: int, rounds: int, threads: Sequence[int], only: str) -> None:
    """Profiles every scene; of each launch the least time of all passes stays."""
    wanted = [scene for scene in SCENES if only in scene.name]
    ready = {scene: scene.voxels() for scene in wanted}
    jobs = [(network, budget, scene) for network in NETWORKS for budget in threads for scene in wanted]
    models = {network: gavotte.Network.builtin(network, in_channels=1, classes=20) for network in NETWORKS}
    with tqdm(total=passes * len(jobs), unit="scene") as bar:
        for turn in range(passes):
            for index in np.random.default_rng(turn).permutation(len(jobs)):
                network, budget, scene = jobs[index]
                path = folder / f"{network}-{budget}" / f"{scene.name}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                made = gavotte.profile(models[network], ready[scene], threads=budget, rounds=rounds, warmup=1)
                before = [gavotte.Manifest.load(path)] if path.exists() else []
                undisturbed([made, *before]).save(path)
                bar.update()


def undisturbed(manifests: Sequence[gavotte.Manifest]) -> gavotte.Manifest:
    """The first of some manifests of one scene, with the least time of each launch for its median, their sum for the
    run's."""
    document = manifests[0].document
    total = 0.0
    for launch, *others in zip(*(manifest.launches for manifest in manifests), strict=True):
        least = min(each["duration_us"]["min"]["v"] for each in [launch, *others])
        for name in ("min", "median"):
            document["launches"][launch["seq"]]["duration_us"][name]["v"] = least
        total += least
    for name in ("min", "median"):
        document["run"]["duration_us"][name]["v"] = total
    return gavotte.Manifest.from_json(json.dumps(document))


def median_us(manifest: gavotte.Manifest) -> float:
    return float(manifest.document["run"]["duration_us"]["median"]["v"])


@dataclass(frozen=True)
class Outcome:
    """What was predicted of a scene that was held out."""

    scene: Scene
    voxels: int
    known: str
    ratio: float  # predicted / measured
    band: float
    within: bool
    level: float
    layers: tuple[tuple[float, float, bool], ...]  # predicted / measured, share of the run, within its band

    @property
    def error(self) -> float:
        return abs(self.ratio - 1)


def held_out(folds: str, scene: Scene, other: Scene) -> bool:
    """Whether a scene may be learned from where `scene` is to be predicted."""
    if folds.startswith("other kinds"):
        return other.kind != scene.kind
    alike = other.kind == scene.kind
    if folds == "its sensor" and scene.kind in ("lidar", "room") and other.size != scene.size:
        return False
    if alike and (other == scene or (scene.kind in ("lidar", "room") and other.seed == scene.seed)):
        return False
    return alike or folds == "all kinds"


FOLDS = ("its sensor", "its kind", "all kinds", "other kinds", "other kinds, named")


def outcomes(manifests: dict[Scene, gavotte.Manifest], folds: str) -> Iterator[Outcome]:
    fits: dict[frozenset[Scene], gavotte.Manifest] = {}
    for scene, measured in manifests.items():
        learned = frozenset(other for other in manifests if held_out(folds, scene, other))
        if learned not in fits:
            chosen = [other for other in manifests if other in learned]
            kinds = [other.kind for other in chosen] if folds == "other kinds, named" else []
            fits[learned] = gavotte.calibrate([manifests[other] for other in chosen], kinds)
        fitted, symbols, total = fits[learned], measured.symbols, median_us(measured)
        asked = {
            "sizes": {"sizes": {name: count for name, count in symbols.items() if name != "points"}},
            "voxels": {"voxels": symbols["N_in"]},
            "points": {"points": symbols["points"]},
        }
        times = [launch["duration_us"]["median"]["v"] for launch in measured.launches]
        for known in KNOWN:
            predicted = gavotte.predict(fitted, **asked[known])
            layers = tuple(
                (time.us / max(us, 0.1), us / total, time.low_us <= us <= time.high_us)
                for time, us in zip(predicted.launches, times, strict=True)
            )
            run = predicted.run
            yield Outcome(scene, symbols["N_in"], known, run.us / total, run.high_us / run.us - 1,
                          run.low_us <= total <= run.high_us, run.level, layers)  # fmt: skip


def percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def ninth_decile(values: Sequence[float]) -> float:
    return sorted(values)[max(0, -(-9 * len(values) // 10) - 1)]


def row(head: Sequence[str], found: Sequence[Outcome]) -> str:
    errors = [outcome.error for outcome in found]
    layers = [abs(ratio - 1) for outcome in found for ratio, share, _ in outcome.layers if share >= KEPT]
    covered = [within for outcome in found for _, share, within in outcome.layers if share >= KEPT]
    cells = [
        *head, str(len(found)), percent(statistics.median(errors)), percent(ninth_decile(errors)),
        percent(statistics.mean(o.within for o in found)), percent(statistics.mean(o.level for o in found)),
        percent(statistics.median(o.band for o in found)), percent(statistics.median(layers)),
        percent(ninth_decile(layers)), percent(statistics.mean(covered)),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


COLUMNS = [
    "scenes", "run: median", "run: 90th", "run: in band", "level", "run: band", "layers: median", "layers: 90th",
    "layers: in band",
]  # fmt: skip


def table(head: Sequence[str], rows: Sequence[str]) -> str:
    columns = [*head, *COLUMNS]
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *rows])


def report(folder: Path, threads: Sequence[int], said: str) -> str:
    found: dict[tuple[str, int, str], list[Outcome]] = {}
    for network in NETWORKS:
        for budget in threads:
            manifests = {
                scene: gavotte.Manifest.load(path)
                for scene in SCENES
                if (path := folder / f"{network}-{budget}" / f"{scene.name}.json").exists()
            }
            for folds in FOLDS:
                found[network, budget, folds] = list(outcomes(manifests, folds))
    plot(folder / "predict.png", found, threads)

    def chosen(folds: str, known: str, **wanted: object) -> list[Outcome]:
        return [
            outcome
            for (network, budget, which), some in found.items()
            for outcome in some
            if which == folds and outcome.known == known
            and wanted.get("network", network) == network and wanted.get("threads", budget) == budget
            and wanted.get("kind", outcome.scene.kind) == outcome.scene.kind
        ]  # fmt: skip

    main = [
        row((name, str(budget), folds, known), chosen(folds, known, network=network, threads=budget))
        for network, name in NETWORKS.items()
        for budget in threads
        for folds, known in (("its kind", "sizes"), ("its kind", "voxels"), ("its sensor", "points"))
    ]
    by_kind = [
        row((kind, folds, known), chosen(folds, known, kind=kind))
        for kind in dict.fromkeys(scene.kind for scene in SCENES)
        for folds in FOLDS
        for known in KNOWN
    ]
    everything = [row((folds, known), chosen(folds, known)) for folds in FOLDS for known in KNOWN]
    return "\n\n".join(
        [said, "## By network", table(("network", "threads", "learned from", "known"), main),
         "## By what was learned from", table(("learned from", "known"), everything),
         "## By kind of scene", table(("kind", "learned from", "known"), by_kind)]
    ) + "\n"  # fmt: skip


def plot(path: Path, found: dict[tuple[str, int, str], list[Outcome]], threads: Sequence[int]) -> None:
    panels = [("its kind", "sizes"), ("its kind", "voxels"), ("all kinds", "sizes"), ("other kinds", "sizes")]
    ratios = (0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3)
    figure, axes = plt.subplots(1, len(panels), figsize=(13, 3.4), sharey=True)
    for axis, (folds, known) in zip(axes, panels, strict=True):
        for kind in dict.fromkeys(scene.kind for scene in SCENES):
            some = [o for (_, _, which), each in found.items() for o in each
                    if which == folds and o.known == known and o.scene.kind == kind]  # fmt: skip
            axis.plot([o.voxels for o in some], [o.ratio for o in some], ".", label=kind, markersize=4)
        axis.axhspan(1 / 1.15, 1.15, color="0.9")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_yticks(ratios, labels=[f"{ratio:g}" for ratio in ratios])
        axis.minorticks_off()
        axis.set_title(f"learned from {folds}, {known} known", fontsize=9)
        axis.set_xlabel("voxels")
    axes[0].set_ylabel("predicted / measured")
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def introduction(command: str) -> str:
    counts = {kind: sum(scene.kind == kind for scene in SCENES) for kind in dict.fromkeys(s.kind for s in SCENES)}
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"""# Predicted times beside measured ones

{device()}, {commit()}: `{command}`

Scenes: {listed}. lidar: seeds 1 to 6 with voxels of 0.1, 0.2 and 0.4 m; room: seeds 1 to 4 with 0.06, 0.08 and 0.12 m;
shell: resolutions 32 to 116; random: 2,000 to 40,000 voxels. float32. Each scene is predicted by a fit that has not
seen it, nor, in streets and rooms, another scan of its seed.

- learned from its sensor: scenes of its kind and voxel size; its kind: of its kind and any voxel size, so that the
  points of a street say nothing of its voxels; all kinds; other kinds: none of its kind; named: the calibration
  is told which scene is of which kind.
- known: all sizes of the scan (its maps are counted), its voxels alone, its points alone.
- run: |predicted / measured - 1| of the whole run, median and 90th percentile over scenes; the share of scenes whose
  time lies in the band, beside the level that the band promises; the median band.
- layers: the same of launches that take at least {percent(KEPT)} of the run.

![predicted / measured](2026-11-22-predict.png)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--passes", type=int, default=3, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of a scene in a pass")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure scenes whose name has it")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.report_only:
        measure(options.output, options.passes, options.rounds, options.threads, options.only)
    command = shlex.join(["python", "bench/predict.py", *sys.argv[1:]])
    text = report(options.output, options.threads, introduction(command))
    (options.output / "predict.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
