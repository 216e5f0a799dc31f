"""What bench/peers.py compares: its checks, Gavotte's dtypes, adapters of other libraries."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

BENCH = Path(__file__).resolve().parents[2] / "bench"
if not BENCH.is_dir():
    pytest.skip("no checkout around the tests", allow_module_level=True)
sys.path.insert(0, str(BENCH))

from comparison import libraries, minkowski_layers, spconv_layers  # noqa: E402
from comparison.checks import LayerCheck, NetworkCheck, WrongValuesError  # noqa: E402
from comparison.dense import Dense, DenseLayer  # noqa: E402
from comparison.gathered import Gathered, GatheredLayer  # noqa: E402
from comparison.minkowski_parts import MinkowskiParts, axes_reversed  # noqa: E402
from comparison.ours import Gavotte, GavotteExecutor, settle_batch_norms  # noqa: E402
from comparison.scenes import make_scene  # noqa: E402
from comparison.spconv_parts import SpconvParts  # noqa: E402
from comparison.unet import PeerNetwork  # noqa: E402
from comparison.work import NotInstalledError, layer_work  # noqa: E402
from gavotte.compat import minkowski as compat_minkowski  # noqa: E402
from gavotte.compat import spconv as compat_spconv  # noqa: E402
from gavotte.models import MinkUNet, SparseResUNet42  # noqa: E402

TINY = "random_200"
FOR_NETWORKS = "sphere_32"  # several voxels at stride 16


@pytest.fixture(autouse=True)
def threads_as_before() -> Any:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", [TINY, "sphere_16"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_oracle_is_a_dense_convolution_in_double(name: str, kernel: int) -> None:
    work = layer_work(make_scene(name), kernel, 2, 3).to(torch.float64)
    gathered, dense = GatheredLayer(work), DenseLayer(work)
    for found, expected in zip(
        (gathered.forward(), gathered.forward_with_map(), *gathered.gradients()),
        (dense.forward(), dense.forward_with_map(), *dense.gradients()),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "library", [Gavotte(), Gavotte("bfloat16"), Gathered(), Dense()], ids=lambda library: library.name
)
def test_layers_pass_their_check(library: Any) -> None:
    for kernel in (3, 5):
        work = layer_work(make_scene(TINY), kernel, 4, 5)
        layer = library.layer(work)
        error = LayerCheck(work).check(layer, library.dtype)
        assert (error > 1e-4) == (library.dtype == "bfloat16")
        layer.map()


def test_a_rounded_layer_is_no_exact_one() -> None:
    work = layer_work(make_scene(TINY), 3, 4, 5)
    check = LayerCheck(work)
    with pytest.raises(WrongValuesError, match="outputs: "):
        check.check(Gavotte("bfloat16").layer(work))
    layer = Gavotte("bfloat16").layer(work)
    values = layer.forward() * 1.05
    layer.forward = lambda: values  # type: ignore[method-assign]
    with pytest.raises(WrongValuesError, match="outputs: "):
        check.check(layer, "bfloat16")


def test_dense_leaves_out_large_volumes() -> None:
    scene = make_scene("lidar_20")
    assert Dense().layer(layer_work(scene, 3, 4, 16)) is None


def test_the_check_notices_each_kind_of_wrong_value() -> None:
    work = layer_work(make_scene(TINY), 3, 2, 3)
    check = LayerCheck(work)
    for method in ("forward", "forward_with_map", "gradients"):
        for wrong in (1e-3, float("nan")):
            layer = Gathered().layer(work)
            values = getattr(layer, method)()
            if method == "gradients":
                values[1][0, 0, 0] += wrong
            else:
                values[7, 1] += wrong
            setattr(layer, method, lambda values=values: values)
            with pytest.raises(WrongValuesError, match="1 of"):
                check.check(layer)
    layer = Gathered().layer(work)
    layer.forward = lambda: torch.zeros(1, 1)  # type: ignore[method-assign]
    with pytest.raises(WrongValuesError, match=r"expected the shape \[200, 3\], got \[1, 1\]"):
        check.check(layer)


def small_network() -> tuple[Any, ...]:
    """Model, scene, features, gradient of the scores, and their check."""
    torch.manual_seed(0)
    scene = make_scene(FOR_NETWORKS)
    model = MinkUNet(
        4, 5, encoder=(4, 4, 6, 6, 6), decoder=(6, 6, 4, 4), encoder_blocks=(1,) * 4, decoder_blocks=(1,) * 4
    )
    feats, cotangent = torch.randn(len(scene.coords), 4), torch.randn(len(scene.coords), 5)
    settle_batch_norms(model, scene, feats)
    check = NetworkCheck(Gavotte().network(copy.deepcopy(model).double(), scene, feats.double(), cotangent.double()))
    return model, scene, feats, cotangent, check


def test_networks_pass_their_check_and_wrong_ones_do_not() -> None:
    model, scene, feats, cotangent, check = small_network()
    for library in (Gavotte(), GavotteExecutor()):
        assert check.check(library.network(model, scene, feats, cotangent)) < 1e-5
    for dtype in ("bfloat16", "int8"):
        library = GavotteExecutor(dtype)
        network = library.network(model, scene, feats, cotangent)
        assert 1e-3 < check.check(network, dtype) < 0.1
        with pytest.raises(WrongValuesError, match="outputs: off by"):
            check.check(network)
        wrong = library.network(model, scene, feats.flip(0), cotangent)
        with pytest.raises(WrongValuesError, match="outputs: off by"):
            check.check(wrong, dtype)
        assert Gavotte(dtype).network(model, scene, feats, cotangent) is None
    with pytest.raises(WrongValuesError, match="outputs: off by"):
        check.check(Gavotte().network(model, scene, feats * 1.01, cotangent))
    with pytest.raises(WrongValuesError, match="gradients of parameter 0: off by"):
        check.check(Gavotte().network(model, scene, feats, cotangent * 1.2))
    with pytest.raises(WrongValuesError, match=r"gradients: half of them off by 0\.05"):
        check.check(Gavotte().network(model, scene, feats, cotangent * 1.05))


def test_gradients_are_left_out_when_they_are_not_asked_for() -> None:
    model, scene, feats, cotangent, _ = small_network()
    network = Gavotte().network(model, scene, feats, cotangent)
    check = NetworkCheck(network, gradients=False)
    network.gradients_with_map = None  # type: ignore[assignment,method-assign,union-attr]
    check.check(network)


def test_settled_batch_norms_let_the_features_through() -> None:
    scene = make_scene(FOR_NETWORKS)
    torch.manual_seed(0)
    model, feats = SparseResUNet42(4, 20), torch.randn(len(scene.coords), 4)

    def of_features() -> float:
        """How much the outputs differ from voxel to voxel, over how large they are."""
        y = Gavotte().network(model, scene, feats, feats).forward_with_map()  # type: ignore[union-attr]
        return float(y.std(dim=0).norm() / y.norm() * len(y) ** 0.5)

    assert of_features() < 0.2
    settle_batch_norms(model, scene, feats)
    assert of_features() > 0.5
    assert {module.momentum for module in model.modules() if hasattr(module, "momentum")} == {0.1}


class MinkowskiInName:
    """gavotte.compat's in place of MinkowskiEngine; it has no number of threads to set."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(compat_minkowski, name)

    def CoordinateManager(self, D: int, num_threads: int) -> Any:
        self.threads.add(num_threads)
        return compat_minkowski.CoordinateManager(D=D)


def test_adapters_of_peers_on_modules_of_the_same_interface() -> None:
    model, scene, feats, cotangent, check = small_network()
    minkowski = MinkowskiInName()
    torch.set_num_threads(1)
    for parts in (MinkowskiParts(minkowski), SpconvParts(compat_spconv)):
        check.check(PeerNetwork(parts, model, scene, feats, cotangent))
        with pytest.raises(WrongValuesError, match="outputs: off by"):
            check.check(PeerNetwork(parts, model, scene, feats * 1.01, cotangent))
    for kernel in (1, 3, 5):
        work = layer_work(scene, kernel, 4, 5)
        for make, library in (
            (minkowski_layers.MinkowskiLayer, minkowski), (spconv_layers.SpconvLayer, compat_spconv)
        ):  # fmt: skip
            LayerCheck(work).check(make(library, work))
    assert minkowski.threads == {1}


def test_axes_of_a_kernel_are_reversed() -> None:
    weight = torch.arange(27.0).reshape(27, 1, 1)
    turned = axes_reversed(weight).flatten().tolist()
    assert turned[1] == 9 and turned[3] == 3 and turned[9] == 1 and turned[5] == 2 * 9 + 3
    assert torch.equal(axes_reversed(axes_reversed(weight)), weight)


def test_libraries_by_name() -> None:
    found, missing = libraries.available(["torch dense", "gavotte Executor int8"])
    assert [library.name for library in found] == ["gavotte", "gavotte Executor int8", "torch dense"]
    assert missing == []
    for name, make in libraries.LIBRARIES.items():
        if not name.startswith(("spconv", "Minkowski")):
            assert make().name == name


def test_the_stream_in_name_goes_with_the_run() -> None:
    before = torch.cuda.current_stream
    with pytest.raises(RuntimeError, match="stop"), spconv_layers.stream_in_name():
        assert torch.cuda.is_available() or torch.cuda.current_stream().cuda_stream == 0
        raise RuntimeError("stop")
    assert torch.cuda.current_stream is before


def test_spconv_on_one_thread() -> None:
    library = installed(spconv_layers.Spconv)
    assert library.form(1) == "exact" and library.form(2) != "exact"
    library.set_threads(1)
    with spconv_layers.stream_in_name():
        check_peer(library)


@pytest.mark.parametrize("threads", [1, 2])
def test_minkowski_engine(threads: int) -> None:
    library = installed(minkowski_layers.Minkowski)
    assert library.form(threads) == "exact"
    library.set_threads(threads)
    check_peer(library)


def installed(make: Any) -> Any:
    try:
        return make()
    except NotInstalledError as error:
        pytest.skip(str(error))


def check_peer(library: Any) -> None:
    model, scene, feats, cotangent, check = small_network()
    check.check(library.network(model, scene, feats, cotangent))
    for kernel in (1, 3, 5):
        work = layer_work(scene, kernel, 4, 5)
        layer = library.layer(work)
        LayerCheck(work).check(layer)
        layer.map()
