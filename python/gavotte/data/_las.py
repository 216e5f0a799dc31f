"""LAS and LAZ, as surveyors write them, through the optional package laspy."""

from __future__ import annotations

import numpy as np

from gavotte._points import PointCloud


def read_las(path: str) -> PointCloud:
    """Positions relative to the file's lower corner (float32 cannot hold map coordinates), intensity, colours, classes.

    Intensity and colours are scaled from 16 bits to [0, 1]; `classification` becomes the labels.
    """
    try:
        import laspy
    except ImportError as error:
        raise RuntimeError(f"{path}: reading LAS needs laspy: pip install gavotte[las]") from error
    try:
        las = laspy.read(path)
    except OSError as error:
        raise RuntimeError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # laspy's own error types, and whatever a broken header makes it raise
        raise ValueError(f"{path}: not a LAS file that laspy reads: {error}") from error
    positions = np.stack([las.x, las.y, las.z], axis=1)
    columns = [positions - np.asarray(las.header.mins)]
    channels = ["intensity"]
    columns.append(np.asarray(las.intensity, np.float64)[:, None] / 65535)
    if "red" in las.point_format.dimension_names:
        columns.append(np.stack([las.red, las.green, las.blue], axis=1) / 65535)
        channels += ["r", "g", "b"]
    rows = np.concatenate(columns, axis=1).astype(np.float32)
    return PointCloud(rows, tuple(channels), labels=np.asarray(las.classification, np.int32))
