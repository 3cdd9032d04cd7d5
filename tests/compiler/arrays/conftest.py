from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

Run = Callable[[onnx.ModelProto | ir.Model, Mapping[str, Any]], list[np.ndarray]]


def run(model: onnx.ModelProto | ir.Model, feeds: Mapping[str, Any]) -> list[np.ndarray]:
    proto = model if isinstance(model, onnx.ModelProto) else ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    results: list[np.ndarray] = ort.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    ).run(None, dict(feeds))
    return results


@pytest.fixture(name="run", scope="session")
def run_fixture() -> Run:
    return run
