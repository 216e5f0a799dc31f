"""NumPy users have no torch: every name that they use works where importing torch fails."""

import subprocess
import sys

CODE = """
import sys
sys.modules["torch"] = None
import numpy as np
import gavotte
from gavotte import data
cloud = data.augment.RotateZ()(data.scenes.lidar(azimuths=40), np.random.default_rng(0))
voxels = gavotte.voxelize(cloud, 0.4, reduce="mean")
network = gavotte.Network.builtin("sparse_resnet21d", 1, 3)
result = gavotte.Executor(network, threads=1).run(voxels)
data.ProceduralStreets(streets=1, azimuths=40, sample=data.VoxelSample(0.4, ["intensity"]))[0]
gavotte.maps.kernel_map(gavotte.maps.Coordinates(voxels.coordinates), gavotte.ConvSpec()).table
gavotte.info()
print(result.features.shape[1])
"""


def test_numpy_users_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3\n"


def test_importing_does_not_load_torch() -> None:
    code = "import sys, gavotte, gavotte.data; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
