"""A digital segment whose arrays stay where they are from call to call: ONNX Runtime is told of them once.

Handing arrays over takes longer than computing a few thousand elements does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Values = tuple[NDArray[Any], ...]


class BoundSegment:
    """A session with arrays of one shape.

    An input is taken from where it was given first, as long as it is given from there; one that comes from elsewhere
    is copied to a place of its own from then on. Results are overwritten by the next call.

    Args:
        session: of the segment.
        inputs: names of its inputs.
        outputs: names of its outputs.
        given: inputs of the first call.
        made: what it gave for them: shapes and types of the results.

    Attributes:
        results: the outputs, in order.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        inputs: Sequence[str],
        outputs: Sequence[str],
        given: Sequence[NDArray[Any]],
        made: Sequence[NDArray[Any]],
    ) -> None:
        self._session = session
        self._names = tuple(inputs)
        self._binding = session.io_binding()
        self._held: list[NDArray[Any]] = list(given)
        self._own = [not (value.flags.c_contiguous and value.flags.aligned) for value in given]
        for k, own in enumerate(self._own):
            if own:
                self._held[k] = given[k].copy()
            self._bind(k)
        self.results: Values = tuple(np.array(value) for value in made)
        for name, value in zip(outputs, self.results, strict=True):
            self._binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))

    def _bind(self, k: int) -> None:
        value = onnxruntime.OrtValue.ortvalue_from_numpy(self._held[k])
        self._binding.bind_ortvalue_input(self._names[k], value)

    def __call__(self, given: Sequence[NDArray[Any]]) -> bool:
        """Run it on inputs of the shapes and types of the first call, which sets `results`.

        Args:
            given: inputs.

        Returns:
            False if their shapes or types are others; then nothing was done.
        """
        for k, value in enumerate(given):
            held = self._held[k]
            if value is not held:
                if type(value) is not np.ndarray or value.shape != held.shape or value.dtype != held.dtype:
                    return False
                if self._own[k]:
                    np.copyto(held, value)
                else:
                    self._own[k] = True
                    self._held[k] = value.copy(order="C")
                    self._bind(k)
        self._session.run_with_iobinding(self._binding)
        return True
