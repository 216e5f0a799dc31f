"""What this build has and what this machine offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gavotte import _core


@dataclass(frozen=True)
class Info:
    """What `info` found; ``str(info)`` reads as lines.

    Attributes:
        version: of the package and of the library in it.
        simd: the vector instructions that the CPU backend chose.
        devices: names to pass as ``device``.
        default_device: what "best" stands for.
        no_gpu_because: why no device is a GPU; None where one is.
        open3d: whether PLY, PCD, XYZ and PTS can be read.

    >>> import gavotte
    >>> "cpu" in gavotte.info().devices
    True
    """

    version: str
    simd: str
    devices: tuple[str, ...]
    default_device: str
    no_gpu_because: str | None
    open3d: bool

    def __str__(self) -> str:
        lines = [
            f"gavotte {self.version}",
            f"  SIMD target  {self.simd}",
            f"  devices      {', '.join(self.devices)} (default: {self.default_device})",
        ]
        if self.no_gpu_because is not None:
            lines.append(f"  no GPU       {self.no_gpu_because}")
        lines.append(f"  Open3D       {'on' if self.open3d else 'off: no PLY, PCD, XYZ and PTS'}")
        return "\n".join(lines)


def info() -> Info:
    """Version, vector instructions and devices; never fails for want of a GPU.

    >>> print(info())  # doctest: +ELLIPSIS
    gavotte ...
      SIMD target  ...
      devices      cpu...
    """
    names, why, best = _core.devices()
    return Info(_core.__version__, _core.simd_target(), tuple(names), best, why, _core.can_read("ply"))


def synchronizations() -> int:
    """How often the library has waited for a GPU so far, in all threads of the process. The difference of two calls is
    what the work in between cost; PyTorch's own waits (``.item()``, ``.cpu()``) are not among them.

    >>> before = synchronizations()
    >>> synchronizations() - before  # nothing in between
    0
    """
    return _core.synchronizations()


def cmake_prefix() -> str:
    """Where CMake finds the C++ library that this package carries: ``cmake -DCMAKE_PREFIX_PATH=...``.

    >>> import pathlib
    >>> (pathlib.Path(cmake_prefix()) / "lib" / "cmake" / "gavotte" / "gavotteConfig.cmake").is_file()
    True
    """
    return str(Path(__file__).parent)
