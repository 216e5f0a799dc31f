"""gavotte.calibrate and gavotte.predict: the numbers are those of the manifest's formulas."""

import json
import math
from pathlib import Path

import pytest

import gavotte

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = gavotte.Manifest.load(DOCS / "manifest.example.json")
NETWORK = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)


def runs() -> list[gavotte.Manifest]:
    scans = [gavotte.voxelize(gavotte.data.scenes.random(150 * i, seed=i), 1.0) for i in range(2, 6)]
    return [gavotte.profile(NETWORK, scan, threads=1, rounds=2, warmup=0) for scan in scans]


def resolved(formula: str, **symbols: float) -> float:
    return float(eval(formula, {"__builtins__": {}}, symbols))


def test_the_examples_times() -> None:
    sizes = {name: count for name, count in EXAMPLE.symbols.items() if name != "points"}
    known = gavotte.predict(EXAMPLE, sizes=sizes)
    assert known.run.us == pytest.approx(263)
    assert (known.run.low_us, known.run.high_us) == pytest.approx((263 / 1.1, 263 * 1.1))
    assert known.run.inside and known.run.level == 0.9
    assert [time.us for time in known.launches] == pytest.approx([102, 62, 57, 42])
    assert [time.name for time in known.launches] == [launch["kernel"]["key"] for launch in EXAMPLE.launches]
    counted = gavotte.predict(EXAMPLE, voxels=(500, 2001)).run
    assert counted.high_us == pytest.approx((21 + 0.242 * 2001) * 1.2)
    assert not counted.inside
    assert gavotte.predict(EXAMPLE, points=2500).run.high_us == pytest.approx(263 * 1.25)


def test_formulas_and_predictions_agree() -> None:
    measured = runs()
    manifest = gavotte.calibrate(measured)
    assert gavotte.Manifest.from_json(manifest.to_json()) == manifest
    assert [launch["duration_us"] for launch in manifest.launches] == [
        launch["duration_us"] for launch in measured[0].launches
    ]
    fitted = manifest.document["run"]["predict"]
    assert (fitted["scans"]["v"], fitted["level"]["v"]) == (4, 0.8)
    symbols = measured[2].symbols
    predicted = gavotte.predict(manifest, sizes={k: v for k, v in symbols.items() if k != "points"})
    for launch, time in zip(manifest.launches, predicted.launches, strict=True):
        assert launch["predict"]["duration_us"]["src"] == "estimated"
        assert time.us == pytest.approx(resolved(launch["predict"]["duration_us"]["v"], **symbols))
        assert time.high_us == pytest.approx(time.us * (1 + launch["predict"]["band"]["sizes"]["v"]))
    assert predicted.run.us == pytest.approx(sum(time.us for time in predicted.launches))
    voxels = symbols["N_in"]
    by_count = {name: resolved(text, N_in=voxels) for name, text in fitted["sizes"].items() if name != "N_in"}
    total = resolved(fitted["total"]["duration_us"]["v"], N_in=voxels, **by_count)
    assert gavotte.predict(manifest, voxels=voxels).run.us == pytest.approx(total, rel=1e-5)


def test_a_scan_is_counted_before_its_run() -> None:
    executor = gavotte.Executor(NETWORK, threads=1)
    voxels = gavotte.voxelize(gavotte.data.scenes.random(300), 1.0)
    manifest = gavotte.profile(NETWORK, voxels, threads=1, rounds=1, warmup=0)
    sizes = executor.sizes(executor.prepare(voxels, threads=1))
    assert {**sizes, "points": 300} == manifest.symbols
    with pytest.raises(ValueError, match="another's"):
        gavotte.Executor(NETWORK).sizes(executor.prepare(voxels, threads=1))


def test_what_is_no_question_is_refused() -> None:
    for wrong in ({}, {"voxels": 1, "points": 1}):
        with pytest.raises(TypeError, match="expected one of"):
            gavotte.predict(EXAMPLE, **wrong)
    for wrong in ({"voxels": (2, 1)}, {"voxels": -1}, {"points": (-2, -1)}, {"sizes": {"N_in": 1}}):
        with pytest.raises(ValueError, match=r"range of counts|the size"):
            gavotte.predict(EXAMPLE, **wrong)
    document = EXAMPLE.document
    document["run"]["predict"]["sizes"]["N_1"] = "N_in*N_in"
    with pytest.raises(ValueError, match="factor without symbols"):
        gavotte.Manifest.from_json(json.dumps(document))
    measured = runs()
    with pytest.raises(ValueError, match="calibrated"):
        gavotte.predict(measured[0], voxels=5)
    with pytest.raises(ValueError, match="at least 3"):
        gavotte.calibrate(measured[:2])
    other = gavotte.profile(
        NETWORK, gavotte.voxelize(gavotte.data.scenes.random(99), 1.0), threads=1, rounds=1, warmup=0, dtype="bfloat16"
    )
    with pytest.raises(ValueError, match="dtype"):
        gavotte.calibrate([*measured, other])


def test_a_network_is_estimated_where_nothing_was_measured(tmp_path: Path) -> None:
    config = DOCS.parent / "autotune" / "configs" / "amd-epyc-avx512-2-cores.json"
    description = tmp_path / "gpu.json"
    peaks = {"clock_mhz": None, "memory_clock_mhz": None, "gflops": 1000, "tensor_gflops": None, "dram_gb_per_s": 100}
    gpu = {"format": 1, "name": "Made-up GPU", "source": "a test", "compute_capability": [9, 0], "units": 10}
    description.write_text(json.dumps(gpu | peaks))
    executor = gavotte.Executor(NETWORK, threads=1)
    scans = [gavotte.voxelize(gavotte.data.scenes.random(n), 1.0) for n in (200, 400, 800)]
    sizes = [executor.sizes(executor.prepare(scan, threads=1)) for scan in scans]
    for given in ({"config": config, "threads": 1}, {"config": gavotte.DeviceConfig.load(config), "threads": 1}):
        known = gavotte.predict(NETWORK, sizes=sizes[1], **given)
        assert 0 < known.run.low_us < known.run.us < known.run.high_us < math.inf
        assert known.run.us == pytest.approx(sum(part.us for part in known.launches))
        assert (known.run.level, known.run.inside) == (0.0, False) and "cost model" in "".join(
            part.how for part in known.launches
        )
        voxels = sizes[1]["N_in"]
        near = gavotte.predict(NETWORK, voxels=voxels, scans=sizes, **given).run
        wide = gavotte.predict(NETWORK, voxels=voxels, **given).run
        assert wide.low_us < near.low_us < known.run.us < near.high_us < wide.high_us
    roof = gavotte.predict(NETWORK, points=(100, 200), device_description=description)
    assert roof.run.high_us == math.inf and "not calibrated" in roof.launches[0].how
    for wrong in ({}, {"config": config, "device_description": description}):
        with pytest.raises(TypeError, match="one of config and device_description"):
            gavotte.predict(NETWORK, voxels=5, **wrong)
    for wrong in ({"config": config}, {"dtype": "float16"}, {"threads": 2}, {"scans": sizes}):
        with pytest.raises(TypeError, match="with a network alone"):
            gavotte.predict(EXAMPLE, voxels=5, **wrong)
    for wrong in ({"dtype": "float64"}, {"threads": -1}, {"scans": sizes[:2]}, {"dtype": "int4"}):
        with pytest.raises(ValueError, match=r"float64|threads|at least 3|int4"):
            gavotte.predict(NETWORK, voxels=5, config=config, **({"threads": 1} | wrong))
    for wrong in ({"voxels": (2, 1)}, {"voxels": -1}, {"sizes": {"N_in": 1}}, {"points": 2**50}):
        with pytest.raises(ValueError, match=r"range of counts|the size"):
            gavotte.predict(NETWORK, config=config, threads=1, **wrong)
    with pytest.raises(ValueError, match="none"):
        gavotte.predict(NETWORK, voxels=5, device_description=tmp_path / "none")


def test_kinds_make_the_bands_those_of_another_kind() -> None:
    measured = [*runs(), *runs()]
    fitted = gavotte.calibrate(measured, ["a"] * 4 + ["b"] * 4).document["run"]["predict"]
    assert fitted["level"]["v"] == pytest.approx(2 / 3 * 0.8) and "kinds left out" in fitted["total"]["error"]["how"]
    for wrong in (["a"], ["a"] * 8, ["a"] * 6 + ["b"] * 2):
        with pytest.raises(ValueError, match="calibrate"):
            gavotte.calibrate(measured, wrong)


def test_threads_are_swept_when_asked() -> None:
    voxels = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    manifest = gavotte.profile(NETWORK, voxels, threads=2, rounds=2, warmup=0, thread_sweep=True)
    for launch in manifest.launches:
        assert [entry["sms"] for entry in launch["sm_budget"]] == [1, 2]
        assert launch["sm_budget"][1]["duration_us"] == launch["duration_us"]
