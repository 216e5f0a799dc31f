// Draws the charts of the page from the JSON in it. A canvas that was drawn says so in data-drawn: how many marks it has.
"use strict";

const report = JSON.parse(document.getElementById("report").textContent);
const charts = [];

const verdicts = {
  winner: { style: "circle", radius: 7, filled: true },
  slower: { style: "circle", radius: 4, filled: true },
  rejected: { style: "triangle", radius: 5, filled: true },
  pruned: { style: "rectRot", radius: 5, filled: false },
  wrong: { style: "crossRot", radius: 6, filled: false },
  unfinished: { style: "circle", radius: 4, filled: false },
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const text = (ms) => `${ms < 1 ? ms.toPrecision(3) : ms.toFixed(ms < 10 ? 2 : 1)} ms`;

function axis(title, more) {
  return {
    title: { display: true, text: title, color: colour("soft") },
    ticks: { color: colour("soft") },
    grid: { color: colour("line") },
    ...more,
  };
}

function draw(canvas, config, marks) {
  config.options = { animation: false, responsive: true, maintainAspectRatio: false, ...config.options };
  charts.push(new Chart(canvas, config));
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  if (pixels.some((value) => value > 0)) canvas.dataset.drawn = marks;
}

// Default against tuned time, a pair of bars an entry.
function drawTimes(canvas) {
  const entries = report[canvas.dataset.entries];
  canvas.parentElement.style.height = `${4.5 + 2.4 * entries.length}rem`;
  const label = (entry) => {
    const name = entry.name.split("+")[0]; // of fused layers the first
    return name.length > 28 ? `${name.slice(0, 27)}…` : name;
  };
  const bars = (name, key) => ({
    label: name,
    data: entries.map((entry) => entry[key]),
    backgroundColor: colour(name),
    maxBarThickness: 14,
  });
  const labels = entries.map((entry) => (entry.direction ? [label(entry), entry.direction] : [label(entry)]));
  draw(canvas, {
    type: "bar",
    data: { labels, datasets: [bars("default", "default_ms"), bars("tuned", "ms")] },
    options: {
      indexAxis: "y",
      scales: { x: axis("time, ms", { beginAtZero: true }), y: axis("", { title: { display: false }, grid: { display: false } }) },
      plugins: {
        legend: { labels: { color: colour("ink"), boxWidth: 14 } },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${text(item.raw)}` } },
      },
    },
  }, 2 * entries.length);
}

// The candidates of an entry, the fastest on top: time over the default's, 0 where none is known.
function drawCandidates(canvas) {
  const entry = report[canvas.dataset.entries][Number(canvas.dataset.index)];
  const time = (candidate) => candidate.ms || candidate.predicted_ms || 0;
  const points = entry.candidates.map((candidate) => ({
    x: entry.default_ms > 0 ? time(candidate) / entry.default_ms : 0,
    candidate,
  }));
  points.sort((a, b) => (a.x || Infinity) - (b.x || Infinity));
  points.forEach((point, i) => { point.y = i + 1; });
  const datasets = Object.entries(verdicts).map(([verdict, mark]) => ({
    label: verdict,
    data: points.filter((point) => point.candidate.verdict === verdict),
    pointStyle: mark.style,
    radius: mark.radius,
    hoverRadius: mark.radius + 2,
    borderWidth: mark.filled ? 0 : 2,
    hoverBorderWidth: 2,
    borderColor: colour(verdict),
    backgroundColor: mark.filled ? colour(verdict) : "transparent",
  }));
  const line = {
    id: "default",
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea, scales } = chart;
      const x = scales.x.getPixelForValue(1);
      ctx.save();
      ctx.strokeStyle = colour("default");
      ctx.setLineDash([5, 4]);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.restore();
    },
  };
  const label = ({ raw }) => {
    const { candidate } = raw;
    const what = candidate.ms ? text(candidate.ms) : candidate.predicted_ms ? `predicted ${text(candidate.predicted_ms)}` : "not timed";
    return [`${candidate.verdict}${candidate.default ? " (the default)" : ""}: ${what}`, ...candidate.config.split(", ")];
  };
  draw(canvas, {
    type: "scatter",
    data: { datasets },
    plugins: [line],
    options: {
      scales: {
        x: axis("time / default's time", { suggestedMin: 0, suggestedMax: 1.1 }),
        y: axis("rank", { reverse: true, min: 0, max: points.length + 1, ticks: { precision: 0, maxTicksLimit: 6, color: colour("soft"),
          callback: (value) => (value >= 1 && value <= points.length ? value : "") } }),
      },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label } } },
    },
  }, points.length);
}

function drawAll() {
  charts.splice(0).forEach((chart) => chart.destroy());
  document.querySelectorAll("canvas[data-chart=times]").forEach(drawTimes);
  document.querySelectorAll("canvas[data-chart=candidates]").forEach(drawCandidates);
}

document.documentElement.classList.add("charts");
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
