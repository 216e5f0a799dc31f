"""`gavotte` and `python -m gavotte`: the command line that the package carries.

`python -m gavotte --cmake-prefix` prints where CMake finds the C++ library.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the command in place of this process."""
    folder = Path(__file__).parent
    if sys.argv[1:] == ["--cmake-prefix"]:
        print(folder)
        return
    command = folder / "bin" / "gavotte"
    os.execv(command, [str(command), *sys.argv[1:]])


if __name__ == "__main__":
    main()
