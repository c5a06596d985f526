"""The tables of what torch does: every line parses, and the words say what those who read them rely on."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradlint.torch_model import callers, distributions, frameworks, modules, optimizers, rows, tables

ROOT = Path(__file__).resolve().parents[2]
GRAD = {"diff", "never", "each", "?"}
ALIAS = {"fresh", "self", "view", "shares", "maybe-self", "maybe-view"}
OFF = {"keeps", "drops", "?"}
DTYPE = {"same", "float", "complex", "int", "bool", "?"}
SCALAR = {"always", "never", "broadcast", "dim", "reduction", "?"}


@pytest.mark.parametrize("table", ["functions", "methods", "attributes"])
def test_every_row_of_an_operator_table_is_made_of_known_words(table):
    assert len(tables.names(table)) > 30
    for name in tables.names(table):
        row = tables.operator(name)
        assert row is not None, name
        for variant in (row, *(tables.refined(row, dict(case.when)) for case in row.cases)):
            assert set(variant.grad) <= GRAD and set(variant.alias) <= ALIAS and set(variant.off) <= OFF, variant
            assert set(variant.dtype) <= DTYPE and variant.scalar in SCALAR, variant
            assert set(variant.saves_when) == set(variant.saves), variant
            assert len(variant.grad) in (0, 1, variant.returns.count("t")), variant


@pytest.mark.parametrize("table", ["functions", "methods", "attributes", "modules", "optimizers", "distributions"])
def test_names_stand_in_a_table_once(table):
    lines = rows.text(table).splitlines()[1:]
    heads = [line.partition("(")[0].partition(" ")[0] for line in lines]
    assert len(heads) == len(set(heads))


def test_tables_are_of_one_torch():
    measured = ("functions", "methods", "attributes", "modules", "optimizers", "distributions", "callers")
    assert {rows.torch_version(table) for table in measured} == {"2.13.0"}


def test_nothing_here_imports_torch():
    code = "import sys\nfrom gradlint.torch_model import *\nfrom gradlint.torch_model import " + (
        "callers, distributions, frameworks, modules, optimizers, tables\n"
        "tables.operator('torch.add'); modules.module('torch.nn.Linear')\n"
        "raise SystemExit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("torch.add", "saves", ()),
        ("torch.mul", "saves_when", {"input": ("other",), "other": ("input",)}),
        ("torch.exp", "saves_when", {"result": ("input",)}),
        ("torch.Tensor.mul_", "inplace", True),
        ("torch.relu_", "inplace", True),
        ("torch.add", "inplace", False),
        ("torch.Tensor.T", "alias", ("view",)),
        ("torch.Tensor.view", "off", ("keeps",)),
        ("torch.Tensor.detach", "grad", ("never",)),
        ("torch.Tensor.detach", "off", ("drops",)),
        ("torch.sort", "grad", ("diff", "never")),
        ("torch.argmax", "grad", ("never",)),
        ("torch.round", "grad", ("diff",)),
        ("torch.zeros", "requires_grad", True),
        ("torch.zeros", "dtype", ("float",)),
        ("torch.full", "dtype_of", ("fill_value",)),
        ("torch.tensor", "grad", ("never",)),
        ("torch.nn.functional.mse_loss", "scalar", "reduction"),
        ("torch.sum", "scalar", "dim"),
        ("torch.nn.init.normal_", "writes_leaf", True),
        ("torch.Tensor.normal_", "writes_leaf", False),
        ("torch.einsum", "variadic", True),
    ],
)
def test_a_function(name, column, value):
    row = tables.operator(name)
    if name == "torch.Tensor.view":
        row = tables.refined(row, {"input": "tensor", "size": "number"})
    assert getattr(row, column) == value


def test_another_name_for_a_function_has_its_row():
    assert tables.operator("torch.functional.norm") == tables.operator("torch.norm")


@pytest.mark.parametrize(
    ("name", "kinds", "column", "value"),
    [
        ("torch.max", {"input": "tensor"}, "returns", "t"),
        ("torch.max", {"input": "tensor", "dim": "number"}, "returns", "tt"),
        ("torch.max", {"input": "tensor", "dim": "number"}, "grad", ("diff", "never")),
        ("torch.max", {"input": "tensor", "dim": "tensor"}, "returns", "t"),
        ("torch.max", {"input": "tensor", "dim": "?"}, "returns", "depends"),
        ("torch.median", {"input": "tensor", "dim": "number"}, "returns", "tt"),
        ("torch.nn.functional.dropout", {"input": "tensor", "training": "false"}, "alias", ("self",)),
        ("torch.nn.functional.dropout", {"input": "tensor"}, "alias", ("maybe-self",)),
        ("torch.nn.functional.relu", {"input": "tensor", "inplace": "true"}, "writes", ("input",)),
        ("torch.nn.functional.relu", {"input": "tensor"}, "alias", ("fresh",)),
        ("torch.unique", {"input": "tensor", "return_inverse": "true", "return_counts": "true"}, "returns", "ttt"),
        ("torch.where", {"condition": "tensor"}, "returns", "t*"),
        ("torch.as_tensor", {"data": "list"}, "grad", ("never",)),
        ("torch.Tensor.view", {"input": "tensor", "size": "dtype"}, "grad", ("never",)),
    ],
)
def test_what_arguments_decide(name, kinds, column, value):
    assert getattr(tables.refined(tables.operator(name), kinds), column) == value


def test_modules():
    for name in modules.names():
        row = modules.module(name)
        for training in (True, False, None):
            variant = modules.refined(row, {}, training)
            assert set(variant.grad) <= GRAD and set(variant.alias) <= ALIAS and set(variant.off) <= OFF, variant
    linear = modules.module("torch.nn.modules.linear.Linear")
    assert linear.params == {"weight": (), "bias": ("bias",)} and linear.defaults["bias"] == "True" and linear.trainable
    assert modules.module("torch.nn.LSTM").returns == "t(tt)"
    assert modules.module("torch.nn.BatchNorm1d").buffers["running_mean"] == ("track_running_stats",)
    assert not modules.module("torch.nn.ReLU").trainable
    assert modules.module("torch.nn.Transformer").trainable
    assert modules.module("torch.nn.Module") is None and modules.module("numpy.Linear") is None


def test_modules_in_their_modes():
    dropout = modules.module("torch.nn.Dropout")
    assert modules.refined(dropout, {}, False).alias == ("self",)
    assert modules.refined(dropout, {}, None).alias == ("maybe-self",)
    norm = modules.module("torch.nn.BatchNorm1d")
    assert "self.running_mean" in modules.refined(norm, {}, True).may_write + modules.refined(norm, {}, True).writes
    assert modules.refined(norm, {}, False).writes == ()
    assert modules.refined(modules.module("torch.nn.ReLU"), {"inplace": "true"}, True).writes == ("input",)


def test_optimizers():
    assert optimizers.optimizer("torch.optim.lbfgs.LBFGS").closure_required
    sgd = optimizers.optimizer("torch.optim.SGD")
    assert not sgd.closure_required and sgd.nonleaf == "ValueError" and sgd.frozen == "accepted"
    assert sgd.closure_mode == ("on", "on", "inference")
    assert optimizers.is_scheduler("torch.optim.lr_scheduler.StepLR")
    assert optimizers.optimizer("torch.optim.lr_scheduler.StepLR") is None


def test_distributions():
    normal = "torch.distributions.normal.Normal"
    assert distributions.member(normal, "sample").flows == ()
    assert distributions.member(normal, "rsample").flows == ("loc", "scale")
    assert distributions.member(normal, "mean") == distributions.Member(("loc",), (), "keeps")
    assert distributions.member(normal, "nothing") is None
    assert distributions.distribution("torch.distributions.Categorical").has_rsample is False


def test_callers():
    assert callers.caller("torch.utils.checkpoint.checkpoint", "reentrant").mode[0] == "off"
    assert callers.caller("torch.func.grad").mode == ("on", "on", "on")
    assert callers.caller("torch.autograd.functional.jacobian").value == ("right", "right", "wrong")
    assert callers.caller("torch.autograd.Function.forward").runs == ""
    assert callers.caller("torch.nothing") is None


@pytest.mark.parametrize(
    ("base", "method", "mode"),
    [
        ("lightning.pytorch.LightningModule", "training_step", "grad"),
        ("pytorch_lightning.core.module.LightningModule", "validation_step", "off"),
        ("lightning.LightningModule", "predict_step", "inference"),
        ("lightning.LightningModule", "forward", None),
        ("pytorch_lightning.Callback", "on_validation_epoch_end", "off"),
        ("transformers.trainer.Trainer", "compute_loss", None),
        ("transformers.Seq2SeqTrainer", "training_step", "grad"),
        ("fastai.callback.core.Callback", "before_validate", "no_grad"),
        ("numpy.Thing", "validation_step", None),
    ],
)
def test_hooks_of_frameworks(base, method, mode):
    assert frameworks.hook_mode(base, method) == mode


def test_calls_of_frameworks():
    assert frameworks.backward_call("accelerate.Accelerator", "backward") == 0
    assert frameworks.backward_call("lightning.Fabric", "backward") == 0
    assert frameworks.backward_call("accelerate.Accelerator", "gather") is None
    assert frameworks.call_mode("transformers.AutoModelForCausalLM.generate") == "no_grad"
    assert frameworks.call_mode("diffusers.StableDiffusionPipeline.__call__") == "no_grad"
    assert frameworks.call_mode("numpy.sum") is None
    assert frameworks.makes("diffusers.FluxPipeline.from_pretrained") == "diffusers.FluxPipeline"
    assert frameworks.is_class("accelerate.Accelerator") and not frameworks.is_class("deepspeed.initialize")
    assert frameworks.runs_mode("ignite.engine.create_supervised_evaluator") == ("model", "no_grad")
    assert frameworks.scales("apex.amp.scale_loss") == 0
