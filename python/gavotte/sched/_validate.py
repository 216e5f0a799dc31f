"""Whether a file is one that is read here."""

from __future__ import annotations

from pathlib import Path

from gavotte.sched._jobs import load_jobs
from gavotte.sched._learned import FORMAT, PairModel
from gavotte.sched._manifest import Manifest
from gavotte.sched._read import parse_json, read_file


def describe(path: Path) -> str:
    """What a good file holds: a manifest, measured pairs, or (*.yaml, *.yml) jobs with all that they name.

    Raises OSError; ValueError, one line, for what is none of these.
    """
    if path.suffix in (".yaml", ".yml"):
        scenario = load_jobs(path, fill=True)
        return f"{len(scenario.jobs)} jobs on {scenario.units} units for {scenario.duration_us / 1e3:g} ms"
    text = read_file(path, "JSON")
    data = parse_json(str(path), text)
    if isinstance(data, dict) and data.get("format") == FORMAT:
        learned = PairModel(str(path), data)
        return f"{len(data['pairs'])} measured pairs on {learned.device}"
    manifest = Manifest.parse(text, str(path))
    run, device = manifest.data["run"], manifest.data["device"]
    return f"manifest of {run['network']} on {device['name']}, {len(manifest.launches)} launches"
