"""bench/peers.py: its checks, ratios of known times, what it writes, what it refuses; not how fast anything is."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

BENCH = Path(__file__).resolve().parents[2] / "bench"
if not BENCH.is_dir():
    pytest.skip("no checkout around the tests", allow_module_level=True)
sys.path.insert(0, str(BENCH))

import peers  # noqa: E402
from comparison import spconv_layers  # noqa: E402
from comparison.checks import LayerCheck, NetworkCheck, WrongValuesError  # noqa: E402
from comparison.dense import Dense, DenseLayer  # noqa: E402
from comparison.gathered import Gathered, GatheredLayer  # noqa: E402
from comparison.ours import Gavotte, GavotteExecutor  # noqa: E402
from comparison.report import Row, to_markdown  # noqa: E402
from comparison.scenes import make_scene  # noqa: E402
from comparison.timing import Call, interleaved, ratio_and_noise  # noqa: E402
from comparison.work import layer_work  # noqa: E402
from gavotte.models import MinkUNet  # noqa: E402

TINY = "random_200"
FOR_NETWORKS = "sphere_32"  # several voxels at stride 16


class FakeClock:
    """Goes on only where a call says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A library whose every call takes so many seconds of the clock."""

    def __init__(self, name: str, seconds: float, clock: FakeClock, error: float = 0.0, form: str = "exact") -> None:
        self.name, self._seconds, self._clock, self._error, self._form = name, seconds, clock, error, form

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return self._form

    def layer(self, work: Any) -> Any:
        slow, seconds, clock, error = GatheredLayer(work), self._seconds, self._clock, self._error

        class Layer:
            def map(self) -> None:
                clock.now += seconds

            def forward(self) -> Any:
                clock.now += seconds
                return slow.forward() + error

            def forward_with_map(self) -> Any:
                clock.now += seconds
                return slow.forward()

            def gradients(self) -> Any:
                clock.now += seconds
                return slow.gradients()

        return Layer()

    def network(self, *_: Any) -> None:
        return None


@pytest.fixture(autouse=True)
def threads_as_before() -> Any:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def plan(**changes: Any) -> peers.Plan:
    settings: dict[str, Any] = {
        "scenes": [TINY], "network_scenes": [], "layers": [(3, 2, 3)], "threads": [1, 2], "rounds": 3
    }  # fmt: skip
    return peers.Plan(**(settings | changes))


@pytest.mark.parametrize("name", [TINY, "sphere_16"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_oracle_is_a_dense_convolution_in_double(name: str, kernel: int) -> None:
    work = layer_work(make_scene(name), kernel, 2, 3).double()
    gathered, dense = GatheredLayer(work), DenseLayer(work)
    for found, expected in zip(
        (gathered.forward(), gathered.forward_with_map(), *gathered.gradients()),
        (dense.forward(), dense.forward_with_map(), *dense.gradients()),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("library", [Gavotte(), Gathered(), Dense()], ids=lambda library: library.name)
def test_layers_pass_their_check(library: Any) -> None:
    for kernel in (3, 5):
        work = layer_work(make_scene(TINY), kernel, 4, 5)
        layer = library.layer(work)
        LayerCheck(work).check(layer)
        layer.map()


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


def test_networks_pass_their_check_and_wrong_ones_do_not() -> None:
    torch.manual_seed(0)
    scene = make_scene(FOR_NETWORKS)
    model = MinkUNet(
        4, 5, encoder=(4, 4, 6, 6, 6), decoder=(6, 6, 4, 4), encoder_blocks=(1,) * 4, decoder_blocks=(1,) * 4
    )
    feats, cotangent = torch.randn(len(scene.coords), 4), torch.randn(len(scene.coords), 5)
    check = NetworkCheck(Gavotte().network(model.double(), scene, feats.double(), cotangent.double()))
    model.float()
    for library in (Gavotte(), GavotteExecutor()):
        check.check(library.network(model, scene, feats, cotangent))
    with pytest.raises(WrongValuesError, match="outputs: off by"):
        check.check(Gavotte().network(model, scene, feats * 1.01, cotangent))
    with pytest.raises(WrongValuesError, match="gradients of parameter 0: off by"):
        check.check(Gavotte().network(model, scene, feats, cotangent * 1.1))


def test_ratios_are_those_of_known_times() -> None:
    clock = FakeClock()
    libraries = [
        Slow("gavotte", 0.25, clock),
        Slow("other", 1.0, clock),
        Slow("racing", 0.5, clock, 1.0, "wrong: races"),
    ]
    done: list[int] = []
    comparison = peers.Comparison(libraries, clock_for=lambda threads: clock, done=lambda: done.append(1))
    comparison.run(plan())
    assert len(done) == plan().steps()
    assert comparison.notes == []
    assert len(comparison.rows) == 2 * len(peers.LAYER_OPERATIONS) * 3
    for row in comparison.rows:
        expected = {"gavotte": (250.0, 1.0), "other": (1000.0, 0.25), "racing": (500.0, 0.5)}[row.library]
        assert (row.median_ms, row.ratio) == pytest.approx(expected), row
        assert row.noise == pytest.approx(0) and row.ratio_to == "gavotte" and row.layer == "3x3x3 2->3"
    text = to_markdown(comparison.rows, ["a fact"], [("scene", "200", "1.0")])
    assert "| random_200 | map | 3x3x3 2->3 | 2 | 250.00 | 4.00 ± 0 % | 2.00 ± 0 % |" in text
    assert "| random_200 | forward, map cached | 3x3x3 2->3 | 1 | 250.00 | 4.00 ± 0 % | 2.00 ± 0 % (!) |" in text
    assert "- (!) wrong: races\n" in text and "- a fact\n" in text


def test_wrong_values_are_not_timed_and_ours_end_the_run() -> None:
    clock = FakeClock()
    comparison = peers.Comparison(
        [Slow("gavotte", 0.25, clock), Slow("wrong", 1.0, clock, error=1.0)], clock_for=lambda threads: clock
    )
    comparison.run(plan(threads=[1]))
    assert {row.library for row in comparison.rows} == {"gavotte"}
    assert comparison.notes[0].startswith(
        "not timed: wrong on random_200, 3x3x3 2->3, 1 threads: outputs: 600 of 600 wrong"
    )
    wrong = peers.Comparison([Slow("gavotte", 0.25, clock, error=1.0)], clock_for=lambda threads: clock)
    with pytest.raises(WrongValuesError, match="gavotte on random_200"):
        wrong.run(plan(threads=[1]))


def test_calls_take_turns_after_a_round_that_does_not_count() -> None:
    clock, order = FakeClock(), []

    def call(name: str, seconds: list[float]) -> Call:
        def run() -> None:
            order.append(name)
            clock.now += seconds.pop(0)

        return Call(lambda: order.append("prepare"), run)

    # The last round of b: an untimed call goes before the timed one, since the previous took less than 0.2 s.
    calls = {"a": call("a", [9, 1, 2]), "b": call("b", [9, 0.1, 7, 3])}
    samples = interleaved(calls, 2, clock, lambda: None)
    assert samples == {"a": [1, 2], "b": pytest.approx([0.1, 3])}
    assert [name for name in order if name != "prepare"] == ["a", "b", "a", "b", "a", "b", "b"]


def test_noise_is_the_distance_of_the_quartiles_of_the_ratios() -> None:
    ratio, noise = ratio_and_noise([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
    assert (ratio, noise) == (3, pytest.approx((4 - 2) / 3))
    assert ratio_and_noise([2], [4]) == (2, 0)


def test_cells_of_a_table() -> None:
    row = Row("s", "o", "l", "float32", 1, "gavotte", "exact", 2.0, 1.0, "gavotte", 0.0)
    peer = Row("s", "o", "l", "float32", 1, "peer", "exact", 5.0, 0.4, "gavotte", 0.123)
    text = to_markdown([row, peer, Row("t", *(getattr(row, f) for f in list(row.__dataclass_fields__)[1:]))], [], [])
    assert "| s | o | l | 1 | 2.00 | 2.50 ± 12 % |" in text
    assert "| t | o | l | 1 | 2.00 | - |" in text


def test_program_writes_table_rows_and_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise spconv_layers.NotInstalledError(f"spconv was not timed: not here; {spconv_layers.INSTALL}")

    monkeypatch.setattr(spconv_layers, "load_spconv", missing)
    folder = tmp_path / "new" / "peers"
    peers.main(
        ["-o", str(folder), "--scenes", TINY, "--network-scenes", "--layers", "2-3", "--threads", "1", "--rounds", "1"]
    )
    text = (folder / "peers.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "spconv was not timed: not here; pip install spconv==" in text
    assert "| random_200 | 200 |" in text and "torch gather, x" in text and "torch dense, x" in text
    rows = json.loads((folder / "peers.json").read_text())
    assert {(row["library"], row["operation"]) for row in rows} == {
        (library, operation)
        for library in ("gavotte", "torch gather", "torch dense")
        for operation in peers.LAYER_OPERATIONS
    }
    assert all(row["median_ms"] > 0 and row["form"] == "exact" for row in rows)
    assert (folder / "peers.png").read_bytes().startswith(b"\x89PNG")


class Interrupted(Gathered):
    """Stops the run, as a user does, at its second layer."""

    name = "interrupted"

    def __init__(self) -> None:
        self._layers = 0

    def layer(self, work: Any) -> GatheredLayer:
        self._layers += 1
        if self._layers == 2:
            raise KeyboardInterrupt
        return super().layer(work)


def test_a_run_that_is_stopped_leaves_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["-q", "-o", str(tmp_path), "--scenes", TINY, "--network-scenes", "--threads", "1", "--rounds", "1"]
    monkeypatch.setattr(peers, "available", lambda: ([Gavotte(), Interrupted()], []))
    peers.main([*arguments, "--layers", "2-3", "3-2"])
    text = (tmp_path / "peers.md").read_text()
    assert "- stopped before all was measured\n" in text and "3x3x3 2->3" in text and "3x3x3 3->2" not in text
    monkeypatch.setattr(peers, "available", lambda: ([Slow("gavotte", 1.0, FakeClock(), error=1.0)], []))
    with pytest.raises(SystemExit, match=r"peers.py: gavotte on random_200, .* wrong, by up to"):
        peers.main([*arguments, "--layers", "2-3"])


def test_the_stream_in_name_goes_with_the_run() -> None:
    before = torch.cuda.current_stream
    with pytest.raises(RuntimeError, match="stop"), spconv_layers.stream_in_name():
        assert torch.cuda.is_available() or torch.cuda.current_stream().cuda_stream == 0
        raise RuntimeError("stop")
    assert torch.cuda.current_stream is before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "-o/--output"),
        (["-o", "x", "--scenes", "street_1"], "expected random_N, sphere_R, lidar_C or room_C, got 'street_1'"),
        (["-o", "x", "--network-scenes", "lidar_0"], "got 'lidar_0'"),
        (["-o", "x", "--layers", "16"], "expected CIN-COUT"),
        (["-o", "x", "--layers", "16-16k2"], "an odd size, got '16-16k2'"),
        (["-o", "x", "--rounds", "0"], "expected a number above 0, got '0'"),
        (["-o", "x", "--threads", "-2"], "--threads"),
        (["-o", "x", "--threads", "two"], "expected a number above 0, got 'two'"),
        (["-o", "x", "--scenes", "--network-scenes"], "both empty"),
        (["-o", __file__], "-o: expected a folder, got the file"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        peers.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_scenes_begin_at_zero_and_bad_names_are_refused() -> None:
    scene = make_scene("lidar_50")
    assert scene.coords.dtype == torch.int32 and int(scene.coords.min()) == 0
    assert all(
        int(top) < edge and edge % 16 == 0 for top, edge in zip(scene.coords.amax(dim=0)[1:], scene.extent, strict=True)
    )
    assert len(torch.unique(scene.coords, dim=0)) == len(scene.coords) and scene.matches > 1
    with pytest.raises(ValueError, match="got 'lidar'"):
        make_scene("lidar")


def test_spconv_on_one_thread() -> None:
    try:
        library = spconv_layers.Spconv()
    except spconv_layers.NotInstalledError as error:
        pytest.skip(str(error))
    library.set_threads(1)
    torch.manual_seed(0)
    scene = make_scene(TINY)
    assert library.form(1) == "exact" and library.form(2) != "exact"
    with spconv_layers.stream_in_name():
        work = layer_work(scene, 3, 4, 5)
        layer = library.layer(work)
        LayerCheck(work).check(layer)
        layer.map()
        scene = make_scene(FOR_NETWORKS)
        model = MinkUNet(4, 5, encoder=(4, 4, 6, 6, 6), decoder=(6, 6, 4, 4))
        feats, cotangent = torch.randn(len(scene.coords), 4), torch.randn(len(scene.coords), 5)
        check = NetworkCheck(Gavotte().network(model.double(), scene, feats.double(), cotangent.double()))
        check.check(library.network(model.float(), scene, feats, cotangent))
