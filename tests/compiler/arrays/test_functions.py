"""The reference bodies of the array operators, alone and inside a loop."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ohmflow.compiler.arrays import inline_reference
from ohmflow.compiler.arrays.functions import add_array_functions

Run = Callable[[onnx.ModelProto | ir.Model, Mapping[str, Any]], list[np.ndarray]]

rng = np.random.default_rng(1)


def with_functions(body: str) -> ir.Model:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21, "ohmflow" : 1]>\n{body}')
    model = ir.from_proto(proto)
    add_array_functions(model, {"mvm", "mvm_t", "update"})
    return model


@pytest.mark.parametrize("leading", [(4,), (4, 2), (4, 2, 3)])
def test_bodies_mean_what_their_names_say(run: Run, leading: tuple[int, ...]) -> None:
    dims = ",".join(map(str, leading))
    model = with_functions(f"""g (float[{dims},3] x, float[{dims},2] d, float[3,2] w, float lr)
      => (float[{dims},2] y, float[{dims},3] z, float[3,2] n)
      {{ y = ohmflow.mvm<array="w", site=0>(x, w)  z = ohmflow.mvm_t<array="w", site=0>(d, w)
        n = ohmflow.update<array="w", site=0>(w, x, d, lr) }}""")
    x, d = (rng.normal(size=(*leading, length)).astype(np.float32) for length in (3, 2))
    w = rng.normal(size=(3, 2)).astype(np.float32)
    feeds = {"x": x, "d": d, "w": w, "lr": np.array(0.5, np.float32)}
    expected = [x @ w, d @ w.T, w - 0.5 * x.reshape(-1, 3).T @ d.reshape(-1, 2)]
    plain = inline_reference(model)
    assert not plain.functions and {node.domain for node in plain.graph} == {""}
    assert dict(plain.opset_imports) == {"": 21}
    for spelling in (model, plain):
        for result, value in zip(run(spelling, feeds), expected, strict=True):
            np.testing.assert_allclose(result, value, rtol=1e-5, atol=1e-5)


def test_functions_inside_a_loop_are_inlined(run: Run) -> None:
    model = with_functions("""g (float[2,3] x, float[3,3] w, int64 n) => (float[2,3] y)
      { go = Constant<value=bool {1}>()  a = ohmflow.mvm<array="w", site=0>(x, w)
        y = Loop<body = step (int64 i, bool c, float[2,3] h) => (bool c_out, float[2,3] h_out) {
          c_out = Identity(c)  t = ohmflow.mvm<array="w", site=1>(h, w)
          u = ohmflow.mvm_t<array="w", site=2>(t, w)  h_out = Tanh(u) }>(n, go, a) }""")
    plain = inline_reference(model)
    assert all(node.domain == "" for node in plain.graph.all_nodes())
    x, w = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    expected = x @ w
    for _ in range(3):
        expected = np.tanh(expected @ w @ w.T)
    (result,) = run(plain, {"x": x, "w": w, "n": np.array(3)})
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
