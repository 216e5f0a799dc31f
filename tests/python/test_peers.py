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
from comparison import plot  # noqa: E402
from comparison.checks import WrongValuesError  # noqa: E402
from comparison.gathered import Gathered, GatheredLayer  # noqa: E402
from comparison.ours import Gavotte  # noqa: E402
from comparison.report import Row, to_markdown  # noqa: E402
from comparison.scenes import make_scene  # noqa: E402
from comparison.timing import Call, interleaved, ratio_and_noise  # noqa: E402

TINY = "random_200"


class FakeClock:
    """Goes on only where a call says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A library whose every call takes so many seconds of the clock."""

    dtype = "float32"

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


def test_other_ways_are_compared_with_everything() -> None:
    clock = FakeClock()
    names = {"gavotte": 0.5, "gavotte bfloat16": 0.25, "gavotte int8": 0.125, "racing": 1.0}
    libraries = [
        Slow(name, seconds, clock, form="races" if name == "racing" else "exact") for name, seconds in names.items()
    ]
    libraries[1].dtype = "bfloat16"
    comparison = peers.Comparison(libraries, clock_for=lambda threads: clock)
    comparison.run(plan(threads=[1], methods=["forward"]))
    ratios = {(row.library, row.ratio_to): row.ratio for row in comparison.rows}
    assert ratios == {
        ("gavotte", "gavotte"): 1, ("racing", "gavotte"): 0.5,
        ("gavotte bfloat16", "gavotte"): 2, ("gavotte bfloat16", "gavotte int8"): 0.5,
        ("gavotte bfloat16", "racing"): 4,
        ("gavotte int8", "gavotte"): 4, ("gavotte int8", "gavotte bfloat16"): 2, ("gavotte int8", "racing"): 8,
    }  # fmt: skip
    errors = {row.library: row.error for row in comparison.rows}
    assert errors["racing"] is None and errors["gavotte int8"] == pytest.approx(0, abs=1e-6)
    assert {row.library: row.dtype for row in comparison.rows}["gavotte bfloat16"] == "bfloat16"
    text = to_markdown(comparison.rows, [], [])
    work = "| random_200 | forward, map cached | 3x3x3 2->3 | 1 |"
    assert f"{work} 500.00 | 0.50 ± 0 % | 0.25 ± 0 % | 2.00 ± 0 % (!) |" in text
    assert "| way | error | gavotte | gavotte bfloat16 | gavotte int8 | racing |" in text
    assert " % | 2.00 ± 0 % | - | 0.50 ± 0 % | 4.00 ± 0 % (!) |" in text.partition("| gavotte bfloat16 | ")[2]


def test_program_writes_table_rows_and_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("spconv", "spconv.pytorch", "MinkowskiEngine"):
        monkeypatch.setitem(sys.modules, name, None)  # which an import finds missing
    folder = tmp_path / "new" / "peers"
    peers.main(
        ["-o", str(folder), "--scenes", TINY, "--network-scenes", "--layers", "2-3", "--threads", "1", "--rounds", "1"]
    )
    text = (folder / "peers.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "- spconv was not timed: " in text and "pip install spconv==" in text
    assert "- MinkowskiEngine was not timed: " in text and "how to build it: docs/benchmarks.md" in text
    assert "| random_200 | 200 |" in text and "torch gather, x" in text and "torch dense, x" in text
    rows = json.loads((folder / "peers.json").read_text())
    assert {(row["library"], row["operation"]) for row in rows} == {
        (library, operation)
        for library in ("gavotte", "gavotte bfloat16", "torch gather", "torch dense")
        for operation in peers.LAYER_OPERATIONS
    }
    assert all(row["median_ms"] > 0 and row["form"] == "exact" for row in rows)
    assert (folder / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_one_layer_is_drawn_as_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def row(operation: str, layer: str, library: str, ratio: float, form: str = "exact") -> Row:
        return Row("room", operation, layer, "float32", 2, library, form, 1.0, ratio, "gavotte", 0.0)

    figures: list[Any] = []
    monkeypatch.setattr(plot.pyplot, "close", figures.append)
    rows = [row("forward", layer, "slow", 0.5) for layer in ("2->3", "3->4")]
    rows += [row("network", "UNet", "gavotte", 1.0), row("network", "UNet", "slow", 0.5, "racing")]
    rows.append(row("network", "UNet", "fast", 4.0))
    plot.write_plot(rows, tmp_path / "plot.png")
    lines, bars = figures[0].axes
    assert [list(line.get_ydata()) for line in lines.get_lines()] == [[2.0, 2.0], [1, 1]]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["slow, room", "fast, room"]
    assert [text.get_text() for text in bars.texts] == ["2.00 (!)", "0.25"]
    assert [bar.get_x() + bar.get_width() for bar in bars.patches] == [2.0, 0.25]
    plot.write_plot([], tmp_path / "empty.png")  # a run that was stopped at once
    assert (tmp_path / "empty.png").exists()


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
    monkeypatch.setattr(peers, "available", lambda names: ([Gavotte(), Interrupted()], []))
    peers.main([*arguments, "--layers", "2-3", "3-2"])
    text = (tmp_path / "peers.md").read_text()
    assert "- stopped before all was measured\n" in text and "3x3x3 2->3" in text and "3x3x3 3->2" not in text
    monkeypatch.setattr(peers, "available", lambda names: ([Slow("gavotte", 1.0, FakeClock(), error=1.0)], []))
    with pytest.raises(SystemExit, match=r"peers.py: gavotte on random_200, .* wrong, by up to"):
        peers.main([*arguments, "--layers", "2-3"])


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
        (["-o", "x", "--operations", "walk"], "--operations: invalid choice: 'walk'"),
        (["-o", "x", "--libraries", "open3d"], "--libraries: invalid choice: 'open3d'"),
        (["-o", "x", "--scenes", "--operations", "map"], "what there is to time, got --operations map"),
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
