"""Manifests for other schedulers, jobs that share a device: `python -m gavotte.sched COMMAND`, see docs/sched.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gavotte.sched import _export
from gavotte.sched._jobs import load_jobs
from gavotte.sched._manifest import Manifest
from gavotte.sched._measured import merge
from gavotte.sched._pairs import load_pairs_file, measure
from gavotte.sched._pairs_report import write_pairs
from gavotte.sched._policies import POLICIES
from gavotte.sched._profiles import HOW, READERS, join_rounds
from gavotte.sched._read import read_file
from gavotte.sched._report import write_report
from gavotte.sched._simulate import simulate
from gavotte.sched._validate import describe


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gavotte.sched", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    export = commands.add_parser("export", help="a manifest in the format of a scheduler")
    export.add_argument("manifest", type=Path, metavar="MANIFEST")
    export.add_argument("--format", required=True, choices=("orion", "reef", "acs", "perfetto", "table"))
    export.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="reef: X.json, and X.profile.json"
    )
    export.add_argument(
        "--profile-rule", choices=tuple(_export.PROFILE_RULES), help="orion: what tells compute from memory (orion)"
    )
    merging = commands.add_parser("merge", help="what a profiler measured, into a manifest")
    merging.add_argument("manifest", type=Path, metavar="MANIFEST")
    merging.add_argument("measured", type=Path, metavar="FILE", help="of the profiler that --from says")
    merging.add_argument("--from", dest="reader", required=True, choices=tuple(READERS))
    merging.add_argument("--rounds", type=int, default=1, metavar="N", help="the file holds the run so often (1)")
    merging.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    run = commands.add_parser("simulate", help="jobs on one device under each policy")
    run.add_argument("--jobs", type=Path, required=True, metavar="YAML")
    run.add_argument("--policy", default=",".join(POLICIES), metavar="LIST", help=f"some of {','.join(POLICIES)} (all)")
    run.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    pairs = commands.add_parser("pairs", help="jobs run together on this CPU, and a model fitted to that")
    pairs.add_argument("--jobs", type=Path, required=True, metavar="YAML")
    pairs.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    checked = commands.add_parser("validate", help="whether files are manifests, job files or measured pairs")
    checked.add_argument("files", type=Path, nargs="+", metavar="FILE", help="*.yaml, *.yml: jobs; others: JSON")
    for command in (export, run):
        command.add_argument("--fill", choices=("estimate",), help="take estimates where a value is missing")
    return parser


def _export_to(options: argparse.Namespace) -> str:
    if options.profile_rule and options.format != "orion":
        raise ValueError(f"--profile-rule: expected --format orion, got {options.format}")
    manifest = Manifest.load(options.manifest, fill=bool(options.fill))
    out, texts, said = options.output, dict[Path, str](), ""
    if options.format == "orion":
        rule = options.profile_rule or "orion"
        texts[out] = _export.export_orion(manifest, rule)
        said = f"profile rule {rule}: {_export.PROFILE_RULES[rule]}"
        if manifest.data["device"]["kind"] == "cpu":
            said += "\nregions of a CPU: SM_usage is cores; Orion itself runs on NVIDIA GPUs"
    elif options.format == "reef":
        model, profile = _export.export_reef(manifest)
        texts = {out: _json(model), out.with_suffix(".profile.json"): _json(profile)}
        said = "latencies of a round are estimates; REEF runs on no NVIDIA GPU"
    elif options.format == "table":
        texts[out] = _export.table(manifest)
    else:
        texts[out] = _json(
            _export.export_acs(manifest) if options.format == "acs" else _export.export_perfetto(manifest)
        )
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return said


def _merge(options: argparse.Namespace) -> str:
    manifest = Manifest.load(options.manifest)
    try:
        text = read_file(options.measured, "a profile").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{options.measured}: expected UTF-8: {error}") from error
    rows = join_rounds(READERS[options.reader](text, str(options.measured)), options.rounds, str(options.measured))
    how = HOW[options.reader]
    merged = _json(merge(manifest, rows, how))
    Manifest.parse(merged, str(options.output))
    options.output.write_text(merged, encoding="utf-8")
    return f"{len(rows)} kernels of {options.rounds} round{'s'[: options.rounds > 1]} measured by {how}"


def _measure_pairs(options: argparse.Namespace) -> str:
    data = load_pairs_file(options.jobs)
    options.output.mkdir(parents=True, exist_ok=True)
    measurement = measure(data, options.jobs.parent, lambda line: print(line, file=sys.stderr))
    how = [
        f"command: `python -m gavotte.sched pairs --jobs {options.jobs.name}`",
        f"{data['rounds']} rounds of {data['seconds']:g} s: the one alone, the other alone, both",
    ]
    return write_pairs(options.output, measurement, how)


def _validate_all(files: Sequence[Path]) -> int:
    status = 0
    for file in files:
        try:
            print(f"{file}: {describe(file)}")
        except (ImportError, OSError, ValueError) as error:
            print(f"gavotte.sched: {error}", file=sys.stderr)
            status = 2
    return status


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "export":
            said = _export_to(options)
        elif options.command == "merge":
            said = _merge(options)
        elif options.command == "pairs":
            said = _measure_pairs(options)
        elif options.command == "validate":
            return _validate_all(options.files)
        else:
            scenario = load_jobs(options.jobs, fill=bool(options.fill))
            write_report(options.output, scenario, simulate(scenario, options.policy.split(",")))
            said = str(options.output / "report.md")
    except (ImportError, OSError, ValueError) as error:
        print(f"gavotte.sched: {error}", file=sys.stderr)
        return 2
    if said:
        print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
