"""The tables say what torch does: some rows are measured again, and a planted error is found. `--check` does it for all."""

import dataclasses

import pytest

from gradlint.torch_model import rows, tables

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
measure = pytest.importorskip("tools.measure.__main__")

from tools.measure import hold_out, modules, operators, probe_calls  # noqa: E402

pytestmark = pytest.mark.torch
FUNCTIONS = [
    "torch.Tensor.contiguous", "torch.Tensor.detach", "torch.Tensor.flatten", "torch.Tensor.requires_grad_",
    "torch.as_tensor", "torch.nn.init.normal_", "torch.Tensor.T", "torch.nn.functional.gumbel_softmax", "torch.full",
]  # fmt: skip
"""Names whose samples are all made by hand, so that torch's database need not be gone through."""


def measured(name):
    targets = [*operators.functions(), *operators.methods(), *operators.attributes()]
    target = next(t for t in targets if t.name == name)
    return operators.measure(target, probe_calls.by_name()).text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_row_is_as_measured(name):
    table = next(t for t in ("functions", "methods", "attributes") if name in rows.names(t))
    assert measured(name) == rows.find(table, name)


@pytest.mark.parametrize("name", ["Linear", "Dropout", "BatchNorm1d", "LSTM", "CrossEntropyLoss"])
def test_a_layer_is_as_measured(name):
    assert modules.row(getattr(torch.nn, name)) == rows.find("modules", f"torch.nn.{name}")


def test_the_small_tables_are_as_measured():
    made = measure.measured(["optimizers", "callers"], "")
    assert {table: measure.differences(table, lines) for table, lines in made.items()} == {
        "optimizers": [],
        "callers": [],
    }


def test_the_check_finds_a_planted_error(monkeypatch, tmp_path, capsys):
    line = rows.find("optimizers", "torch.optim.LBFGS")
    planted = rows.text("optimizers").replace(line, line.replace("closure=required", "closure=optional"))
    (tmp_path / "optimizers.txt").write_text(planted, encoding="utf-8")
    monkeypatch.setattr(measure, "TABLES", tmp_path)
    assert measure.main(["optimizers", "--check"]) == 1
    shown = capsys.readouterr().out
    assert "- torch.optim.LBFGS" in shown and "+ torch.optim.LBFGS" in shown and "2 lines differ" in shown


def test_rows_hold_on_calls_that_did_not_make_them():
    judged, found = hold_out.wrong(probe_calls.by_name(), "torch.Tensor.re")
    assert judged > 20 and found == []


def test_the_hold_out_finds_a_planted_error(monkeypatch):
    true_row = tables.tensor_method("contiguous")
    planted = {"grad": ("never",), "alias": ("fresh",), "returns": "tt"}
    for column, word in planted.items():
        row = dataclasses.replace(true_row, **{column: word})
        monkeypatch.setattr(tables, "operator", lambda name, row=row: row)
        assert any(
            f": {column} " in line for line in hold_out.wrong(probe_calls.by_name(), "torch.Tensor.contiguous")[1]
        )


SAVED = {
    "torch.mul": ("input", "other"), "torch.div": ("input", "other"), "torch.exp": ("result",), "torch.sigmoid": ("result",),
    "torch.matmul": ("input",), "torch.sin": ("input",), "torch.nn.functional.linear": ("input", "weight"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAVED)
def test_changing_what_is_saved_makes_backward_raise(name):
    """The second opinion on `saves`: not hooks, but version counters."""
    function = operator_of(name)
    for thing in SAVED[name]:
        operands = {"input": torch.rand(2, 2) + 0.5, "weight" if "linear" in name else "other": torch.rand(2, 2) + 0.5}
        if name in ("torch.exp", "torch.sigmoid", "torch.sin"):
            operands = {"input": operands["input"]}
        causes = rows.with_causes(rows.sure(rows.words(rows.split(rows.find("functions", name))[1], "saves")))[thing]
        made = [v.requires_grad_(k in causes) * 1 for k, v in operands.items()]
        result = function(*made)
        target = result if thing == "result" else made[list(operands).index(thing)]
        with torch.no_grad():
            target.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            result.sum().backward()


def operator_of(name):
    found = torch
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found
