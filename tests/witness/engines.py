"""The engines that tests run witnesses on, as parameters: those that are not there are skipped."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAVE_TORCH = importlib.util.find_spec("torch") is not None
HAVE_ENGINE = (ROOT / "runtime" / "gradlint_runtime" / "__init__.py").is_file()
ENGINES = [
    pytest.param("engine", marks=pytest.mark.skipif(not HAVE_ENGINE, reason="the engine is not there")),
    pytest.param("torch", marks=pytest.mark.skipif(not HAVE_TORCH, reason="torch is not installed")),
]
ANY = "engine" if HAVE_ENGINE else "torch"
