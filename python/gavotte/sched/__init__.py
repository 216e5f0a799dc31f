"""Reads kernel-profile manifests for the schedulers of others, and simulates jobs that share a device: docs/sched.md.

``python -m gavotte.sched export`` and ``python -m gavotte.sched simulate`` are what it is used through.
"""

__all__: list[str] = []
