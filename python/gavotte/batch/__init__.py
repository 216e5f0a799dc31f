"""A network over every scan of a folder, on all cores of a machine or of a cluster, through Ray Data.

``python -m gavotte.batch NETWORK FOLDER -o OUT`` is the same as a command. A `Labeller` labels one cloud, without Ray.
"""

from gavotte.batch._folder import predict_folder
from gavotte.batch._labeller import Labeller, Labels
from gavotte.batch._summary import ScanReport, Summary

__all__ = ["Labeller", "Labels", "ScanReport", "Summary", "predict_folder"]
