"""`python -m gavotte.batch NETWORK FOLDER -o OUT`: labels every scan of a folder, on all cores or a Ray cluster."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gavotte._network import Network, trained_networks
from gavotte.batch import predict_folder
from gavotte.batch._worker import FORMATS


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gavotte.batch", description=__doc__)
    parser.add_argument("network", metavar="NETWORK", help=f"a network file, or {' or '.join(trained_networks())}")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="scans lie in it or below")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="where labels are written")
    parser.add_argument("--pattern", metavar="GLOB", help="of the files within FOLDER, as '**/*.pcd'")
    parser.add_argument("--format", choices=FORMATS, default="npy", help="of the labels (npy)")
    parser.add_argument("--overwrite", action="store_true", help="label scans again whose result exists")
    parser.add_argument("--voxel-size", type=float, metavar="M", help="metres (the network's own, else 0.1)")
    parser.add_argument(
        "--features", type=_names, default=(), metavar="LIST", help="x,y,z,one,brightness and channels of the scan"
    )
    parser.add_argument("--reduce", choices=("mean", "first", "max", "sum"), default="mean")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16", "float64"), default="float32")
    parser.add_argument("--workers", type=int, help="processes (as many as there is room for)")
    parser.add_argument("--cpus", type=float, default=1, help="cores of each worker (1)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of each worker (0)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status, 1 where a scan failed and 2 for bad input."""
    options = _parser().parse_args(arguments)
    open_network = Network.trained if options.network in trained_networks() else Network.load
    try:
        summary = predict_folder(
            open_network(options.network),
            options.folder,
            options.output,
            pattern=options.pattern,
            format=options.format,
            overwrite=options.overwrite,
            voxel_size=options.voxel_size,
            features=options.features,
            reduce=options.reduce,
            dtype=options.dtype,
            workers=options.workers,
            num_cpus=options.cpus,
            num_gpus=options.gpus,
        )
    except (ImportError, OSError, ValueError, TypeError, RuntimeError) as error:
        print(f"gavotte.batch: {error}", file=sys.stderr)
        return 2
    print(summary)
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
