"""The cells of a notebook as Python, and back."""

import json
from typing import Any

import pytest

from gradlint import pipeline
from gradlint.findings import Edit, Fix, Safety, Span
from gradlint.sources.notebooks import Notebook, NotebookError
from gradlint.sources.sift import CAUSES

MAGICS = """\
import torch
%matplotlib inline
!pip install \\
    torch
files = !ls
if files:
    !rm {files}
%time y = f(x)
torch?
"""


def book(*cells: str, language: str = "python", one_text: bool = False, **layout: Any) -> bytes:
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": ["# A title"]}]
    for text in cells:
        source = text if one_text else text.splitlines(keepends=True)
        made.append({"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [{}], "source": source})
    about = {"language_info": {"name": language}}
    return json.dumps({"cells": made, "metadata": about, "nbformat": 4}, **(layout or {"indent": 1})).encode() + b"\n"


def test_cells_follow_each_other_and_lines_are_known_by_cell() -> None:
    notebook = Notebook(book("a = 1\nb = 2", "", "c = 3\n"))
    assert notebook.source == "a = 1\nb = 2\nc = 3\n"
    assert [notebook.place(line) for line in (1, 2, 3)] == [(2, 1), (2, 2), (4, 1)]
    assert [notebook.line(*place) for place in ((2, 1), (2, 2), (4, 1))] == [1, 2, 3]
    assert notebook.line(1, 1) is None


def test_what_only_ipython_knows_keeps_its_line() -> None:
    notebook = Notebook(book(MAGICS, "%%bash\nrm x", "%%time\nz = 1", "s = '''\n%d\n'''\nt = (s\n% 3)"))
    assert pipeline.parses("a.py", notebook.source.encode())
    rows = notebook.source.splitlines()
    assert rows[6] == "    pass  # ipython: !rm {files}" and rows[7] == "if 1: y = f(x)"
    assert rows[9:12] == ["# ipython-cell: %%bash", "# ipython-cell: rm x", "pass  # ipython: %%time"]
    assert rows[13:] == ["s = '''", "%d", "'''", "t = (s", "% 3)"]
    assert notebook.shown.splitlines()[7:9] == ["%time y = f(x)", "torch?"]


@pytest.mark.parametrize("one_text", [False, True])
@pytest.mark.parametrize("layout", [
    {"indent": 1}, {"indent": 4}, {"indent": None}, {"separators": (",", ":")}, {"indent": 1, "ensure_ascii": False},
    {"indent": "\t", "sort_keys": True},
])  # fmt: skip
def test_a_change_leaves_all_else_as_it_was(layout: dict[str, Any], one_text: bool) -> None:
    raw = book(MAGICS, "a = 'é'\nb = a", one_text=one_text, **layout)
    notebook = Notebook(raw)
    assert notebook.changed({cell.number: cell.python for cell in notebook.cells}) == raw
    changed = notebook.changed({2: "import os\n" + notebook.cells[0].python, 3: "a = 'ü'\nb = a\n"})
    assert changed == book("import os\n" + MAGICS, "a = 'ü'\nb = a", one_text=one_text, **layout)


def test_a_change_that_would_lose_a_line_of_ipython_is_refused() -> None:
    notebook = Notebook(book(MAGICS, "%%bash\nls"))
    assert notebook.changed({2: notebook.cells[0].python.replace("if 1: ", "if 2: ")}) is None
    assert notebook.changed({3: "x = 1\n"}) is None


def test_another_language() -> None:
    assert Notebook(book("x <- 1", language="R")).source == ""


@pytest.mark.parametrize("raw, told", [
    (b"", "ends too early"), (b"{", "ends too early"), (b'{"cells": [1', "no notebook"), (b"[]", "an object"),
    (b'{"cells": 3}', "a list"), (b'{"worksheets": []}', "format 3"), (b'{"a": 1}', "no cells"), (b"\xff", "no notebook"),
    (b'{"cells": ' + b"[" * 100_000, "no notebook"), (b'{"cells": [3]}', "an object"), (b'{"cells" []}', "a colon"),
])  # fmt: skip
def test_what_is_no_notebook(raw: bytes, told: str) -> None:
    with pytest.raises(NotebookError, match=told):
        Notebook(raw)
    result = pipeline.predict_bytes("a.ipynb", raw, alone=True)
    assert result.failure and told in result.failure.message


def test_no_token_is_written_otherwise_in_json() -> None:
    for token in {*CAUSES, *(token for rule in pipeline.all_rules() for token in rule.tokens)}:
        assert json.dumps(token.decode()) == f'"{token.decode()}"'


def test_what_cannot_matter_is_not_looked_into_but_escapes_are() -> None:
    assert pipeline.check_bytes("a.ipynb", b"{ no notebook", alone=True).failure is None
    raw = book("import torch\nx = torch.ones(2, requires_grad=True)\nx += 1").replace(
        b"requires_grad", b"requires\\u005fgrad"
    )
    assert [one.code for one in pipeline.check_bytes("a.ipynb", raw, alone=True).findings] == ["GRD111"]


@pytest.mark.parametrize("cell", [
    {"cell_type": "code"}, {"source": ["x = 1"]}, {"cell_type": "code", "source": 3}, {"cell_type": "code", "source": [3]},
    {"cell_type": "raw", "source": "x ="}, {},
])  # fmt: skip
def test_odd_cells_are_left_out(cell: dict[str, Any]) -> None:
    raw = json.dumps({"cells": [cell, {"cell_type": "code", "source": "import torch"}]}).encode()
    assert Notebook(raw).source == "import torch\n"


def test_a_fix_stays_in_its_cell() -> None:
    raw = book("import torch\n%matplotlib inline", "with torch.no_grad:\n    %time y = torch.ones(2)\ny")
    assert pipeline.fix_bytes("a.ipynb", raw, alone=True) == raw.replace(b"no_grad:", b"no_grad():")
    here, there = (Edit(Span(line, 1, line, 1), "    ") for line in (2, 4))
    two = book("if x:\n    pass", "if y:\n    pass")
    assert pipeline.mend("a.ipynb", two, [Fix("", (here, there), Safety.SAFE)], unsafe=False) == two
    assert pipeline.mend("a.ipynb", two, [Fix("", (there,), Safety.SAFE)], unsafe=False) != two


def test_a_cell_that_does_not_parse_is_told_and_the_others_are_looked_at() -> None:
    raw = book("import torch\nx = torch.ones(2, requires_grad=True)", "a = 1\nthis is not ( Python", "x += 1")
    result = pipeline.check_bytes("a.ipynb", raw, alone=True)
    assert [(one.code, one.span.line) for one in result.findings] == [("GRD111", 5)]
    assert result.failure and result.failure.line == 4


def test_a_value_may_wait_at_the_top_level() -> None:
    raw = book("import torch\nx = torch.ones(2, requires_grad=True)\nawait later()\nx += 1")
    result = pipeline.check_bytes("a.ipynb", raw, alone=True)
    assert result.failure is None
