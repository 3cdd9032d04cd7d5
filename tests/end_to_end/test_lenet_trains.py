"""LeNet-5 learns Fashion-MNIST on the ideal chip as well as in float32.

The float32 run is the oracle's, with the same images in the same batches in the same order. Rounding differs, and
training makes differences larger, so the two nets are compared by what they classify.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from threadpoolctl import threadpool_limits

from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSource, load_data
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end import lenet_oracle as oracle

MODEL = Path(__file__).parents[2] / "examples" / "models" / "lenet5.onnx"
IMAGES = Path("/usr/share/datasets/fashion-mnist")
Z_95 = 1.960
"""Two-sided quantile of the normal distribution."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IMAGES.is_dir(), reason=f"needs {IMAGES}, of Debian's package dataset-fashion-mnist"),
]


def predictions(model: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.int64]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": x})[0].argmax(axis=1)


def test_lenet_on_the_ideal_chip_classifies_as_well_as_in_float32() -> None:
    """No evidence at 95 % that either is better (McNemar's paired test), on 10,000 test images."""
    chip = load("ideal")
    program = compile_model(MODEL, chip)
    arguments = program.entries["train_step"].arguments
    data = load_data(DataSource(str(IMAGES), val=0.0, limit=6000), inputs=arguments[:1])
    assert isinstance(data.train.x, np.ndarray) and isinstance(data.test.x, np.ndarray)
    assert data.train.x.shape == (6000, 1, 28, 28) and len(data.test) == 10_000
    run = train(program, chip, data, TrainOptions(epochs=2, batch=8, lr=0.05, seed=4))

    p = {t.name: numpy_helper.to_array(t) for t in onnx.load(MODEL).graph.initializer}
    with threadpool_limits(1):  # threads wait for each other longer than products of this size take
        for epoch in (1, 2):
            p = oracle.epoch_of_steps(p, data.train.x, data.train.y, 0.05, 8, 4, epoch)
        theirs = oracle.predictions(p, data.test.x) == data.test.y

    ours = predictions(run.model, data.test.x) == data.test.y
    assert theirs.mean() > 0.7, "the oracle must have learnt for the comparison to mean anything"
    only_ours, only_theirs = int(np.sum(ours & ~theirs)), int(np.sum(theirs & ~ours))
    assert abs(only_ours - only_theirs) <= Z_95 * np.sqrt(only_ours + only_theirs)
    assert run.summary["test_accuracy"][-1] == pytest.approx(ours.mean(), abs=1e-9)
    # What is read on the chip and what is exported differ in rounding alone; 10 images in 10,000 are generous.
    assert run.summary["test_accuracy_analog"][-1] == pytest.approx(ours.mean(), abs=1e-3)
