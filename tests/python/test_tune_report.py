"""The page of `gavotte tune --report`, as a browser shows it: Chromium without a window, scripts on and off."""

import html.parser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.image import imread

from clouds import small_cloud
from gavotte import Network, data
from networks import small_graph, small_parameters

Report = dict[str, Any]
# A path: layers have plain names.
ODD = "odd</script><img src=x onerror=\"document.title='hit'\">&'.gavotte"


class Page(NamedTuple):
    path: Path
    report: Report


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail(
            "the page is looked at in Chromium, which is not here: apt-get install chromium (tools/setup.sh python)"
        )
    return found


def browse(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    with_defaults = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--enable-logging=stderr", "--virtual-time-budget=20000", *flags, page.as_uri()]  # fmt: skip
    return subprocess.run([chromium(), *with_defaults], capture_output=True, text=True, timeout=300, check=True)


class Dom(html.parser.HTMLParser):
    """Tables as lists of rows of cells (value, text), canvases by their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[tuple[str | None, str]]]] = []
        self.canvases: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.root: dict[str, str | None] = {}
        self.title = ""
        self.cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.root = dict(attrs)
        if tag == "canvas":
            self.canvases.append(dict(attrs))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag == "td":
            self.cell = True
            self.tables[-1][-1].append((None, ""))
        if tag == "data" and self.cell:
            self.tables[-1][-1][-1] = (dict(attrs)["value"], "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.cell = False

    def handle_data(self, text: str) -> None:
        if self.cell:
            value, before = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (value, before + text)
        elif self.tags and self.tags[-1] == "title":
            self.title += text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("report")
    (folder / ODD).parent.mkdir()
    Network.from_graph(small_graph(), small_parameters()).save(folder / ODD)
    data.write(folder / "scan.ply", small_cloud(400))
    words = ["tune", ODD, "scan.ply", "--features", "x,y", "--device", "cpu", "--threads", "1",
             "--direction", "forward,backward", "--budget", "20s", "-o", "device.json",
             "--report", "report.html", "--json", "report.json"]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "gavotte", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Page(folder / "report.html", json.loads((folder / "report.json").read_text()))


@pytest.fixture(scope="module")
def shown(page: Page) -> Iterator[tuple[Dom, str]]:
    done = browse(page.path, "--dump-dom")
    yield Dom(done.stdout), done.stderr


def test_every_chart_is_drawn_and_the_console_is_silent(page: Page, shown: tuple[Dom, str]) -> None:
    dom, log = shown
    assert [line for line in log.splitlines() if "CONSOLE" in line] == []
    report = page.report
    assert len(report["layers"]) == 6 and len(report["maps"]) == 1
    drawn = {}
    for canvas in dom.canvases:
        assert "data-drawn" in canvas, canvas
        assert int(canvas["width"] or 0) > 100 and int(canvas["height"] or 0) > 50
        drawn[canvas["data-chart"], canvas["data-entries"], int(canvas["data-index"] or 0)] = int(
            canvas["data-drawn"] or 0
        )
    expected = {("times", name, 0): 2 * len(report[name]) for name in ("layers", "maps")}
    for name in ("layers", "maps"):
        for index, entry in enumerate(report[name]):
            expected["candidates", name, index] = len(entry["candidates"])
    assert drawn == expected
    assert min(expected.values()) > 0


def as_shown(ms: float) -> str:
    digits = 0 if ms >= 100 else 1 if ms >= 10 else 2
    return f"{ms:.{digits}f}" if ms >= 1 else f"{ms:.3g}"


def test_tables_hold_the_numbers_of_the_json(page: Page, shown: tuple[Dom, str]) -> None:
    layers, maps = shown[0].tables[:2]
    names = ["default_ms", "ms", "gain", "noise"]
    shows = [as_shown, as_shown, lambda gain: f"{gain:.2f}x", lambda noise: f"{100 * noise:.1f}"]
    for rows, entries, first in ((layers, page.report["layers"], 2), (maps, page.report["maps"], 2)):
        body = [row for row in rows if row]
        assert len(body) == len(entries)
        for row, entry in zip(body, entries, strict=True):
            for (value, text), name, show in zip(row[first : first + 4], names, shows, strict=True):
                assert value is not None and float(value) == entry[name]
                assert text == show(entry[name])


def test_names_are_text(page: Page, shown: tuple[Dom, str]) -> None:
    dom, _ = shown
    assert "img" not in dom.tags
    assert dom.tags.count("script") == 3
    assert dom.title.strip() == f"{ODD}: tuned by Gavotte"
    assert page.report["title"] == ODD


def test_tables_are_there_without_scripts(page: Page, tmp_path: Path) -> None:
    still = tmp_path / "still.html"
    still.write_text(page.path.read_text().replace("script-src 'unsafe-inline'", "script-src 'none'"))
    dom = Dom(browse(still, "--dump-dom").stdout)
    assert not any("data-drawn" in canvas for canvas in dom.canvases)
    assert "charts" not in (dom.root.get("class") or "")  # which hides the empty places of charts
    assert len([row for row in dom.tables[0] if row]) == len(page.report["layers"])


@pytest.mark.parametrize("width", [1200, 500])
def test_charts_show_in_the_colours_of_the_legend(page: Page, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "report.png"
    browse(page.path, f"--screenshot={picture}", f"--window-size={width},1600")
    pixels = np.rint(255 * imread(picture)[..., :3]).astype(np.uint8)
    assert pixels.shape[1] == width
    style = page.path.read_text()
    for name in ("default", "tuned", "winner", "ink", "page"):
        colour = re.search(rf"--{name}: #(\w+);", style)
        assert colour is not None
        assert np.all(pixels == list(bytes.fromhex(colour[1])), axis=-1).sum() > 20, name
