"""No command but `run` executes anything of what it reads."""

import json
from pathlib import Path

import pytest

from .command import gradlint

# Each source would leave a file behind, in its own way, were any of it run.
MARK = "open({!r}, 'w').close()"
SOURCES = {
    "module": "{mark}\n",
    "decorator": "def now(f):\n    {mark}\n    return f\n@now\ndef f(): pass\n",
    "decorator_expression": "@(lambda f: {mark} or f)\ndef f(): pass\n",
    "default": "def f(a={mark}): pass\n",
    "f_string": "x = f'{{{mark_quoted}}}'\n",
    "annotation": "def f(a: {mark}) -> {mark}: pass\n",
    "class_body": "class A:\n    {mark}\n",
    "metaclass": "class M(type):\n    def __new__(m, *a):\n        {mark}\nclass A(metaclass=M): pass\n",
    "comprehension": "x = [{mark} for _ in range(3)]\n",
    "main": "if __name__ == '__main__':\n    {mark}\n",
    "called": "def f():\n    {mark}\n    return torch.ones(2)\ny = f()\n",
    "attribute": "class A:\n    @property\n    def p(self):\n        {mark}\nA().p\n",
    "eval": "eval({mark_text!r})\nexec({mark_text!r})\n__import__('beside')\n",
    "operators": "class A:\n    def __add__(self, o):\n        {mark}\nA() + 1\n",
    "context": "class A:\n    def __enter__(self):\n        {mark}\n    def __exit__(self, *a): pass\nwith A(): pass\n",
    "imported": "import beside\nfrom package import inner\nfrom beside import *\n",
    "loss": "w = torch.ones(2, requires_grad={mark} or True)\nwith torch.no_grad():\n    loss = (w * {mark}).sum()\n"
            "loss.backward({mark})\n",
    "names": "with torch.no_grad():\n    loss = (torch.ones(2) * evil).sum()\nloss.backward()\n",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    mark = MARK.format(str(tmp_path / "marker"))
    quoted = MARK.format(str(tmp_path / "marker")).replace("'", '"')
    for name, text in SOURCES.items():
        body = text.format(mark=mark, mark_quoted=quoted, mark_text=mark)
        (tmp_path / f"{name}.py").write_text(
            f"import torch\n{body}with torch.no_grad():\n    last = torch.ones(2, requires_grad=True) * 2\n"
            "last.sum().backward()\n"
        )
    (tmp_path / "beside.py").write_text(f"import torch\n{mark}\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(f"{mark}\n")
    (tmp_path / "package" / "inner.py").write_text(f"import torch\n{mark}\n")
    # What Python itself would pick up if it were started here carelessly.
    for name in ("sitecustomize", "usercustomize", "torch", "numpy", "libcst", "conftest"):
        (tmp_path / f"{name}.py").write_text(f"{mark}\nraise SystemExit('imported')\n")
    (tmp_path / "setup.py").write_text(f"{mark}\n")
    return tmp_path


def test_no_source_is_executed(tree: Path) -> None:
    ended = gradlint("check", "--select", "ALL", "--output-format", "jsonl", tree, cwd=tree.parent)
    rows = [json.loads(row) for row in ended.out.splitlines()]
    places = {Path(row["path"]).stem: row["line"] for row in rows if row["code"] == "GRD101"}
    assert ended.status == 1 and places.keys() >= SOURCES.keys(), ended.err
    gradlint("check", "--diff", "--unsafe-fixes", tree, cwd=tree.parent)
    assert gradlint("predict", tree, cwd=tree.parent).status == 0
    for name in SOURCES:
        assert "GRD101" in gradlint("explain", f"{tree / name}.py:{places[name]}", cwd=tree.parent).out, name
    assert not (tree / "marker").exists()
    assert not list(tree.rglob("__pycache__"))


def test_files_of_the_current_folder_do_not_stand_in_for_modules(tree: Path) -> None:
    ended = gradlint("check", "loss.py", "names.py", cwd=tree)
    assert ended.status == 1 and "GRD101" in ended.out and "imported" not in ended.err
    assert not (tree / "marker").exists()


def test_the_marker_would_be_seen(tree: Path) -> None:
    gradlint("run", tree / "main.py", cwd=tree.parent)
    assert (tree / "marker").exists()
