"""What the commands print when all is well."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.targets.registry import available
from tests.end_to_end.models import DIGITS_MLP, Layer, network
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]


def no_constant(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def parsed(text: str) -> Any:
    """Strict JSON: NaN and Infinity, which Python would write, are refused."""
    return json.loads(text, parse_constant=no_constant)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return network(4, Layer("gemm", 6), Layer("relu"), Layer("gemm", 3)).write(tmp_path / "small.onnx")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    draws = np.random.default_rng(1)
    np.savez(tmp_path / "data.npz", x=draws.random((40, 4), np.float32), y=draws.integers(0, 3, 40))
    return tmp_path / "data.npz"


def test_targets_list_names_every_target(shell: Runner) -> None:
    names = [info.name for info in available()]
    assert {"ideal", "protonic-psg", "rpu-2016"} <= set(names) and "cmos-28nm-base" not in names
    lines = [line for line in shell("targets", "list").splitlines() if line and not line.endswith(":")]
    assert sorted(line.split()[0] for line in lines) == names
    assert [entry["name"] for entry in parsed(shell("targets", "list", "--json"))] == names


@pytest.mark.parametrize("name", ["ideal", "protonic-psg", "rpu-2016"])
def test_targets_show_gives_values_sources_and_prices(shell: Runner, name: str) -> None:
    about = parsed(shell("targets", "show", name, "--json"))
    assert about["name"] == name and len(about["hash"]) == 64
    values = {row["path"]: row for row in about["values"]}
    assert all(row["confidence"] in ("high", "medium", "low") for row in values.values())
    assert set(about["low_confidence"]) == {path for path, row in values.items() if row["confidence"] == "low"}
    assert {"component": "adc", "event": "adc_conversion"}.items() <= about["costs"][0].items()
    text = shell("targets", "show", name)
    assert all(path in text for path in values)


def test_targets_show_takes_overrides(shell: Runner) -> None:
    about = parsed(shell("targets", "show", "rpu-2016", "--set", "tile.adc.energy=5 pJ", "--json"))
    (row,) = (row for row in about["values"] if row["path"] == "tile.adc.energy")
    assert (row["value"], row["confidence"], row["source"]) == ("5 pJ", "low", "--set tile.adc.energy=5 pJ")
    (cost,) = (cost for cost in about["costs"] if cost["component"] == "adc")
    assert cost["joules"] == 5e-12


def test_targets_check_gives_the_hash_of_sound_targets(shell: Runner) -> None:
    said = parsed(shell("targets", "check", "ideal", "rpu-2016", "--json"))
    assert {name: (entry["ok"], entry["problems"]) for name, entry in said.items()} == {
        "ideal": (True, []),
        "rpu-2016": (True, []),
    }
    assert f"rpu-2016: sound, hash {said['rpu-2016']['hash'][:12]}" in shell("targets", "check", "ideal", "rpu-2016")


def test_targets_check_reports_mistakes_as_json_with_status_2(shell: Runner, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nsummary: A test\nextends: ideal\ntile: {crossbar: {rows: 0, columns: 3}}\n")
    done = shell.finish("targets", "check", file, "ideal", "--json")
    assert (done.status, done.err) == (2, "")
    said = parsed(done.out)
    assert said["ideal"]["ok"] and not said[str(file)]["ok"]
    assert len(said[str(file)]["problems"]) == 2 and said[str(file)]["hash"] is None


def test_json_of_training_is_the_written_summary(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    out = shell("train", model, "-t", "rpu-2016", "--data", data, "-o", tmp_path / "run", "--json")
    assert parsed(out) == parsed((tmp_path / "run" / "summary.json").read_text())
    assert shell.err == "", "with --json nothing is shown beside it"


def test_summary_holds_the_keys_of_its_contract(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    words = ("--epochs", "3", "-o", tmp_path / "run", "--json")
    summary = parsed(shell("train", model, "-t", "protonic-psg", "--data", data, *words))
    assert list(summary) == [
        "schema_version",
        "model",
        "target",
        "target_hash",
        "network",
        "seed",
        "epochs",
        "lr",
        "lr_schedule",
        "batch",
        "init",
        "normalize",
        "train_loss",
        "val_accuracy",
        "test_accuracy",
        "test_accuracy_analog",
        "stopped_by",
        "simulated_seconds",
        "cycles",
        "energy_joules",
        "energy_by_phase",
        "energy_by_component",
        "not_modelled",
        "area_mm2",
        "tiles",
        "updates",
        "weights_clipped_at_start",
        "ageing",
        "wear",
        "host_seconds",
        "versions",
    ]
    assert summary["schema_version"] == 1
    assert summary["epochs"] == [1, 2, 3] and summary["lr"] == [0.1] * 3
    for name in ("train_loss", "val_accuracy", "test_accuracy", "test_accuracy_analog"):
        assert len(summary[name]) == 3
    assert 0 <= summary["updates"]["clipped"] <= 1 and 0 <= summary["updates"]["lost"] <= 1


def test_training_shows_accuracies_bill_and_files(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    out = shell("train", model, "-t", "rpu-2016", "--data", data, "--epochs", "2", "-o", tmp_path / "run")
    for word in ("Test, on the chip", "Test, exported weights", "Chip time", "Energy", "tile(0,0)", "model.onnx"):
        assert word in out
    assert "epoch   1" in shell.err and "40 rows" not in shell.err


@pytest.mark.parametrize("emit", ["program", "tile-ir", "training-onnx", "disassembly"])
def test_compile_prints_json_whatever_it_emits(shell: Runner, tmp_path: Path, model: Path, emit: str) -> None:
    about = parsed(shell("compile", model, "-t", "rpu-2016", "--emit", emit, "-o", tmp_path / "program", "--json"))
    assert [a["name"] for a in about["arrays"]] == ["w0", "w2"]
    assert [(a["rows"], a["cols"]) for a in about["arrays"]] == [(4, 6), (6, 3)]
    assert about["target"] == "rpu-2016" and about["tiles"] == 1
    assert set(about["instructions"]) == {"program", "infer", "train_step"}


@pytest.mark.parametrize(("emit", "key"), [("tile-ir", "tile_ir"), ("disassembly", "disassembly")])
def test_compile_puts_text_without_a_file_into_its_json(shell: Runner, model: Path, emit: str, key: str) -> None:
    text = shell("compile", model, "-t", "rpu-2016", "--emit", emit)
    assert parsed(shell("compile", model, "-t", "rpu-2016", "--emit", emit, "--json"))[key].strip() == text.strip()


def test_compile_says_where_it_wrote(shell: Runner, tmp_path: Path, model: Path) -> None:
    file = tmp_path / "t.mlir"
    assert shell("compile", model, "-t", "ideal", "--emit", "tile-ir", "-o", file) == ""
    assert shell.err == f"wrote {file}\n"
    about = parsed(shell("compile", model, "-t", "ideal", "--emit", "tile-ir", "-o", file, "--json"))
    assert about["output"] == str(file) and "tile_ir" not in about


def test_run_and_opt_print_json(shell: Runner, tmp_path: Path, model: Path) -> None:
    np.savez(tmp_path / "inputs.npz", x=np.ones((3, 4), np.float32))
    words = ("run", model, "-t", "rpu-2016", "--inputs", tmp_path / "inputs.npz", "-o", tmp_path / "out", "--json")
    assert parsed(shell(*words))["samples"] == 3
    text = shell("compile", model, "-t", "ideal", "--emit", "tile-ir")
    (tmp_path / "t.mlir").write_text(text)
    said = parsed(shell("opt", tmp_path / "t.mlir", "-p", "dead-code", "--json"))
    assert said["passes"] == "dead-code" and "tile.entry @train_step" in said["tile_ir"]
    assert "canonical-names" in parsed(shell("opt", "--list", "--json"))


def test_opt_writes_a_file_in_a_new_folder(shell: Runner, tmp_path: Path, model: Path) -> None:
    text = shell("compile", model, "-t", "ideal", "--emit", "tile-ir")
    (tmp_path / "t.mlir").write_text(text)
    shell("opt", tmp_path / "t.mlir", "-o", tmp_path / "new" / "t.mlir")
    assert (tmp_path / "new" / "t.mlir").read_text() == text


@pytest.mark.parametrize(
    "command", [(), ("compile",), ("train",), ("run",), ("targets",), ("targets", "show"), ("opt",)]
)
def test_help_of_every_command_says_what_its_options_do(shell: Runner, command: tuple[str, ...]) -> None:
    text = shell(*command, "--help")
    assert text.startswith(f"Usage: ohmflow{''.join(f' {word}' for word in command)}")
    options = [line for line in text.partition("Options:")[2].splitlines() if line.strip().startswith("-")]
    assert options, "each has --help at least"


def test_debug_shows_the_traceback_before_the_sentence(shell: Runner, tmp_path: Path) -> None:
    done = shell.finish("compile", tmp_path / "absent.onnx", "-t", "ideal", "-o", tmp_path / "p", "--debug")
    assert done.status == 2
    assert done.err.startswith("Traceback") and done.err.rstrip().splitlines()[-1].startswith("error: ")


def test_defect_is_called_one(shell: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("ohmflow.targets.registry.available", broken)
    done = shell.finish("targets", "list")
    assert done.status == 1
    assert done.err == (
        "error: ZeroDivisionError: by chance\nThis is a defect of ohmflow; --debug shows where it happened.\n"
    )


def test_names_with_brackets_are_shown_as_they_are(shell: Runner, tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "[red]"
    folder.mkdir()
    model = network(4, Layer("gemm", 3)).write(folder / "[bold]net[-v1].onnx")
    target = folder / "mine.yaml"
    target.write_text('name: "[dim]mine"\nsummary: A [link] of \nextends: rpu-2016\nsource: "[/bold] assumption"\n')
    out = shell("train", model, "-t", target, "--data", data, "-o", folder / "run")
    assert "[red]/run/" in out.replace("\n", "") and "[bold]net[-v1].onnx on [dim]mine" in shell.err.replace("\n", " ")
    assert "[dim]mine  A [link] of" in shell("targets", "show", target)


def test_overwrite_replaces_a_run(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    words = ("train", model, "-t", "ideal", "--data", data, "-o", tmp_path / "run")
    shell(*words)
    first = (tmp_path / "run" / "model.onnx").read_bytes()
    shell(*words, "--overwrite", "--seed", "1")
    assert (tmp_path / "run" / "model.onnx").read_bytes() != first


def test_example_of_the_front_page_works(shell: Runner, tmp_path: Path) -> None:
    words = ("--data", "digits", "--epochs", "1", "--batch", "50", "-o", tmp_path / "run")
    shell("train", DIGITS_MLP, "-t", "protonic-psg", *words)
    assert (tmp_path / "run" / "model.onnx").exists()


def test_resumed_run_gives_the_summary_of_one_without_a_break(
    shell: Runner, tmp_path: Path, model: Path, data: Path
) -> None:
    begin = ("train", model, "-t", "rpu-2016", "--data", data, "--lr-schedule", "steps:0.5@2", "--init", "xavier")
    shell(*begin, "--epochs", "1", "-o", tmp_path / "run", "--json")
    resumed = parsed(shell("train", "--resume", tmp_path / "run", "--epochs", "2", "--json"))
    whole = parsed(shell(*begin, "--epochs", "2", "-o", tmp_path / "whole", "--json"))
    assert resumed | {"host_seconds": 0} == whole | {"host_seconds": 0}
    assert resumed["lr"] == [0.1, 0.05] and resumed["init"] == "xavier"
    for name in ("model.onnx", "ledger.csv", "events.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_resumption_says_where_it_goes_on(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    shell("train", model, "-t", "ideal", "--data", data, "-o", tmp_path / "run")
    shell("train", "--resume", tmp_path / "run", "--epochs", "2")
    assert "going on from epoch 2, step 1 (epoch-0002-batch-000000.safetensors)" in shell.err
    shell("train", "--resume", tmp_path / "run")
    assert "going on from the last epoch" in shell.err


@pytest.mark.filterwarnings("default")
def test_damaged_checkpoint_is_a_warning_when_there_is_one_before(
    shell: Runner, tmp_path: Path, model: Path, data: Path
) -> None:
    words = ("train", model, "-t", "ideal", "--data", data, "--epochs", "2", "--seed", "3")
    whole = parsed(shell(*words, "-o", tmp_path / "run", "--json"))
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-3])
    resumed = parsed(shell("train", "--resume", tmp_path / "run", "--json"))
    assert resumed | {"host_seconds": 0} == whole | {"host_seconds": 0}
    assert shell.err.startswith(f"warning: {newest}: must be a whole checkpoint") and shell.err.count("\n") == 1


def test_data_of_a_run_are_found_from_any_folder(
    shell: Runner, tmp_path: Path, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell("train", model.name, "-t", "ideal", "--data", data.name, "-o", "run")
    monkeypatch.chdir("/")
    shell("train", "--resume", tmp_path / "run", "--epochs", "2")


def test_failed_training_leaves_no_folder(shell: Runner, tmp_path: Path, model: Path, data: Path) -> None:
    done = shell.finish("train", model, "-t", "ideal", "--data", data, "--lr", "1e30", "-o", tmp_path / "a" / "run")
    assert done.status == 3
    assert not (tmp_path / "a" / "run").exists()


def test_table_trains_a_model(shell: Runner, tmp_path: Path, model: Path) -> None:
    draws = np.random.default_rng(1)
    table = np.column_stack([draws.integers(0, 3, 40), draws.random((40, 4))])
    np.savetxt(tmp_path / "t.csv", table, "%g", ",", header="class,a,b,c,d", comments="")
    words = ("--label", "class", "--normalize", "range", "--limit", "20", "-o", tmp_path / "run", "--json")
    summary = parsed(shell("train", model, "-t", "ideal", "--data", tmp_path / "t.csv", *words))
    assert len(summary["normalize"]["inputs"]["x"]["scale"]) == 4
