"""`gavotte` and `python -m gavotte`: the command line that the package carries."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the command in place of this process."""
    command = Path(__file__).parent / "bin" / "gavotte"
    os.execv(command, [str(command), *sys.argv[1:]])


if __name__ == "__main__":
    main()
