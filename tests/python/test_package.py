"""The package as it is installed."""

import subprocess
import sys

import gavotte


def test_version_is_that_of_the_command() -> None:
    printed = subprocess.run([sys.executable, "-m", "gavotte", "--version"], capture_output=True, text=True, check=True)
    assert gavotte.__version__ in printed.stdout


def test_imports_without_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import gavotte"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parts_need_no_import_of_their_own() -> None:
    code = "import gavotte; print(gavotte.batch.Labeller.__name__, gavotte.sched.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Labeller gavotte.sched\n"
