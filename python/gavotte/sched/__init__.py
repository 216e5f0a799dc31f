"""Reads kernel-profile manifests for the schedulers of others, and simulates jobs that share a device.

The same on the command line: ``python -m gavotte.sched export``, ``merge``, ``validate``, ``simulate`` and ``pairs``.
"""

from gavotte.sched._device import Span
from gavotte.sched._export import export_acs, export_orion, export_perfetto, export_reef, table
from gavotte.sched._jobs import JobSpec, Scenario, load_jobs
from gavotte.sched._learned import PairModel, Trees
from gavotte.sched._manifest import Manifest
from gavotte.sched._model import Interference, Kernel, kernels_of
from gavotte.sched._report import write_report
from gavotte.sched._simulate import JobResult, PolicyResult, simulate

__all__ = [
    "Interference",
    "JobResult",
    "JobSpec",
    "Kernel",
    "Manifest",
    "PairModel",
    "PolicyResult",
    "Scenario",
    "Span",
    "Trees",
    "export_acs",
    "export_orion",
    "export_perfetto",
    "export_reef",
    "kernels_of",
    "load_jobs",
    "simulate",
    "table",
    "write_report",
]
