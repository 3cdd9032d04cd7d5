"""Small networks with branches, as ONNX text."""

from tests.compiler.autodiff.test_gradients import drawn, literal, rows, stored


def normalisation(name: str, channels: int, seed: int) -> str:
    """Parameters and running statistics of one BatchNormalization."""
    ones = literal(drawn(seed, channels) * 0 + 1)
    return (
        f"{stored(f'{name}s', seed, (channels,))}, {stored(f'{name}b', seed + 1, (channels,))}, "
        f"{stored(f'{name}m', seed + 2, (channels,))}, float[{channels}] {name}v = {ones}"
    )


RESIDUAL = f"""g (float{rows(2, 4, 4)} x) => (float{rows(3)} y)
  <{stored("w1", 1, (2, 2, 3, 3))}, {normalisation("n1", 2, 2)}, {stored("w2", 5, (2, 1, 3, 3))},
  {stored("c2", 6, (2,))}, {normalisation("n2", 2, 7)},
  {stored("w3", 10, (2, 2, 1, 1))}, {stored("w4", 11, (4, 3))}, {stored("b4", 12, (3,))}>
  {{ a = Conv<auto_pad="SAME_UPPER">(x, w1)  b = BatchNormalization(a, n1s, n1b, n1m, n1v)  c = Relu(b)
    d = Conv<group=2, pads=[1,1,1,1]>(c, w2, c2)  e = BatchNormalization<epsilon=0.001>(d, n2s, n2b, n2m, n2v)
    short = Conv(x, w3)  f = Add(e, short)  h = Relu(f)
    p = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,0,0]>(h)
    q = AveragePool<kernel_shape=[2,2], strides=[2,2]>(h)  r = Concat<axis=1>(p, q)
    t = GlobalAveragePool(r)  u = Flatten(t)  y = Gemm(u, w4, b4) }}"""
"""Two convolutions with batch statistics beside a projected shortcut, then two pools side by side."""
CONVOLUTIONS = ("Conv.a", "Conv.d", "Conv.short")

BRANCHES = f"""g (float{rows(3)} x) => (float{rows(4)} y)
  <{stored("w1", 1, (3, 4))}, {stored("w2", 2, (4, 4))}, {stored("s", 3, (4,))}, {stored("w3", 4, (8, 4))}>
  {{ a = MatMul(x, w1)  b = Tanh(a)  c = MatMul(b, w2)  d = Add(c, b)  e = Relu(d)  f = Mul(b, s)
    h = Concat<axis=1>(e, f)  i = MatMul(h, w3)  y = Add(i, a) }}"""
"""A residual perceptron whose branches are joined; every matrix is an array."""
