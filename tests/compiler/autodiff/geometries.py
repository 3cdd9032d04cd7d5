"""Random windows: attributes of Conv and pools that fit an input."""

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Slide:
    """Lengths of the input and the attributes of a window that fits it."""

    lengths: tuple[int, ...]
    kernel: tuple[int, ...]
    attributes: str
    dilated: bool


@st.composite
def slides(draw: st.DrawFn, pool: bool, ranks: tuple[int, ...] = (1, 2)) -> Slide:
    rank = draw(st.sampled_from(ranks))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    widest = 1 if mode.startswith("SAME") else 2  # ONNX Runtime does not combine SAME and dilations
    # A pool with SAME whose windows leave gaps is refused.
    strides = [draw(st.integers(1, k if pool and mode.startswith("SAME") else 3)) for k in kernel]
    dilations = [draw(st.integers(1, widest)) for _ in range(rank)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
    lengths = []
    for axis in range(rank):
        padded = 0 if mode != "NOTSET" else pads[axis] + pads[axis + rank]
        lengths.append(draw(st.integers(max(1, reach[axis] - padded), max(1, reach[axis] - padded) + 4)))
    said = {"kernel_shape": list(kernel), "strides": strides}
    if max(dilations) > 1:
        said["dilations"] = dilations
    text = [f"{name}={values}" for name, values in said.items()]
    text.append(f"pads={pads}" if mode == "NOTSET" else f'auto_pad="{mode}"')
    if pool:
        text.append(f"ceil_mode={draw(st.integers(0, 1))}")
    return Slide(tuple(lengths), kernel, ", ".join(text), max(dilations) > 1)
