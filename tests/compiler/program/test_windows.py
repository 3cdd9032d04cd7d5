"""Windows of images: taken and folded as plain loops would, and fold is the transpose of taking."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from hypothesis import given, settings
from hypothesis import strategies as st

from ohmflow.compiler.arrays.functions import DOMAIN
from ohmflow.compiler.arrays.window_functions import add_window_functions
from ohmflow.compiler.program.windows import WINDOW, Window
from ohmflow.runtime.machine.windows import fold_windows, take_windows

quick = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any geometry that fits: also kernels that lie in padding alone, and rows that no window sees."""
    channels, height, width = (draw(st.integers(1, n)) for n in (4, 7, 7))
    first = draw(st.integers(0, channels - 1))
    kernel, strides, dilations = (tuple(draw(st.integers(1, n)) for _ in range(2)) for n in (3, 4, 3))
    lacking = [max(0, d * (k - 1) + 1 - n) for n, k, d in zip((height, width), kernel, dilations, strict=True)]
    begins = [draw(st.integers(0, 4)) for _ in range(2)]
    ends = [draw(st.integers(max(0, n - b), max(0, n - b) + 4)) for n, b in zip(lacking, begins, strict=True)]
    count = draw(st.integers(1, channels - first))
    return Window((channels, height, width), first, count, kernel, strides, (*begins, *ends), dilations)  # type: ignore[arg-type]


def plain_windows(image: np.ndarray, window: Window) -> np.ndarray:
    """Windows of one image, element by element."""
    _, height, width = window.image
    top, left = window.pads[:2]
    taken = np.zeros((window.positions, window.size), image.dtype)
    for row in range(window.out[0]):
        for col in range(window.out[1]):
            at = 0
            for channel in range(window.channel0, window.channel0 + window.channels):
                for i in range(window.kernel[0]):
                    for j in range(window.kernel[1]):
                        y = row * window.strides[0] - top + i * window.dilations[0]
                        x = col * window.strides[1] - left + j * window.dilations[1]
                        if 0 <= y < height and 0 <= x < width:
                            taken[row * window.out[1] + col, at] = image[channel, y, x]
                        at += 1
    return taken


@given(windows(), st.integers(1, 3), st.data())
@quick
def test_windows_are_those_of_a_plain_loop(window: Window, samples: int, data: st.DataObject) -> None:
    images = np.random.default_rng(1).standard_normal((samples, *window.image)).astype(np.float32)
    expected = np.stack([plain_windows(image, window) for image in images])
    np.testing.assert_array_equal(take_windows(images, window), expected)
    first = data.draw(st.integers(0, window.out[0] - 1))
    last = data.draw(st.integers(first + 1, window.out[0]))
    rows = take_windows(images, window, first, last)
    np.testing.assert_array_equal(rows, expected[:, first * window.out[1] : last * window.out[1]])


@given(windows())
@quick
def test_windows_of_an_image_that_is_not_contiguous_are_the_same(window: Window) -> None:
    images = np.random.default_rng(1).standard_normal((*window.image, 2)).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(take_windows(images, window), take_windows(images.copy(), window))


@given(windows())
@quick
def test_fold_is_the_transpose_of_taking_windows(window: Window) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, *window.image))
    g = rng.standard_normal((2, window.positions, window.size))
    folded = fold_windows(g, window)
    assert folded.shape == x.shape
    # Sums of at most a few hundred float64 products of order 1.
    np.testing.assert_allclose((take_windows(x, window) * g).sum(), (x * folded).sum(), rtol=0, atol=1e-11)
    # And for whole numbers exactly, element by element.
    ones = np.ones((1, window.positions, window.size))
    seen = np.zeros((1, *window.image))
    for k in range(window.elements):
        unit = np.zeros(window.elements)
        unit[k] = 1
        seen.ravel()[k] = take_windows(unit.reshape(seen.shape), window).sum()
    np.testing.assert_array_equal(fold_windows(ones, window), seen)


@given(windows())
@quick
def test_onnx_bodies_give_what_the_machine_gives(window: Window) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, *window.image)).astype(np.float32)
    g = rng.standard_normal((2, window.positions, window.size)).astype(np.float32)
    np.testing.assert_array_equal(_call("windows", window, x), take_windows(x, window))
    # Sums of at most nine float32 numbers of order 1 in some order.
    np.testing.assert_allclose(_call("fold", window, g), fold_windows(g, window), rtol=1e-5, atol=2e-6)


def _call(name: str, window: Window, operand: np.ndarray) -> np.ndarray:
    """Run one of the functions in ONNX Runtime."""
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(["n", *operand.shape[1:]]))
    node = ir.node(f"{name}_{window.name}", [x], {"window": list(window.numbers)}, domain=DOMAIN)
    node.outputs[0].name, node.outputs[0].type = "y", ir.TensorType(ir.DataType.FLOAT)
    model = ir.Model(ir.Graph([x], node.outputs, nodes=[node], opset_imports={"": 21}, name="g"), ir_version=10)
    add_window_functions(model, [window])
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": operand})
    return np.asarray(result)


@given(windows())
@quick
def test_rows_needed_and_done_are_those_that_a_plain_loop_finds(window: Window) -> None:
    height = window.image[1]
    top, reach = window.pads[0], window.dilations[0]

    def seen(row: int) -> set[int]:
        rows = {row * window.strides[0] - top + i * reach for i in range(window.kernel[0])}
        return {y for y in rows if 0 <= y < height}

    for row in range(window.out[0]):
        needed = window.rows_needed(row)
        assert 0 <= needed <= height
        assert needed >= max(seen(row), default=-1) + 1, "what the windows of a row see is there"
        # Only a row that lies before the last tap, and that no tap of this row hits, may be asked for in vain.
        assert row == 0 or needed >= window.rows_needed(row - 1)
        last = row * window.strides[0] - top + (window.kernel[0] - 1) * reach
        assert needed == min(max(last + 1, 0), height)
        later = {y for later in range(row + 1, window.out[0]) for y in seen(later)}
        done = window.rows_done(row)
        assert 0 <= done <= height
        assert not any(y < done for y in later), "no later window reaches what is done"
    assert window.rows_done(window.out[0] - 1) == height


@given(windows())
@quick
def test_geometry_survives_its_numbers(window: Window) -> None:
    table = np.array([window.numbers], WINDOW)
    assert Window.of(table[0]) == window == Window.of(window.numbers)
    assert (window.positions, window.size) == plain_windows(np.zeros(window.image), window).shape


@given(windows(), windows())
@quick
def test_names_tell_geometries_apart(one: Window, other: Window) -> None:
    assert (one.name == other.name) == (one == other)
    assert one.name.replace("_", "").isalnum()
