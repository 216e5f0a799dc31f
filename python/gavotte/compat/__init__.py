"""Other sparse convolution libraries' interfaces over Gavotte's engine: a model file changes its import line only.

`gavotte.compat.torchsparse` stands for torchsparse 2.1, `gavotte.compat.spconv` for spconv.pytorch 2.3 and
`gavotte.compat.minkowski` for MinkowskiEngine 0.5.4: the same names, signatures, defaults, state_dict keys and
coordinate rules. What they do not carry is an ImportError, AttributeError, or an error that names the option.
docs/migration.md lists what is there and what differs.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError("gavotte.compat needs PyTorch: pip install 'gavotte[torch]'") from error
