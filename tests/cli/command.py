"""Runs the command as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BAD = """\
import torch

x = torch.ones(3, requires_grad=True)
with torch.no_grad():
    loss = (x * 2).sum()
loss.backward()
"""
GOOD = BAD.replace("with torch.no_grad():", "if True:")
UNCALLED = """\
import torch

x = torch.ones(3)
with torch.no_grad:
    y = x * 2
"""


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


def gradlint(*arguments: object, cwd: Path, given: bytes = b"", **variables: str) -> Ended:
    path = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "gradlint", *map(str, arguments)], cwd=cwd, input=given, capture_output=True,
        env={**environment, "PYTHONPATH": path, **variables}, timeout=120, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
