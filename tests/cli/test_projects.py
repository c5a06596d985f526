"""`gradlint predict` over several files: each function as its callers make it, test runners among them."""

import json
from pathlib import Path

from .command import gradlint

LIBRARY = """
import torch

def scale(x, how):
    if how == "double":
        y = x * 2
    else:
        y = x / 2
    return y

class Net(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = torch.nn.Linear(n, n)

    def forward(self, x):
        z = x + 1
        h = self.fc(z)
        return h
"""
CONFTEST = """
import pytest, torch

@pytest.fixture
def batch():
    return torch.randn(3, 4)
"""
TESTS = """
import unittest
import pytest, torch
from lib import scale, Net

@pytest.fixture(params=[4])
def net(request):
    yield Net(request.param)

@pytest.mark.parametrize("how", ["double", "half"])
def test_scale(batch, how):
    a = scale(batch, how)

def test_net(net, batch):
    b = net(batch)

@pytest.mark.parametrize("cls,n", [(Net, 4), pytest.param(Net, 4, id="x")])
def test_class(cls, n, batch):
    c = cls(n)(batch)

class Case(unittest.TestCase):
    def setUp(self):
        self.net = Net(4)
        self.x = torch.ones(1, 4)

    def test_method(self):
        d = self.net(self.x)
        e = self.x * 2

class TestGroup:
    @pytest.mark.parametrize("f", [torch.zeros(1, 4), torch.ones(2, 4)])
    def test_tensors(self, net, f):
        g = f + 1
        h = net(f)
"""


def predicted(folder: Path, *paths: str) -> dict[tuple[str, str], tuple[bool | None, str]]:
    text = gradlint("predict", "--output-format", "jsonl", *(paths or ["."]), cwd=folder).out
    rows = [json.loads(row) for row in text.splitlines()]
    return {(row["path"], row["name"]): (row["requires_grad"], row["certainty"]) for row in rows}


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_callers_in_other_files_decide(tmp_path: Path) -> None:
    written(
        tmp_path,
        helper="import torch\n\ndef double(x):\n    y = x * 2\n    return y\n\n"
        "def half(x):\n    z = x / 2\n    return double(z)\n\ndef both(x):\n    w = x + 1\n    return w\n",
        first="import torch\nfrom helper import half, both\nhalf(torch.ones(2))\nboth(torch.ones(2))\n",
        second="import torch\nimport helper\ndef main():\n    helper.both(torch.ones(2, requires_grad=True))\n",
    )
    said = predicted(tmp_path)
    assert said["helper.py", "y"][0] is False and said["helper.py", "z"][0] is False
    assert said["helper.py", "w"][0] is None
    assert predicted(tmp_path, "helper.py")["helper.py", "y"][0] is None


def test_test_runners_are_callers(tmp_path: Path) -> None:
    written(tmp_path, lib=LIBRARY, conftest=CONFTEST, test_lib=TESTS)
    said = {name: value for (path, name), (value, _) in predicted(tmp_path).items() if value is not None}
    assert said == {
        "y": False, "z": False, "h": True, "a": False, "b": True, "c": True, "d": True, "e": False, "g": False,
    }  # fmt: skip


def test_a_name_that_comes_back_through_a_star_import(tmp_path: Path) -> None:
    files = {
        "models/base": "import torch\nclass Base(torch.nn.Module):\n    pass\n",
        "models/net": "import torch\nfrom models import Base\nclass Net(Base):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = torch.nn.Linear(2, 2)\n"
        "    def forward(self, x):\n        h = self.fc(x)\n        return h\n",
        "models/__init__": "from .base import *\nfrom .net import *\n",
        "tests/test_net": "import torch\nfrom models import Net\ndef test_net():\n    a = Net()(torch.ones(1, 2))\n",
    }
    written(tmp_path, **files)
    said = predicted(tmp_path)
    assert said["models/net.py", "h"] == (True, "certain") and said["tests/test_net.py", "a"] == (True, "certain")


def test_a_mode_that_is_assumed(tmp_path: Path) -> None:
    """A method that is called on something unknown may run in any mode; what its other callers show is likely."""
    written(
        tmp_path,
        net="import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = torch.nn.Linear(2, 2)\n    def act(self, x):\n        h = self.fc(x)\n        return h\n"
        "    def look(self, x):\n        k = self.fc(x)\n        return k\n"
        "def start(net):\n    net = Net()\n    return net.look(torch.ones(1, 2))\n",
        play="import torch\ndef play(policy, x):\n    with torch.no_grad():\n        a = policy.act(x)\n"
        "    policy.look(x)\n    return a\n",
    )
    said = predicted(tmp_path)
    assert said["net.py", "h"][0] is None
    assert said["net.py", "k"] == (True, "likely")


def test_a_module_whose_only_calls_in_view_are_under_no_grad(tmp_path: Path) -> None:
    written(
        tmp_path,
        net="import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = torch.nn.Linear(2, 2)\n    def forward(self, x):\n        h = self.fc(x)\n"
        "        k = (h > 0).float()\n        return h * k\n"
        "    @torch.no_grad()\n    def generate(self, x):\n        g = self(x)\n        return g\n",
        trainer="def run(model, batch):\n    import torch\n    out = model(batch)\n    return out\n",
    )
    said = predicted(tmp_path)
    assert said["net.py", "g"][0] is False
    assert said["net.py", "h"][0] is None  # the trainer's model may be one
    assert said["net.py", "k"] == (False, "likely")


def test_what_is_cut_off_is_not_believed(tmp_path: Path) -> None:
    """A caller that takes too long may go on to bind and call anything that it names."""
    written(
        tmp_path,
        helper="import torch\n\ndef double(x):\n    y = x * 2\n    return y\n",
        play="import torch\nfrom helper import double\ndef test():\n    t = torch.ones(2)\n    for one in range(3):\n"
        "        double(t)\n        f0(t)\n        t = torch.ones(2, requires_grad=True)\n"
        + "".join(f"def f{n}(x):\n    return f{n + 1}(x) + f{n + 1}(x)\n" for n in range(14))
        + "def f14(x):\n    return x + 1\n",
    )
    said = predicted(tmp_path)
    assert said["helper.py", "y"][1] == "likely" or said["helper.py", "y"][0] is None
    assert said["play.py", "t"][0] is True  # whatever the call before it does
