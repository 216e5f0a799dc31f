"""Coordinate sets and kernel maps as NumPy arrays, against pairs found by trying every input for every output."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gavotte import ConvSpec, maps

Array = npt.NDArray[Any]
Row = tuple[int, ...]


class Oracle:
    """The tables of docs/coordinates.md, read with plain integers. fine = coarse * stride + offset, where the output is
    the coarse side of submanifold and strided layers and the fine side of the others."""

    def __init__(self, spec: ConvSpec, dims: int) -> None:
        self.spec = spec
        sizes, self.stride, self.padding, self.dilation = (
            (value,) * dims if isinstance(value, int) else value
            for value in (spec.kernel_size, spec.stride, spec.padding, spec.dilation)
        )
        self.sizes = sizes
        self.down = spec.kind in ("submanifold", "strided")
        last_fastest = list(itertools.product(*(range(size) for size in sizes)))
        first_fastest = [index[::-1] for index in itertools.product(*(range(size) for size in reversed(sizes)))]
        order = spec.offset_order
        if order == "torchsparse":
            order = "first_axis_fastest" if np.prod(sizes) % 2 else "last_axis_fastest"
        self.kernel = last_fastest if order == "last_axis_fastest" else first_fastest
        self.offsets = [tuple(self._offset(axis, k) for axis, k in enumerate(index)) for index in self.kernel]

    def _offset(self, axis: int, k: int) -> int:
        middle = self.sizes[axis] // 2 if self.sizes[axis] % 2 else 0
        if self.spec.kind == "submanifold" or self.spec.rule == "floor":
            return (k - middle) * self.dilation[axis]
        return k * self.dilation[axis] - self.padding[axis]

    def keeps_the_set(self) -> bool:
        """With the rows of the input in their order; every other set is in lexicographic order."""
        changes_nothing = self.spec.rule != "window" or self.offsets == [(0,) * len(self.sizes)]
        strided_by_one = self.spec.kind == "strided" and set(self.stride) == {1}
        return self.spec.kind == "submanifold" or (strided_by_one and changes_nothing)

    def outputs(self, inputs: list[Row]) -> list[Row]:
        kind, rule = self.spec.kind, self.spec.rule
        if self.keeps_the_set():
            return inputs
        if kind == "generative":
            return sorted({self._fine(row, offset) for row in inputs for offset in self.offsets})
        if rule == "floor" or (
            rule == "torchsparse" and all(s in (1, k) for s, k in zip(self.stride, self.sizes, strict=True))
        ):
            return sorted({(b, *(x // s for x, s in zip(xs, self.stride, strict=True))) for b, *xs in inputs})
        found = set()
        largest = [max((row[1 + axis] for row in inputs), default=0) for axis in range(len(self.sizes))]
        for (b, *xs), offset in itertools.product(inputs, self.offsets):
            scaled = [x - o for x, o in zip(xs, offset, strict=True)]
            if any(value % s for value, s in zip(scaled, self.stride, strict=True)):
                continue
            output = [value // s for value, s in zip(scaled, self.stride, strict=True)]
            last = [
                (largest[a] + 2 * self.padding[a] - (self.sizes[a] - 1)) // self.stride[a] for a in range(len(output))
            ]
            if rule == "window" or all(0 <= o <= end for o, end in zip(output, last, strict=True)):
                found.add((b, *output))
        return sorted(found)

    def pairs(self, inputs: list[Row], outputs: list[Row]) -> list[list[tuple[int, int]]]:
        """(input row, output row) of each offset, by output row."""
        return [
            [
                (i, o)
                for o, output in enumerate(outputs)
                for i, given in enumerate(inputs)
                if (given == self._fine(output, offset) if self.down else output == self._fine(given, offset))
            ]
            for offset in self.offsets
        ]

    def _fine(self, coarse: Row, offset: Row) -> Row:
        return (coarse[0], *(c * s + o for c, s, o in zip(coarse[1:], self.stride, offset, strict=True)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Row], ConvSpec, list[Row]]:
    """Inputs in any order, a legal spec, and a set for an inverse layer to go back to."""
    dims = draw(st.integers(1, 3))
    row = st.tuples(st.integers(0, 1), *[st.integers(-4, 4)] * dims)
    kind = draw(st.sampled_from(["submanifold", "strided", "generative", "inverse"]))
    rule = draw(st.sampled_from(["window", "floor", "torchsparse"]))
    submanifold = kind == "submanifold"
    sizes = st.sampled_from([1, 3] if submanifold and rule == "window" else [1, 2, 3])

    def per_axis(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=dims, max_size=dims))

    spec = ConvSpec(
        kind,
        kernel_size=per_axis(sizes),
        stride=1 if submanifold else per_axis(st.integers(1, 3)),
        padding=0 if submanifold or rule == "floor" else per_axis(st.integers(0, 2)),
        dilation=1 if rule == "torchsparse" else per_axis(st.integers(1, 2)),
        rule=rule,
        offset_order=draw(st.sampled_from(["last_axis_fastest", "first_axis_fastest", "torchsparse"])),
    )
    rows = st.lists(row, max_size=12, unique=True)
    return draw(rows), spec, draw(rows)


def set_of(rows: list[Row], spec: ConvSpec, stride: Any = 1) -> maps.Coordinates:
    dims = len(rows[0]) - 1 if rows else 1 if isinstance(spec.kernel_size, int) else len(spec.kernel_size)
    return maps.Coordinates(np.array(rows, np.int32).reshape(-1, 1 + dims), stride)


@given(cases())
def test_pairs_are_those_of_the_rules(case: tuple[list[Row], ConvSpec, list[Row]]) -> None:
    rows, spec, finer = case
    up = spec.kind in ("generative", "inverse")
    given_set = set_of(rows, spec, spec.stride if up else 1)
    oracle = Oracle(spec, given_set.dims)
    found = maps.kernel_map(given_set, spec, set_of(finer, spec) if spec.kind == "inverse" else None)
    outputs = finer if spec.kind == "inverse" else oracle.outputs(rows)
    expected = oracle.pairs(rows, outputs)

    assert [tuple(row) for row in found.output.array.tolist()] == outputs
    assert (found.output is given_set) == oracle.keeps_the_set()
    assert found.offsets == len(expected) and len(found) == sum(map(len, expected))
    assert found.counts.tolist() == [len(pairs) for pairs in expected]
    table = np.full((found.offsets, len(outputs)), -1, np.int32)
    for k, pairs in enumerate(expected):
        assert list(zip(*(side.tolist() for side in found.pairs_of(k)), strict=True)) == pairs
        for i, o in pairs:
            table[k, o] = i
    np.testing.assert_array_equal(found.table, table)
    back = found.transposed()
    assert back.input is found.output and back.output is found.input
    for k, pairs in enumerate(expected):
        assert sorted(zip(*(side.tolist() for side in back.pairs_of(k)), strict=True)) == sorted(
            (o, i) for i, o in pairs
        )
    if spec.kind != "inverse":
        np.testing.assert_array_equal(maps.output_coordinates(given_set, spec).array, found.output.array)


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 3)), max_size=12, unique=True)


@given(ROWS, ROWS)
@example([], [])
def test_a_union_has_each_row_once(a: list[Row], b: list[Row]) -> None:
    sets = [maps.Coordinates(np.array(each, np.int32).reshape(-1, 2)) for each in (a, b)]
    union, of_a, of_b = maps.unite(*sets)
    assert union.array.tolist() == [list(row) for row in sorted({*a, *b})]
    for each, places in zip(sets, (of_a, of_b), strict=True):
        np.testing.assert_array_equal(union.array[places], each.array)


def test_strides_and_styles() -> None:
    rows = np.array([[1, 4, -6], [0, -2, 3]], np.int32)
    multiples = maps.Coordinates(rows, (2, 3), style="multiples")
    assert multiples.array.tolist() == [[1, 2, -2], [0, -1, 1]] and multiples.stride == (2, 3)
    assert (multiples.batch_size, multiples.dims, len(multiples)) == (2, 2, 2)
    down = maps.output_coordinates(multiples, ConvSpec("strided", kernel_size=2, stride=2))
    assert down.stride == (4, 6) and down.array.tolist() == [[0, -1, 0], [1, 1, -1]]
    assert maps.Coordinates(rows[::-1, ::-1].T[::-1].T).array.tolist() == rows[::-1].tolist()  # any layout


def test_arrays_are_the_sets_own_and_constant() -> None:
    rows = np.array([[0, 4], [0, 2]], np.int32)
    points = maps.Coordinates(rows)
    rows[:] = 7
    assert points.array.tolist() == [[0, 4], [0, 2]]
    found = maps.kernel_map(points, ConvSpec(kernel_size=3))
    table = found.table
    for array in (points.array, table, found.pair_in, found.pair_out, found.pair_begin):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    del points, found
    assert table.tolist() == [[-1, -1], [0, 1], [-1, -1]]


def test_the_map_is_the_same_for_every_number_of_threads() -> None:
    draw = np.random.default_rng(0)
    rows = np.unique(np.concatenate([draw.integers(0, 2, (5000, 1)), draw.integers(0, 20, (5000, 3))], 1), axis=0)
    points = maps.Coordinates(draw.permutation(rows).astype(np.int32))
    spec = ConvSpec("strided", kernel_size=3, stride=2, padding=1)
    one, three = (maps.kernel_map(points, spec, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.table, three.table)
    np.testing.assert_array_equal(one.pair_in, three.pair_in)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([[0, 1], [0, 1]], {}, ValueError, "0 and 1|twice|duplicate"),
        ([[-1, 1]], {}, ValueError, "batch"),
        ([[0, 3]], {"stride": 2, "style": "multiples"}, ValueError, "multiple"),
        ([[0, 3]], {"style": "other"}, ValueError, "divided or multiples"),
        ([[0, 3]], {"stride": 0}, ValueError, "stride"),
        ([[0, 3]], {"stride": (1, 1)}, ValueError, "stride|axes"),
        ([[0]], {}, ValueError, "1 to 4"),
        ([0, 1], {}, ValueError, r"\[N, 1 \+ D\]"),
    ],
)
def test_wrong_sets_are_refused(rows: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        maps.Coordinates(np.array(rows, np.int32), **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kernel_size": 2**31}, ValueError, "kernel_size: expected numbers of 32 bits; got 2147483648"),
        ({"dilation": (1, -(2**40))}, ValueError, "dilation: expected numbers of 32 bits"),
        ({"padding": 0.5}, TypeError, r"padding: expected a whole number, or one for each axis; got 0\.5"),
        ({"stride": None}, TypeError, "stride: expected a whole number, or one for each axis; got None"),
        ({"spatial_shape": "88"}, TypeError, "spatial_shape: expected a whole number, or one for each axis; got '88'"),
        ({"kernel_size": []}, ValueError, "1 to 4"),
        ({"kind": 3}, ValueError, "kind: expected one of submanifold, .*; got 3"),
        ({"rule": None}, ValueError, "rule: expected one of window, floor, torchsparse; got None"),
    ],
)
def test_wrong_options_of_a_spec_are_named(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ConvSpec(**options)


def test_wrong_calls_are_refused() -> None:
    points = maps.Coordinates(np.array([[0, 1]], np.int32))
    with pytest.raises(TypeError, match="expected int32, got int64"):
        maps.Coordinates(np.array([[0, 1]]))
    with pytest.raises(ValueError, match="strided convolution"):
        maps.kernel_map(maps.Coordinates(points.array, stride=2), ConvSpec("inverse", kernel_size=2, stride=2))
    with pytest.raises(ValueError, match="output set of stride"):
        maps.kernel_map(points, ConvSpec("strided", kernel_size=2, stride=2), points)
    with pytest.raises(ValueError, match="odd sizes"):
        maps.output_coordinates(points, ConvSpec(kernel_size=2))
    with pytest.raises(ValueError, match="stride"):
        maps.unite(points, maps.Coordinates(points.array, stride=2))
    with pytest.raises(IndexError, match="offset 3 of a map with 3"):
        maps.kernel_map(points, ConvSpec(kernel_size=3)).pairs_of(3)
