#!/usr/bin/env python3
"""Gavotte on the CPU beside spconv, MinkowskiEngine and PyTorch: the same layers and networks on the same scenes.

Peers run in float32, Gavotte in bfloat16 and int8 too. Everything is checked against the same in double, then timed
interleaved in this one process. A peer that is not installed is named in the report and left out. Ratios are the
result; a time serves to judge whether one is in the noise.

    python bench/peers.py -o build/bench/peers
    python bench/peers.py -o build/bench/peers --scenes room_5 --layers 16-16 64-64k5 --network-scenes --threads 2
    python bench/peers.py -o build/bench/peers --scenes --network-scenes room_5 --operations forward_with_map
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import shlex
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from comparison.checks import LayerCheck, NetworkCheck, WrongValuesError
from comparison.libraries import LIBRARIES, REMARKS, available
from comparison.ours import Gavotte, settle_batch_norms
from comparison.plot import write_plot
from comparison.report import OURS, Row, is_ours, to_markdown, write_json
from comparison.scenes import Scene, make_scene
from comparison.spconv_layers import stream_in_name
from comparison.timing import Call, Clock, clock_for, interleaved, ratio_and_noise
from comparison.work import LayerWork, Library, layer_work
from gavotte.models import SparseResUNet42
from python_overhead import commit, device

# What is timed: its name in the tables, the method of a layer or network.
LAYER_OPERATIONS = {
    "map": "map",
    "forward, map cached": "forward",
    "forward, map built": "forward_with_map",
    "forward + backward, map cached": "gradients",
}
NETWORK_OPERATIONS = {"forward, maps built": "forward_with_map", "training step, maps built": "gradients_with_map"}
METHODS = tuple(dict.fromkeys((*LAYER_OPERATIONS.values(), *NETWORK_OPERATIONS.values())))


@dataclass(frozen=True)
class Plan:
    scenes: Sequence[str]
    network_scenes: Sequence[str]
    layers: Sequence[tuple[int, int, int]]  # kernel, Cin, Cout
    threads: Sequence[int]
    rounds: int
    methods: Sequence[str] = METHODS

    def of_layers(self) -> dict[str, str]:
        return {name: method for name, method in LAYER_OPERATIONS.items() if method in self.methods}

    def of_networks(self) -> dict[str, str]:
        return {name: method for name, method in NETWORK_OPERATIONS.items() if method in self.methods}

    def steps(self) -> int:
        """Rounds of all, those that do not count included."""
        of_layers = len(self.scenes) * len(self.layers) * len(self.of_layers())
        of_networks = len(self.network_scenes) * len(self.of_networks())
        return len(self.threads) * (of_layers + of_networks) * (self.rounds + 1)


class Comparison:
    """Runs a plan. Rows, facts of scenes and notes gather as it goes.

    Args:
        libraries: the first is Gavotte, which everything is compared with.
        clock_for: the clock for a number of threads.
        done: called after each round.
    """

    def __init__(
        self,
        libraries: Sequence[Library],
        clock_for: Callable[[int], Clock] = clock_for,
        done: Callable[[], object] = lambda: None,
    ) -> None:
        self._libraries, self._clock_for, self._done = libraries, clock_for, done
        self.rows: list[Row] = []
        self.scenes: dict[str, Scene] = {}
        self.notes: list[str] = []

    def run(self, plan: Plan) -> None:
        """Raises WrongValuesError where Gavotte itself is wrong."""
        for name in dict.fromkeys((*plan.scenes, *plan.network_scenes)):
            self.scenes[name] = make_scene(name)
        for name in plan.scenes:
            for kernel, cin, cout in plan.layers:
                self._run_layer(layer_work(self.scenes[name], kernel, cin, cout), plan)
        for name in plan.network_scenes:
            self._run_network(self.scenes[name], plan)

    def _run_layer(self, work: LayerWork, plan: Plan) -> None:
        check = LayerCheck(work)
        for threads in plan.threads:
            made = self._make(lambda library: library.layer(work), threads, check, f"{work.scene.name}, {work.name}")
            self._time(made, plan.of_layers(), work.scene.name, work.name, threads, plan.rounds)

    def _run_network(self, scene: Scene, plan: Plan) -> None:
        torch.manual_seed(0)
        model = SparseResUNet42(4, 20)
        feats, cotangent = torch.randn(len(scene.coords), 4), torch.randn(len(scene.coords), 20)
        settle_batch_norms(model, scene, feats)
        exact = copy.deepcopy(model).double()
        oracle = Gavotte().network(exact, scene, feats.double(), cotangent.double())
        assert oracle is not None
        check = NetworkCheck(oracle, gradients="gradients_with_map" in plan.methods)

        def make(library: Library) -> Any:
            return library.network(model, scene, feats, cotangent)

        for threads in plan.threads:
            made = self._make(make, threads, check, scene.name)
            self._time(made, plan.of_networks(), scene.name, "SparseResUNet42", threads, plan.rounds)

    def _make(
        self, make: Callable[[Library], Any], threads: int, check: Any, what: str
    ) -> dict[Library, tuple[Any, float | None]]:
        """Of each library that has it, with its error, None where that was not looked at. Those whose values are wrong
        without being known for it are left out."""
        made: dict[Library, tuple[Any, float | None]] = {}
        for library in self._libraries:
            library.set_threads(threads)
            one = make(library)
            if one is None:
                continue
            error_of_values = None
            try:
                if library.form(threads) == "exact":
                    error_of_values = check.check(one, library.dtype)
            except WrongValuesError as error:
                message = f"{library.name} on {what}, {threads} threads: {error}"
                if library.name == OURS:
                    raise WrongValuesError(message) from error
                self.notes.append(f"not timed: {message}")
            else:
                made[library] = one, error_of_values
        return made

    def _time(
        self, made: dict[Library, tuple[Any, float | None]], operations: dict[str, str], scene: str, layer: str,
        threads: int, rounds: int,
    ) -> None:  # fmt: skip
        for operation, method in operations.items():
            calls = {
                library.name: Call(lambda library=library: library.set_threads(threads), getattr(one, method))  # type: ignore[misc]
                for library, (one, _) in made.items()
                if hasattr(one, method)
            }
            samples = interleaved(calls, rounds, self._clock_for(threads), self._done)
            for library, (_, error) in made.items():
                if library.name not in samples:
                    continue
                seconds = samples[library.name]
                # A map is made without sums.
                form = "exact" if method == "map" else library.form(threads)
                row = (scene, operation, layer, library.dtype, threads, library.name, form)
                for other in compared_with(library.name, samples):
                    ratio, noise = ratio_and_noise(seconds, samples[other])
                    ms = statistics.median(seconds) * 1e3
                    self.rows.append(Row(*row, ms, ratio, other, noise, error))


def compared_with(name: str, timed: Iterable[str]) -> list[str]:
    """Everything with Gavotte's modules in float32; Gavotte's other ways with all the rest too."""
    if name == OURS or not is_ours(name):
        return [OURS]
    return [OURS, *(other for other in timed if other not in (OURS, name))]


def _layer(text: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"([1-9]\d*)-([1-9]\d*)(?:k([1-9]\d*))?", text)
    if found is None or int(found[3] or 3) % 2 == 0:
        raise argparse.ArgumentTypeError(f"expected CIN-COUT or CIN-COUTkSIZE with an odd size, got {text!r}")
    return int(found[3] or 3), int(found[1]), int(found[2])


def _scene(text: str) -> str:
    if re.fullmatch(r"(random|sphere|lidar|room)_[1-9]\d*", text) is None:
        raise argparse.ArgumentTypeError(f"expected random_N, sphere_R, lidar_C or room_C, got {text!r}")
    return text


def _above_zero(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return int(text)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for peers.md, peers.json, peers.png")
    parser.add_argument(
        "--scenes", nargs="*", type=_scene, default=["lidar_10", "room_10", "random_20000"],
        help="for layers: random_N (voxels), sphere_R (resolution), lidar_C and room_C (voxels of C cm)",
    )  # fmt: skip
    parser.add_argument("--network-scenes", nargs="*", type=_scene, default=["lidar_10"], help="for SparseResUNet42")
    parser.add_argument(
        "--layers", nargs="+", type=_layer, help="CIN-COUT, or CIN-COUTk5 for another kernel than 3x3x3",
        default=[(3, 4, 16), (3, 16, 16), (3, 32, 32), (3, 64, 64), (3, 128, 128), (3, 256, 256)],
    )  # fmt: skip
    parser.add_argument(
        "--operations", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD", help=", ".join(METHODS)
    )
    parser.add_argument(
        "--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), metavar="NAME",
        help=f"{', '.join(map(repr, LIBRARIES))}; the first is always there",
    )  # fmt: skip
    parser.add_argument("--threads", nargs="+", type=_above_zero, default=[1, 2])
    parser.add_argument("--rounds", type=_above_zero, default=7)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no table on standard output")
    args = parser.parse_args(argv)
    if not args.scenes and not args.network_scenes:
        parser.error("expected a scene: --scenes and --network-scenes are both empty")
    if not plan_of(args).steps():
        parser.error(f"expected an operation of what there is to time, got --operations {' '.join(args.operations)}")
    if args.output.exists() and not args.output.is_dir():
        parser.error(f"-o: expected a folder, got the file {args.output}")
    return args


def plan_of(args: argparse.Namespace) -> Plan:
    return Plan(args.scenes, args.network_scenes, args.layers, args.threads, args.rounds, args.operations)


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    plan = plan_of(args)
    libraries, missing = available(args.libraries)
    measured, load = commit(), os.getloadavg()[0]
    with stream_in_name(), tqdm(total=plan.steps(), unit="round", disable=args.quiet or None) as bar:
        comparison = Comparison(libraries, done=bar.update)
        try:
            comparison.run(plan)
        except KeyboardInterrupt:
            comparison.notes.append("stopped before all was measured")
        except WrongValuesError as error:
            sys.exit(f"peers.py: {error}")
    if not comparison.rows:
        sys.exit("peers.py: stopped before anything was measured")
    openmp = " ".join(
        f"{key}={value}" for key, value in sorted(os.environ.items()) if key.startswith(("OMP_", "GOMP_", "OPENBLAS_"))
    )
    command = shlex.join(["bench/peers.py", *(sys.argv[1:] if argv is None else argv)])
    facts = [
        f"command: `{command}`", f"commit: {measured}",
        f"device: {device()}, torch {torch.__version__}, Python {sys.version.split()[0]}",
        f"other work: the load average was {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end",
        *([f"environment: {openmp}"] if openmp else []),
        f"medians of {args.rounds} rounds; what is compared ran interleaved, in one process",
        "one thread: CPU time of the process, which other work on the machine hardly changes; more threads: time",
        "all values were checked in double before they were timed, but for those marked (!)",
        *(REMARKS[library.name] for library in libraries if library.name in REMARKS),
        *missing,
        *comparison.notes,
    ]  # fmt: skip
    scenes = [(scene.name, str(len(scene.coords)), f"{scene.matches:.1f}") for scene in comparison.scenes.values()]
    text = to_markdown(comparison.rows, facts, scenes)
    (args.output / "peers.md").write_text(text)
    write_json(comparison.rows, args.output / "peers.json")
    write_plot(comparison.rows, args.output / "peers.png")
    if not args.quiet:
        print(text)


if __name__ == "__main__":
    main()
