"""Fits the line to measured pairs, and says how far it and the trees are from pairs that they were not shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gavotte.sched._learned import Row, Trees, rows_of
from gavotte.sched._model import Interference, overlap
from gavotte.sched._optional import optional

FORMS = ("product", "overload")
_FOLDS = 5
Predict = Callable[[Sequence[Row]], list[float]]  # progress of each row
Jobs = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Prediction:
    """progress: of the row by each predictor, which was fitted without it."""

    row: Row
    progress: dict[str, float]


def line_progress(model: Interference, jobs: Jobs, row: Row) -> float:
    """Normalised progress by the line, of what both jobs use on average: on a smaller share than it was profiled with a
    job takes longer in proportion, and uses as much less of DRAM's rate."""
    used = []
    for name, share in zip(row.jobs, row.shares, strict=True):
        stretch = max(1.0, jobs[name]["compute"] / share)
        used.append((jobs[name]["compute"] / stretch, jobs[name]["memory"] / stretch, stretch))
    (compute, memory, longer), (others_compute, others_memory, _) = used
    return 1 / (longer * model.slowdown(compute, memory, others_compute, others_memory))


def fit_line(form: str, jobs: Jobs, rows: Sequence[Row]) -> Interference:
    """The line whose slowdowns have the least squares of relative errors, with no factor below 0. From rows that ran
    with the budget of their profile."""
    own = [row for row in rows if is_own(row)]
    points, slowdowns = [], []
    for row in own:
        one, other = (jobs[name] for name in row.jobs)
        points.append([overlap(form, one[use], other[use]) for use in ("compute", "memory")])
        slowdowns.append(1 / row.progress)
    model = optional("sklearn.linear_model").LinearRegression(positive=True, fit_intercept=False)
    model.fit(points, [value - 1 for value in slowdowns], sample_weight=[value**-2 for value in slowdowns])
    compute, memory = (float(factor) for factor in model.coef_)
    return Interference(compute, memory, form, f"fitted to {len(own) // 2} measured pairs")


def is_own(row: Row) -> bool:
    """Whether both jobs ran with the budget that they were profiled with."""
    return all(abs(row.features[place] - share) < 1e-9 for place, share in zip((0, 5), row.shares, strict=True))


def predictors(jobs: Jobs, rows: Sequence[Row]) -> dict[str, Predict]:
    """All that are compared, fitted to the rows; `assumed` is not."""

    def line(model: Interference) -> Predict:
        return lambda asked: [line_progress(model, jobs, row) for row in asked]

    found = {"assumed": line(Interference(1.0, 1.0))}
    found |= {form: line(fit_line(form, jobs, rows)) for form in FORMS}
    trees = Trees(rows)
    return found | {"trees": trees.predict}


def new_pairs(document: dict[str, Any]) -> list[Prediction]:
    """Each pair predicted by what was fitted without it and its other budgets, in five parts."""
    pairs = sorted({_pair(row) for row in rows_of(document)})
    part = {pair: index % _FOLDS for index, pair in enumerate(pairs)}

    def is_in(index: int) -> Callable[[Row], bool]:
        return lambda row: part[_pair(row)] == index

    return _held_out(document, [is_in(index) for index in range(min(_FOLDS, len(pairs)))])


def new_jobs(document: dict[str, Any]) -> list[Prediction]:
    """Each pair predicted by what was fitted without any pair of its first job."""
    bases = sorted({base_of(row.jobs[0]) for row in rows_of(document)})

    def has(base: str) -> Callable[[Row], bool]:
        return lambda row: base in _pair(row)

    return [
        prediction
        for base in bases
        for prediction in _held_out(document, [has(base)])
        if base_of(prediction.row.jobs[0]) == base
    ]


def _held_out(document: dict[str, Any], parts: Sequence[Callable[[Row], bool]]) -> list[Prediction]:
    jobs: Jobs = {job["name"]: job for job in document["jobs"]}
    rows, found = rows_of(document), []
    for asked in parts:
        shown = [row for row in rows if not asked(row)]
        hidden = [row for row in rows if asked(row)]
        if not any(map(is_own, shown)):
            raise ValueError("pairs: expected more jobs: nothing is left to fit")
        answers = {name: predict(hidden) for name, predict in predictors(jobs, shown).items()}
        for index, row in enumerate(hidden):
            found.append(Prediction(row, {name: values[index] for name, values in answers.items()}))
    return found


def errors(predictions: Sequence[Prediction], chosen: Callable[[Row], bool]) -> dict[str, tuple[float, float]]:
    """Mean and greatest of |predicted / measured - 1| of the progress, for each predictor."""
    kept = [prediction for prediction in predictions if chosen(prediction.row)]
    names = list(kept[0].progress) if kept else []
    found = {}
    for name in names:
        off = [abs(prediction.progress[name] / prediction.row.progress - 1) for prediction in kept]
        found[name] = (sum(off) / len(off), max(off))
    return found


def base_of(job: str) -> str:
    """Its name without threads."""
    return job.rpartition("@")[0]


def _pair(row: Row) -> tuple[str, ...]:
    return tuple(sorted(map(base_of, row.jobs)))


def best_form(document: dict[str, Any]) -> str:
    """The form of the line with the least mean error on pairs that it was not fitted to."""
    found = errors(new_pairs(document), is_own)
    return min(FORMS, key=lambda form: found[form][0])
