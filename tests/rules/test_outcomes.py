"""A message says how the tests must have ended that choose the value it is about."""

from __future__ import annotations

import pytest

from gradlint.pipeline import check_bytes

HEAD = "import torch\nmodel = torch.nn.Linear(2, 1)\ndef step(x, c, d):\n"
EITHER = "    loss = model(x).sum() if c else torch.zeros(())\n"


def messages(body: str) -> list[str]:
    return [finding.message for finding in check_bytes("a.py", (HEAD + body).encode()).findings]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (EITHER + "    loss.backward()\n", "(when `c` (line 4) is false)"),
        ("    loss = model(x).sum()\n    if not c:\n        loss = loss.detach()\n    loss.backward()\n",
         "(when `not c` (line 5) is true)"),
        ("    loss = torch.zeros(())\n    if c and d:\n        loss = model(x).sum()\n    loss.backward()\n",
         "(when `c and d` (line 5) is false)"),
        ("    a = x.detach() if c else x\n    b = model(x).sum() if d else a\n    b.backward()\n",
         "`d` (line 5) is false"),
    ],
)  # fmt: skip
def test_outcome_is_told(body: str, told: str) -> None:
    assert [told in message for message in messages(body)] == [True]


@pytest.mark.parametrize(
    "body",
    [
        "    loss = model(x).sum().detach() if c else torch.zeros(())\n    loss.backward()\n",
        "    if c:\n        loss = model(x).sum().detach()\n        loss.backward()\n",
    ],
)
def test_no_outcome_where_it_decides_nothing(body: str) -> None:
    found = messages(body)
    assert len(found) == 1 and "when" not in found[0]
