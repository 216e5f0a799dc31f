"""These tests need cuda:0. GAVOTTE_EMULATOR=build/emulated/libgavotte_cuda.so makes the emulator be it (`make python`
does so); without, a GPU is needed, and they skip where there is none."""

import os

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(scope="session")
def gpu():
    from gpu import find

    found = find(os.environ.get("GAVOTTE_EMULATOR"))
    if isinstance(found, str):
        pytest.skip(f"no GPU: {found}")
    return found


@pytest.fixture(autouse=True)
def no_tf32(monkeypatch):
    """PyTorch allows convolutions TF32; the tests compare with float32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
