"""The look at the bytes loses nothing that could have a finding."""

from pathlib import Path

import pytest

from gradlint.sources.sift import Reach, facts_of, imported, wants

TOKENS = (b"backward",)


@pytest.mark.parametrize("text, wanted", [
    ("import torch\nloss.backward()\n", True),
    ("from torch import nn\nloss.backward()\n", True),
    ("import pytorch_lightning\nloss.backward()\n", True),
    ("  import transformers\nloss.backward()\n", True),
    ("from lightning.fabric import Fabric\nf.backward(loss)\n", True),
    ("import torch\nwith torch.no_grad(): helper()\n", True),
    ("import torch\nx = torch.ones(2)\n", False),
    ("import numpy\nloss.backward()\n", False),
    ("import lightningrod\nloss.backward()\n", False),
    ("", False),
])  # fmt: skip
def test_wants(text: str, wanted: bool) -> None:
    assert wants("a.py", text.encode(), lambda: TOKENS) is wanted


@pytest.mark.parametrize("text, modules", [
    ("import a", "a"), ("import a.b as c, d", "a.b d"), ("from a import b", "a a.b"), ("from . import b", ". .b"),
    ("from ..a import b as c, d", "..a ..a.b ..a.d"), ("from a import (\n    b,\n    c)", "a a.b a.c"),
    ("from a import \\\n    b", "a a.b"), ("from .import b", ". .b"), ("x = 1; import a", "a"), ("from a import*", "a"),
    ("if x:\n\tfrom a import b # import c", "a a.b"), ("# import a", ""), ("'import a'", ""), ("important = 1", ""),
    ("import a\r\nimport b\r\n", "a b"), ("from a import(b)", "a a.b"), ("import é", "é"),
    ("import a\rfrom b import c\r", "a b b.c"),
    ("try: import a", "a"),
])  # fmt: skip
def test_imported(text: str, modules: str) -> None:
    assert imported(text.encode()) == modules.split()


def reaches(folder: Path, text: str, path: str = "main.py", roots: tuple[str, ...] = ()) -> bool:
    return Reach((str(folder), *roots)).leads(str(folder / path), imported(text.encode()))


@pytest.mark.parametrize("text", [
    "import one", "import os, one", "from one import f", "from pack import two", "from pack import (\n    os,\n    two)",
    "import pack.two as t", "def f():\n    from one import g", "from three import g",
])  # fmt: skip
def test_torch_is_found_through_imports(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.py").write_text("import torch\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "two.py").write_text("import torch\n")
    (tmp_path / "three.py").write_text("import four\n")
    (tmp_path / "four.py").write_text("import three, one\n")
    (tmp_path / "plain.py").write_text("import os\n")
    assert reaches(tmp_path, text)
    assert not reaches(tmp_path, "import plain, os\n")


def test_relative_imports(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one.py").write_text("import torch\n")
    assert reaches(tmp_path, "from .. import one", "a/b/main.py")
    assert reaches(tmp_path, "from ..one import f", "a/b/main.py")
    assert not reaches(tmp_path, "from .one import f", "a/b/main.py")


def test_circles_are_left_and_do_not_hide_torch(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import b\nimport c\n")
    (tmp_path / "b.py").write_text("import a\n")
    (tmp_path / "c.py").write_text("import torch\n")
    reach = Reach((str(tmp_path),))
    main = str(tmp_path / "main.py")
    assert reach.leads(main, ["b"])
    assert reach.leads(main, ["a"])
    (tmp_path / "d.py").write_text("import d\n")
    assert not reach.leads(main, ["d"])
    assert reach.leads(main, ["b"])


@pytest.mark.parametrize("text, differentiates", [
    ("loss.backward()", True), ("f = loss.backward", True), ("backward(loss)", True), ("autograd.grad(a, b)", True),
    ("from torch.autograd import grad", True), ("g = torch.func.grad", True), ("x = jacobian(f, x)", True),
    ("def backward(ctx, g): pass", False), ("from torch.autograd import Function", False), ("# loss.backward()", False),
    ("x = backward_compatible(y)", False), ("x.grad", False),
])  # fmt: skip
def test_what_differentiates(text: str, differentiates: bool) -> None:
    assert facts_of(text.encode())[0] is differentiates


def test_a_backward_pass_is_seen_in_what_is_imported(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("import two\n")
    (tmp_path / "two.py").write_text("import one, three\n")
    (tmp_path / "three.py").write_text("def step_(w):\n    w.add_(1)\n\ndef go(loss):\n    loss.backward()\n")
    reach, main = Reach((str(tmp_path),)), str(tmp_path / "main.py")
    assert reach.view(main, b"import one\n") == (True, frozenset({b"step_"}), frozenset())
    assert reach.view(main, b"import os\n") == (False, frozenset(), frozenset())
