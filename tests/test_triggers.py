"""The look at words loses nothing that can have a finding, and lets go of what cannot."""

import pytest

from gradlint.analysis.triggers import Around, is_hot
from gradlint.sources.sift import facts_of
from gradlint.syntax.unit import Unit

APART = Around(differentiates=False)


def hot(text: str, around: Around = APART) -> bool:
    source = text.encode()
    return is_hot(Unit("a.py", source), source, advice=False, around=around)


@pytest.mark.parametrize("text", [
    "loss.backward()", "p.requires_grad = False", "setattr(p, 'requires_grad', False)", "x.grad.zero_()", "torch.no_grad()",
    "with torch.no_grad():\n    pass", "@torch.no_grad\ndef f(): pass", "@torch.no_grad()\ndef f(x):\n    yield x",
    "@torch.no_grad()\ndef f(w):\n    w = w - 1", "weight.fill_(1)", "self.weight[0] = 1", "relu_(weight)",
    "self.w = nn.Parameter(torch.ones(2).cuda()).to(d)", "self.w = nn.Parameter(torch.arange(2))", "f'{x.numpy()}'",
    "ws = [nn.Parameter(torch.ones(2))]", "if x: weight[0] = 1", "optim.SGD([x])",
])  # fmt: skip
def test_what_can_have_a_finding_by_itself_stays(text: str) -> None:
    assert hot(text)


@pytest.mark.parametrize(
    "text", ["y = x.detach()", "y = x.data", "if p.requires_grad: pass", "@torch.no_grad()\ndef f(): pass"]
)
def test_what_matters_where_something_differentiates(text: str) -> None:
    assert hot(text, Around(differentiates=True)) and not hot(text)


@pytest.mark.parametrize("text", [
    "# loss.backward()", "'''x.numpy()'''", "def f(weight, sizes: Optional[int] = None): pass", "nn.init.zeros_(m.weight)",
    "trunc_normal_(m.weight)", "self.w = nn.Parameter(torch.ones(2))", "m.weight.data.fill_(0)", "load_checkpoint(weights)",
])  # fmt: skip
def test_what_cannot_have_one_is_left_out(text: str) -> None:
    assert not hot(text)


def test_a_function_of_the_project_that_changes_a_parameter_is_no_initialiser() -> None:
    bold, tame = (
        "def trunc_normal_(w):\n    w.fill_(1)\n",
        "def own_(w):\n    with torch.no_grad():\n        w.fill_(1)\n",
    )
    around = Around(*facts_of((bold + tame).encode()))
    assert hot("trunc_normal_(m.weight)", around) and not hot("own_(m.weight)", around)
