"""Wrong inputs to the shell: each case prepares files in an empty folder and returns the words of a command.

What must come out is in tests/golden/errors/<case>.txt.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.end_to_end.models import DIGITS_MLP, Layer, network

Words = list[Any]
CASES: dict[str, Callable[[Path], Words]] = {}


def case(make: Callable[[Path], Words]) -> Callable[[Path], Words]:
    """Register a case under its function's name."""
    CASES[make.__name__] = make
    return make


def small(folder: Path, *, outputs: int = 3) -> Path:
    return network(4, Layer("gemm", 6), Layer("relu"), Layer("gemm", outputs)).write(folder / "small.onnx")


def rows(folder: Path, **arrays: Any) -> Path:
    draws = np.random.default_rng(0)
    given = {"x": draws.random((20, 4), np.float32), "y": draws.integers(0, 3, 20)} | arrays
    np.savez(folder / "data.npz", **{name: value for name, value in given.items() if value is not None})
    return folder / "data.npz"


def train(folder: Path, *more: Any, target: str = "ideal", model: Path | None = None, data: Any = None) -> Words:
    """A sound training of the small model, but for what is given."""
    return [
        *(
            "train",
            model or small(folder),
            "-t",
            target,
            "--data",
            data or rows(folder),
            "-o",
            folder / "run",
            "--json",
        ),
        *more,
    ]


# Models ---------------------------------------------------------------------------------------------------------------


@case
def model_missing(folder: Path) -> Words:
    return train(folder, model=folder / "absent.onnx")


@case
def model_is_text(folder: Path) -> Words:
    (folder / "notes.onnx").write_text("this is not a model\n")
    return train(folder, model=folder / "notes.onnx")


@case
def model_is_empty(folder: Path) -> Words:
    (folder / "empty.onnx").write_bytes(b"")
    return train(folder, model=folder / "empty.onnx")


@case
def model_is_truncated(folder: Path) -> Words:
    file = small(folder)
    file.write_bytes(file.read_bytes()[:200])
    return train(folder, model=file)


@case
def model_is_a_folder(folder: Path) -> Words:
    return ["compile", folder, "-t", "ideal", "-o", folder / "program"]


def external(folder: Path, **entries: str) -> Path:
    """The small model with the numbers of its first weight in a file."""
    file = small(folder)
    proto = onnx.load(file)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    file.write_bytes(proto.SerializeToString())
    return file


@case
def model_whose_external_data_are_missing(folder: Path) -> Words:
    return train(folder, model=external(folder, location="weights.bin"))


@case
def model_whose_external_data_lie_outside_its_folder(folder: Path) -> Words:
    (folder / "models").mkdir()
    (folder / "weights.bin").write_bytes(bytes(96))
    return train(folder, model=external(folder / "models", location="../weights.bin"))


@case
def model_whose_external_data_are_a_link_to_outside(folder: Path) -> Words:
    (folder / "models").mkdir()
    (folder / "weights.bin").write_bytes(bytes(96))
    (folder / "models" / "link.bin").symlink_to("../weights.bin")
    return train(folder, model=external(folder / "models", location="link.bin"))


@case
def model_whose_external_data_are_too_short(folder: Path) -> Words:
    (folder / "weights.bin").write_bytes(bytes(50))
    return train(folder, model=external(folder, location="weights.bin", offset="0", length="96"))


@case
def model_whose_external_data_begin_nowhere(folder: Path) -> Words:
    (folder / "weights.bin").write_bytes(bytes(96))
    return train(folder, model=external(folder, location="weights.bin", offset="-4"))


def graph(folder: Path, body: str) -> Path:
    """A model from ONNX's text."""
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 21]>{body}')
    (folder / "graph.onnx").write_bytes(proto.SerializeToString())
    return folder / "graph.onnx"


@case
def model_with_several_unsupported_operators(folder: Path) -> Words:
    body = "g (float[n,4] x) => (float[n,4] y) { a = Celu(x)  b = Mish(a)  c = Softsign(b)  y = EyeLike(c) }"
    return train(folder, model=graph(folder, body))


@case
def model_whose_operands_do_not_fit(folder: Path) -> Words:
    body = "g (float[n,4] x) => (float[n,3] y) <float[5,3] w = {" + ", ".join(["1.0"] * 15) + "}> { y = MatMul(x, w) }"
    return train(folder, model=graph(folder, body))


@case
def model_whose_tensor_has_other_bytes_than_its_shape(folder: Path) -> Words:
    file = small(folder)
    proto = onnx.load(file)
    proto.graph.initializer[0].dims[:] = [6, 40]
    file.write_bytes(proto.SerializeToString())
    return train(folder, model=file)


@case
def model_with_a_line_break_in_a_name(folder: Path) -> Words:
    file = small(folder)
    proto = onnx.load(file)
    proto.graph.node[0].name = "first\nlayer"
    file.write_bytes(proto.SerializeToString())
    return train(folder, model=file)


@case
def model_with_a_constant_of_gigabytes(folder: Path) -> Words:
    body = (
        "g (float[n,4] x) => (float[n,4] y) <int64[2] s = {70000, 70000}> "
        "{ c = ConstantOfShape(s)  m = ReduceMean(c)  y = Add(x, m) }"
    )
    return train(folder, model=graph(folder, body))


@case
def model_of_half_floats(folder: Path) -> Words:
    body = "g (float16[n,4] x) => (float16[n,4] y) { y = Relu(x) }"
    return train(folder, model=graph(folder, body))


@case
def model_with_unsupported_operator(folder: Path) -> Words:
    graph = helper.make_graph(
        [helper.make_node("Hardmax", ["x"], ["h"], "winner"), helper.make_node("MatMul", ["h", "w"], ["y"], "product")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.ones((4, 3), np.float32), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), folder / "hard.onnx")
    return train(folder, model=folder / "hard.onnx")


@case
def model_with_nan_in_its_weights(folder: Path) -> Words:
    net = network(4, Layer("gemm", 3))
    tensor = net.proto.graph.initializer[0]
    values = numpy_helper.to_array(tensor).copy()
    values[1, 2] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return train(folder, model=net.write(folder / "nan.onnx"))


@case
def model_with_infinity_in_its_weights(folder: Path) -> Words:
    net = network(4, Layer("gemm", 3))
    tensor = net.proto.graph.initializer[1]
    values = numpy_helper.to_array(tensor).copy()
    values[2] = -np.inf
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return train(folder, model=net.write(folder / "infinite.onnx"))


@case
def model_with_two_inputs(folder: Path) -> Words:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "z"], ["s"], "sum"), helper.make_node("MatMul", ["s", "w"], ["y"], "product")],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "z")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.ones((4, 3), np.float32), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), folder / "two.onnx")
    return train(folder, model=folder / "two.onnx")


# Targets --------------------------------------------------------------------------------------------------------------


@case
def target_unknown(folder: Path) -> Words:
    return train(folder, target="protonic-pgs")


@case
def target_file_missing(folder: Path) -> Words:
    return train(folder, target=str(folder / "absent.yaml"))


@case
def target_with_three_mistakes(folder: Path) -> Words:
    (folder / "mine.yaml").write_text(
        "name: mine\nsummary: A test\nextends: protonic-psg\n"
        "tile:\n  adc: {energy: 15 aW}\n  crossbar: {rows: many}\nchip:\n  clok: 1 GHz\n"
    )
    return ["targets", "check", folder / "mine.yaml"]


@case
def target_of_a_run_with_three_mistakes(folder: Path) -> Words:
    target_with_three_mistakes(folder)
    return train(folder, target=str(folder / "mine.yaml"))


@case
def target_that_extends_a_file_of_another_kind(folder: Path) -> Words:
    (folder / "mine.yaml").write_text("name: mine\nsummary: A test\nextends: ../notes.txt\n")
    return train(folder, target=str(folder / "mine.yaml"))


@case
def target_nested_without_end(folder: Path) -> Words:
    (folder / "mine.yaml").write_text("name: mine\nsummary: " + "[" * 30_000)
    return train(folder, target=str(folder / "mine.yaml"))


@case
def set_without_value(folder: Path) -> Words:
    return train(folder, "--set", "tile.crossbar.rows")


@case
def set_unknown_path(folder: Path) -> Words:
    return train(folder, "--set", "tile.crosbar.rows=64")


@case
def set_wrong_value(folder: Path) -> Words:
    return train(folder, "--set", "tile.crossbar.rows=-3")


@case
def set_nonsense(folder: Path) -> Words:
    return train(folder, "--set", "..=[{")


# Data -----------------------------------------------------------------------------------------------------------------


@case
def data_missing(folder: Path) -> Words:
    return train(folder, data=folder / "absent.npz")


@case
def data_is_a_folder(folder: Path) -> Words:
    return train(folder, data=folder)


@case
def data_is_text(folder: Path) -> Words:
    (folder / "data.txt").write_text("1,2\n")
    return train(folder, data=folder / "data.txt")


@case
def data_is_one_array(folder: Path) -> Words:
    np.save(folder / "x.npy", np.ones((3, 4)))
    return train(folder, data=folder / "x.npy")


@case
def data_without_y(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=None))


@case
def data_with_pickles(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.array([{}] * 20, object)))


@case
def data_x_and_y_of_other_lengths(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.zeros(19, np.int64)))


@case
def data_y_is_one_number(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.int64(3)))


@case
def data_x_without_rows(folder: Path) -> Words:
    return train(folder, data=rows(folder, x=np.zeros((0, 4), np.float32), y=np.zeros(0, np.int64)))


@case
def data_of_the_wrong_width(folder: Path) -> Words:
    return train(folder, data=rows(folder, x=np.ones((20, 5), np.float32)))


@case
def data_of_text(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.array(["a"] * 20)))


@case
def data_with_labels_out_of_range(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.arange(20) % 4))


@case
def data_with_negative_labels(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.arange(20) % 4 - 1))


@case
def data_with_labels_that_are_not_whole(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.full(20, 0.5)))


@case
def data_with_one_hot_labels(folder: Path) -> Words:
    return train(folder, data=rows(folder, y=np.eye(3, dtype=np.int64)[np.arange(20) % 3]))


@case
def data_with_nan(folder: Path) -> Words:
    x = np.ones((20, 4), np.float32)
    x[7, 2] = np.nan
    return train(folder, data=rows(folder, x=x))


@case
def data_with_infinity(folder: Path) -> Words:
    x = np.ones((20, 4), np.float32)
    x[7, 2] = np.inf
    return train(folder, data=rows(folder, x=x))


@case
def data_beyond_float32(folder: Path) -> Words:
    x = np.ones((20, 4))
    x[3, 1] = 1e300
    return train(folder, data=rows(folder, x=x))


@case
def data_x_test_without_y_test(folder: Path) -> Words:
    return train(folder, data=rows(folder, x_test=np.ones((2, 4), np.float32)))


@case
def shares_that_leave_nothing(folder: Path) -> Words:
    return train(folder, "--val", "0.5", "--test", "0.5")


@case
def share_above_one(folder: Path) -> Words:
    return train(folder, "--test", "1.5")


@case
def data_of_one_row_all_tested(folder: Path) -> Words:
    one = {"x": np.ones((1, 4), np.float32), "y": np.zeros(1, np.int64)}
    return train(folder, "--test", "0.9", "--val", "0", data=rows(folder, **one))


# Options --------------------------------------------------------------------------------------------------------------


@case
def epochs_zero(folder: Path) -> Words:
    return train(folder, "--epochs", "0")


@case
def epochs_not_a_number(folder: Path) -> Words:
    return train(folder, "--epochs", "many")


@case
def batch_zero(folder: Path) -> Words:
    return train(folder, "--batch", "0")


@case
def lr_negative(folder: Path) -> Words:
    return train(folder, "--lr", "-1")


@case
def lr_nan(folder: Path) -> Words:
    return train(folder, "--lr", "nan")


@case
def seed_negative(folder: Path) -> Words:
    return train(folder, "--seed", "-1")


@case
def seed_beyond_64_bits(folder: Path) -> Words:
    return train(folder, "--seed", str(2**64))


@case
def update_at_unknown(folder: Path) -> Words:
    return train(folder, "--update-at", "epoch")


@case
def loss_unknown(folder: Path) -> Words:
    return train(folder, "--loss", "hinge")


@case
def rule_unknown(folder: Path) -> Words:
    return train(folder, "--rule", "sgdm")


@case
def optimizer_unknown(folder: Path) -> Words:
    return train(folder, "--optimizer", "lion")


@case
def placer_unknown(folder: Path) -> Words:
    return train(folder, "--placer", "snek", target="rpu-2016")


@case
def placer_unknown_on_ideal(folder: Path) -> Words:
    return train(folder, "--placer", "snek")


@case
def packing_unknown(folder: Path) -> Words:
    return train(folder, "--packing", "shared")


@case
def weight_scaling_unknown(folder: Path) -> Words:
    return train(folder, "--weight-scaling", "most")


@case
def weight_fill_out_of_range(folder: Path) -> Words:
    return train(folder, "--weight-fill", "1.5")


@case
def weight_alpha_zero(folder: Path) -> Words:
    return train(folder, "--weight-scaling", "fixed", "--weight-alpha", "0")


@case
def option_unknown(folder: Path) -> Words:
    return train(folder, "--epoch", "3")


@case
def command_unknown(folder: Path) -> Words:
    return ["trian"]


@case
def data_option_missing(folder: Path) -> Words:
    return ["train", small(folder), "-t", "ideal", "-o", folder / "run"]


@case
def target_option_missing(folder: Path) -> Words:
    return ["train", small(folder), "--data", rows(folder), "-o", folder / "run"]


@case
def output_option_missing(folder: Path) -> Words:
    return ["train", small(folder), "-t", "ideal", "--data", rows(folder)]


@case
def model_argument_missing(folder: Path) -> Words:
    return ["train", "-t", "ideal", "--data", rows(folder), "-o", folder / "run"]


@case
def lr_schedule_unknown(folder: Path) -> Words:
    return train(folder, "--lr-schedule", "cosinus")


@case
def lr_schedule_without_epochs(folder: Path) -> Words:
    return train(folder, "--lr-schedule", "steps:0.1")


@case
def lr_schedule_with_a_negative_factor(folder: Path) -> Words:
    return train(folder, "--lr-schedule", "steps:-0.1@10")


@case
def lr_schedule_that_falls(folder: Path) -> Words:
    return train(folder, "--lr-schedule", "steps:0.1@20,10")


@case
def lr_schedule_with_a_value_too_many(folder: Path) -> Words:
    return train(folder, "--lr-schedule", "cosine:0.1")


@case
def normalize_unknown(folder: Path) -> Words:
    return train(folder, "--normalize", "minmax")


@case
def init_unknown(folder: Path) -> Words:
    return train(folder, "--init", "kaimin")


@case
def init_of_a_program(folder: Path) -> Words:
    return train(folder, "--init", "kaiming", model=program(folder))


@case
def init_seed_negative(folder: Path) -> Words:
    return train(folder, "--init", "kaiming", "--init-seed", "-1")


@case
def eval_every_zero(folder: Path) -> Words:
    return train(folder, "--eval-every", "0")


@case
def patience_zero(folder: Path) -> Words:
    return train(folder, "--patience", "0")


@case
def checkpoint_every_zero(folder: Path) -> Words:
    return train(folder, "--checkpoint-every", "0")


@case
def limit_zero(folder: Path) -> Words:
    return train(folder, "--limit", "0")


@case
def limit_test_negative(folder: Path) -> Words:
    return train(folder, "--limit-test", "-5")


# Tables and IDX files -------------------------------------------------------------------------------------------------


def table(folder: Path, text: str) -> Path:
    (folder / "data.csv").write_text(text)
    return folder / "data.csv"


@case
def csv_with_text_in_a_row(folder: Path) -> Words:
    return train(folder, data=table(folder, "a,b,c,d,label\n1,2,3,4,0\n1,2,x,4,1\n"))


@case
def csv_with_a_short_row(folder: Path) -> Words:
    return train(folder, data=table(folder, "1,2,3,4,0\n1,2,3,1\n"))


@case
def csv_without_rows(folder: Path) -> Words:
    return train(folder, data=table(folder, "a,b,c,d,label\n"))


@case
def csv_with_semicolons(folder: Path) -> Words:
    return train(folder, data=table(folder, "1;2;3;4;0\n1;2;3;4;1\n"))


@case
def csv_that_is_no_text(folder: Path) -> Words:
    (folder / "data.csv").write_bytes(b"\xff\xfe\x00,")
    return train(folder, data=folder / "data.csv")


@case
def csv_missing(folder: Path) -> Words:
    return train(folder, data=folder / "absent.csv")


@case
def label_unknown(folder: Path) -> Words:
    return train(folder, "--label", "clas", data=table(folder, "a,b,c,d,class\n1,2,3,4,0\n"))


@case
def label_of_an_archive(folder: Path) -> Words:
    return train(folder, "--label", "class")


def idx(folder: Path, name: str = "", content: bytes = b"") -> Path:
    """A sound folder of four images of 2 × 2 pixels, but for one file."""
    (folder / "idx").mkdir()
    images = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (4, 2, 2)) + bytes(16)
    labels = b"\0\0\x08\x01" + (4).to_bytes(4, "big") + bytes(4)
    for part in ("train", "t10k"):
        (folder / "idx" / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / "idx" / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    if name:
        (folder / "idx" / name).write_bytes(content)
    return folder / "idx"


@case
def idx_file_missing(folder: Path) -> Words:
    (idx(folder) / "t10k-labels-idx1-ubyte").unlink()
    return train(folder, data=folder / "idx")


@case
def idx_file_of_another_kind(folder: Path) -> Words:
    return train(folder, data=idx(folder, "train-images-idx3-ubyte", b"\x89PNG...."))


@case
def idx_file_cut_short(folder: Path) -> Words:
    return train(folder, data=idx(folder, "t10k-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x04\0\0"))


@case
def idx_file_with_damaged_compression(folder: Path) -> Words:
    place = idx(folder, "train-labels-idx1-ubyte.gz", b"\x1f\x8b\x08\0 damaged")
    (place / "train-labels-idx1-ubyte").unlink()
    return train(folder, data=place)


@case
def idx_images_of_another_size(folder: Path) -> Words:
    net = network(5, Layer("gemm", 3)).write(folder / "five.onnx")
    return train(folder, "--val", "0", data=idx(folder), model=net)


# Resumption -----------------------------------------------------------------------------------------------------------


def finished(folder: Path) -> Path:
    """The folder of a sound run of one epoch."""
    from ohmflow.compiler.compile import compile_model
    from ohmflow.runtime.training.api import train as train_program
    from ohmflow.targets.registry import load

    target = load("ideal")
    train_program(compile_model(small(folder), target), target, str(rows(folder)), folder=folder / "run")
    return folder / "run"


@case
def resume_missing(folder: Path) -> Words:
    return ["train", "--resume", folder / "absent"]


@case
def resume_some_folder(folder: Path) -> Words:
    return ["train", "--resume", folder]


@case
def resume_a_start_that_was_killed(folder: Path) -> Words:
    (folder / "run" / ".starting").mkdir(parents=True)
    return ["train", "--resume", folder / "run"]


@case
def resume_with_another_rate(folder: Path) -> Words:
    return ["train", "--resume", folder, "--lr", "0.5"]


@case
def resume_with_a_model(folder: Path) -> Words:
    return ["train", small(folder), "--resume", folder]


@case
def resume_with_a_damaged_record(folder: Path) -> Words:
    (finished(folder) / "run.json").write_text('{"format_version": 1, "ohmflow"')
    return ["train", "--resume", folder / "run"]


@case
def resume_with_a_record_that_lacks_something(folder: Path) -> Words:
    (finished(folder) / "run.json").write_text('{"format_version": 1, "ohmflow": "0"}')
    return ["train", "--resume", folder / "run"]


@case
def resume_with_a_record_of_another_version(folder: Path) -> Words:
    (finished(folder) / "run.json").write_text('{"format_version": 7}')
    return ["train", "--resume", folder / "run"]


@case
def resume_with_damaged_checkpoints(folder: Path) -> Words:
    for file in (finished(folder) / "checkpoints").iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    return ["train", "--resume", folder / "run"]


@case
def resume_with_a_checkpoint_that_is_none(folder: Path) -> Words:
    import safetensors.numpy

    for file in (finished(folder) / "checkpoints").iterdir():
        safetensors.numpy.save_file({"w": np.zeros(3)}, file)
    return ["train", "--resume", folder / "run"]


@case
def resume_with_other_data(folder: Path) -> Words:
    finished(folder)
    rows(folder, x=np.ones((20, 4), np.float32))
    return ["train", "--resume", folder / "run"]


@case
def resume_without_its_data(folder: Path) -> Words:
    finished(folder)
    (folder / "data.npz").unlink()
    return ["train", "--resume", folder / "run"]


@case
def resume_with_fewer_epochs(folder: Path) -> Words:
    return ["train", "--resume", finished(folder), "--epochs", "0"]


@case
def resume_with_a_changed_program(folder: Path) -> Words:
    file = finished(folder) / "program" / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return ["train", "--resume", folder / "run"]


@case
def resume_with_a_changed_target(folder: Path) -> Words:
    file = finished(folder) / "target.yaml"
    file.write_text(file.read_text().replace("name: ideal", "name: other"))
    return ["train", "--resume", folder / "run"]


# Folders --------------------------------------------------------------------------------------------------------------


@case
def output_not_empty(folder: Path) -> Words:
    (folder / "run").mkdir()
    (folder / "run" / "notes.txt").write_text("mine")
    return train(folder)


@case
def output_holds_a_run(folder: Path) -> Words:
    finished(folder)
    return train(folder)


@case
def output_of_a_program_not_empty(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal", "-o", program(folder)]


def full(folder: Path, name: str) -> Path:
    """A folder in which one file is on a full disk."""
    (folder / "out").mkdir()
    (folder / "out" / name).symlink_to("/dev/full")
    return folder / "out"


@case
def no_space_for_a_program(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal", "-o", full(folder, "weights.safetensors"), "--overwrite"]


@case
def no_space_for_tile_ir(folder: Path) -> Words:
    file = full(folder, "small.mlir") / "small.mlir"
    return ["compile", small(folder), "-t", "ideal", "--emit", "tile-ir", "-o", file]


@case
def no_space_for_outputs(folder: Path) -> Words:
    words = run(folder, x=np.ones((2, 4), np.float32))
    return [*words, "--overwrite", "-o", full(folder, ".outputs.npz.part")]


@case
def explain_with_an_output(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal", "--explain", "-o", folder / "program"]


@case
def output_is_a_file(folder: Path) -> Words:
    (folder / "run").write_text("mine")
    return train(folder)


@case
def output_under_a_file(folder: Path) -> Words:
    (folder / "file").write_text("mine")
    return [*train(folder), "-o", folder / "file" / "run"]


@case
def compile_without_output(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal"]


@case
def compile_program_to_a_file(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal", "-o", folder / "program.mlir"]


# What can not be done -------------------------------------------------------------------------------------------------


@case
def model_too_large(folder: Path) -> Words:
    changes = ("chip.mesh=1 x 1", "tile.crossbar.rows=64", "tile.crossbar.cols=64")
    return train(
        folder, *(w for c in changes for w in ("--set", c)), target="rpu-2016", model=DIGITS_MLP, data="digits"
    )


@case
def batch_too_large(folder: Path) -> Words:
    return train(folder, "--batch", "900", target="protonic-psg", model=DIGITS_MLP, data="digits")


@case
def training_that_diverges(folder: Path) -> Words:
    return train(folder, "--lr", "1e6", "--epochs", "9", model=DIGITS_MLP, data="digits")


@case
def mean_squared_error_of_classes(folder: Path) -> Words:
    return train(folder, "--loss", "mse")


# Programs and inference -----------------------------------------------------------------------------------------------


def program(folder: Path) -> Path:
    from ohmflow.compiler.compile import compile_model
    from ohmflow.compiler.program.storage import save_program
    from ohmflow.targets.registry import load

    save_program(compile_model(small(folder), load("ideal")), folder / "program")
    return folder / "program"


@case
def program_for_another_target(folder: Path) -> Words:
    return train(folder, target="rpu-2016", model=program(folder))


@case
def program_for_another_size_of_tile(folder: Path) -> Words:
    return train(folder, "--set", "tile.crossbar.rows=64", model=program(folder))


@case
def program_damaged(folder: Path) -> Words:
    file = program(folder) / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return train(folder, model=folder / "program")


@case
def program_without_a_file(folder: Path) -> Words:
    (program(folder) / "segments.onnx").unlink()
    return train(folder, model=folder / "program")


@case
def program_of_another_version(folder: Path) -> Words:
    manifest = program(folder) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": 99}))
    return train(folder, model=folder / "program")


@case
def program_is_some_folder(folder: Path) -> Words:
    (folder / "some").mkdir()
    return train(folder, model=folder / "some")


@case
def program_whose_manifest_lists_nothing(folder: Path) -> Words:
    manifest = program(folder) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"files": {}}))
    return train(folder, model=folder / "program")


@case
def program_with_other_compile_options(folder: Path) -> Words:
    return train(folder, "--loss", "mse", model=program(folder))


def run(folder: Path, **arrays: Any) -> Words:
    np.savez(folder / "inputs.npz", **arrays)
    return ["run", small(folder), "-t", "ideal", "--inputs", folder / "inputs.npz", "-o", folder / "out"]


@case
def inputs_with_a_wrong_name(folder: Path) -> Words:
    return run(folder, image=np.ones((2, 4), np.float32))


@case
def inputs_with_a_name_too_many(folder: Path) -> Words:
    return run(folder, x=np.ones((2, 4), np.float32), z=np.ones(2))


@case
def inputs_of_the_wrong_shape(folder: Path) -> Words:
    return run(folder, x=np.ones((2, 5), np.float32))


@case
def inputs_with_infinity(folder: Path) -> Words:
    return run(folder, x=np.array([[1, np.inf, 1, 1]], np.float32))


@case
def inputs_missing(folder: Path) -> Words:
    words = run(folder)
    (folder / "inputs.npz").unlink()
    return words


@case
def inputs_are_text(folder: Path) -> Words:
    words = run(folder)
    (folder / "inputs.npz").write_text("not an archive")
    return words


# Tile IR --------------------------------------------------------------------------------------------------------------


def text(folder: Path, tile_ir: str) -> Path:
    (folder / "t.mlir").write_text(tile_ir)
    return folder / "t.mlir"


SOUND = "builtin.module {\n}\n"


@case
def tile_ir_missing(folder: Path) -> Words:
    return ["opt", folder / "absent.mlir"]


@case
def tile_ir_wrong(folder: Path) -> Words:
    return ["opt", text(folder, "tile.state @a hidden : !tile.vec<4xf32>\ntile.state @b hidden : !tile.vec<4xf64>\n")]


@case
def tile_ir_not_text(folder: Path) -> Words:
    (folder / "t.mlir").write_bytes(b"\xff\xfe\x00")
    return ["opt", folder / "t.mlir"]


@case
def pass_unknown(folder: Path) -> Words:
    return ["opt", text(folder, SOUND), "-p", "dead-cod"]


@case
def pass_with_a_wrong_option(folder: Path) -> Words:
    return ["opt", text(folder, SOUND), "-p", "split-maps{where=backward}"]


@case
def pipeline_malformed(folder: Path) -> Words:
    return ["opt", text(folder, SOUND), "-p", "dead-code{"]


@case
def opt_output_under_a_file(folder: Path) -> Words:
    (folder / "file").write_text("mine")
    return ["opt", text(folder, SOUND), "-o", folder / "file" / "t.mlir"]


@case
def words_too_many(folder: Path) -> Words:
    return ["opt", text(folder, SOUND), "other.mlir"]


@case
def value_left_out(folder: Path) -> Words:
    return ["opt", text(folder, SOUND), "-p"]


@case
def emit_unknown(folder: Path) -> Words:
    return ["compile", small(folder), "-t", "ideal", "--emit", "verilog"]


@case
def subcommand_unknown(folder: Path) -> Words:
    return ["targets", "shwo", "ideal"]


@case
def seed_of_a_run_negative(folder: Path) -> Words:
    return [*run(folder, x=np.ones((2, 4), np.float32)), "--seed", "-1"]


# Estimates ------------------------------------------------------------------------------------------------------------


def estimate(folder: Path, *more: Any, target: str = "protonic-psg") -> Words:
    """A sound estimate of the small model, but for what is given."""
    return ["estimate", small(folder), "-t", target, *more]


@case
def assumption_unknown(folder: Path) -> Words:
    return estimate(folder, "--assume", "activty=0.5")


@case
def assumption_without_value(folder: Path) -> Words:
    return estimate(folder, "--assume", "activity")


@case
def assumption_out_of_range(folder: Path) -> Words:
    return estimate(folder, "--assume", "row-rate=1.5")


@case
def assumption_not_a_number(folder: Path) -> Words:
    return estimate(folder, "--assume", "train=long")


@case
def assumption_for_an_unknown_array(folder: Path) -> Words:
    return estimate(folder, "--assume", "train@w1=3")


@case
def phase_unknown(folder: Path) -> Words:
    return estimate(folder, "--phase", "backward")


@case
def batch_of_an_estimate_zero(folder: Path) -> Words:
    return estimate(folder, "--batch", "0")


@case
def batch_of_an_estimate_too_large(folder: Path) -> Words:
    return estimate(folder, "--batch", "10000000")


@case
def steps_negative(folder: Path) -> Words:
    return estimate(folder, "--steps", "-1")


@case
def counts_missing(folder: Path) -> Words:
    return estimate(folder, "--counts", folder / "absent")


@case
def counts_without_time(folder: Path) -> Words:
    return estimate(folder, "--counts", finished(folder))


@case
def counts_of_another_target(folder: Path) -> Words:
    return estimate(folder, "--counts", counted(folder), target="rpu-2016")


@case
def counts_of_another_model(folder: Path) -> Words:
    run_folder = counted(folder)
    other = network(4, Layer("gemm", 5), Layer("gemm", 5), Layer("gemm", 3)).write(folder / "other.onnx")
    return ["estimate", other, "-t", "protonic-psg", "--counts", run_folder, "--steps", "2"]


@case
def counts_of_another_program(folder: Path) -> Words:
    run_folder = counted(folder)
    return ["estimate", small(folder, outputs=5), "-t", "protonic-psg", "--counts", run_folder]


@case
def counts_that_are_damaged(folder: Path) -> Words:
    run_folder = counted(folder)
    (run_folder / "events.npz").write_bytes(b"PK no archive")
    return estimate(folder, "--counts", run_folder)


@case
def assumption_beside_all_counts_of_a_run(folder: Path) -> Words:
    return estimate(folder, "--counts", counted(folder), "--assume", "train=3")


def counted(folder: Path) -> Path:
    """The folder of a sound inference on a chip with time."""
    from ohmflow.compiler.compile import CompileOptions, compile_model
    from ohmflow.runtime.training.inference import run_inference
    from ohmflow.targets.registry import load

    chip = load("protonic-psg")
    program = compile_model(small(folder), chip, CompileOptions(training=False))
    (folder / "counted").mkdir()
    run_inference(program, chip, {"x": np.ones((3, 4), np.float32)}, folder / "counted", 0)
    return folder / "counted"


# Devices --------------------------------------------------------------------------------------------------------------


@case
def device_of_a_target_without_pulses(folder: Path) -> Words:
    return ["device", "ideal"]


@case
def device_of_an_inference_chip(folder: Path) -> Words:
    return ["device", "puma"]


@case
def device_of_an_unknown_target(folder: Path) -> Words:
    return ["device", "rpu-2061"]


@case
def device_drawn_as_png(folder: Path) -> Words:
    return ["device", "rpu-2016", "-o", folder / "devices.png"]


@case
def device_drawn_into_a_folder_that_is_missing(folder: Path) -> Words:
    return ["device", "rpu-2016", "-o", folder / "none" / "devices.svg"]


@case
def device_drawn_over_a_folder(folder: Path) -> Words:
    (folder / "devices.svg").mkdir()
    return ["device", "rpu-2016", "-o", folder / "devices.svg"]


@case
def devices_too_few(folder: Path) -> Words:
    return ["device", "rpu-2016", "--devices", "1"]


@case
def devices_times_pulses_too_many(folder: Path) -> Words:
    return ["device", "rpu-2016", "--devices", "10000", "--pulses", "100000"]


@case
def pulses_of_a_device_zero(folder: Path) -> Words:
    return ["device", "rpu-2016", "--pulses", "0"]


@case
def seed_of_a_device_negative(folder: Path) -> Words:
    return ["device", "rpu-2016", "--seed", "-1"]
