"""The three judges, behind one face each: everything the checks know about gradlint, the engine and torch is here."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gradlint import pipeline
from gradlint.findings import Finding, Prediction
from gradlint.sources import config
from gradlint.sources.settings import Settings
from gradlint.syntax.unit import Unit
from gradlint.syntax.verify import verify

from .claims import ROOT, Block, Outcome

Options = tuple[tuple[str, str], ...]
PATH = "claim.py"
REQUIRE_TORCH = "GRADLINT_REQUIRE_TORCH"


def have_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def torch_required() -> bool:
    return os.environ.get(REQUIRE_TORCH, "") not in ("", "0")


def environment(**more: str) -> dict[str, str]:
    """The variables for a child process that has to find the project and this package."""
    assert __package__
    home = Path(__file__).resolve().parents[len(__package__.split("."))]
    paths = [str(home), str(ROOT), str(ROOT / "runtime"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), **more}


def run_blocks(judge: str, blocks: Sequence[Block]) -> dict[str, Outcome]:
    """Run blocks on `torch` or on the `engine`, in one process that forks for each. RuntimeError when it breaks."""
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.worker", judge],
        input=pickle.dumps(list(blocks)),
        capture_output=True,
        env=environment(),
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the {judge} worker ended with {done.returncode}:\n{done.stderr.decode()[-4000:]}")
    outcomes: list[Outcome] = pickle.loads(done.stdout)
    return {outcome.block: outcome for outcome in outcomes}


def have_command() -> bool:
    return importlib.util.find_spec("gradlint.__main__") is not None


def reported(folder: Path, form: str, hash_seed: int) -> str:
    """What `gradlint check` prints about a folder in one format. RuntimeError where it does not end as it should."""
    command = [sys.executable, "-m", "gradlint", "check", "--output-format", form, "--select", "ALL", "."]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(PYTHONHASHSEED=str(hash_seed)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"check --output-format {form} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


class Analyser:
    """The analyser as the checks see it: a program in, plain data out. Planted errors override a method.

    `options` are the settings that a page asks for: `(("extend-select", "GRD401"),)`.
    """

    def findings(self, source: str, options: Options) -> list[Finding]:
        """What `check` reports with every rule but advice; AssertionError where the program cannot be analysed."""
        raise NotImplementedError

    def predictions(self, source: str, options: Options) -> list[Prediction]:
        raise NotImplementedError

    def wants(self, source: str, options: Options) -> bool:
        """Whether sifting lets the program through."""
        raise NotImplementedError

    def broken_ir(self, source: str) -> list[str]:
        """What the verifier says against the program's IR, its functions included."""
        raise NotImplementedError

    def mended(self, source: str, options: Options) -> str:
        """The program after `--fix --unsafe-fixes`."""
        raise NotImplementedError

    def confirmed(self, source: str, options: Options, engine: str) -> list[Finding]:
        """The findings with the outcomes of their witnesses, run on `engine` ("engine" or "torch")."""
        raise NotImplementedError


class CheckoutAnalyser(Analyser):
    """The analyser of this checkout."""

    def findings(self, source: str, options: Options) -> list[Finding]:
        result = pipeline.check_bytes(PATH, source.encode(), settings_of(options), alone=True)
        assert result.failure is None, result.failure
        return list(result.findings)

    def predictions(self, source: str, options: Options) -> list[Prediction]:
        result = pipeline.predict_bytes(PATH, source.encode(), settings_of(options), alone=True)
        assert result.failure is None, result.failure
        return list(result.predictions)

    def wants(self, source: str, options: Options) -> bool:
        return pipeline.wanted(PATH, source.encode(), settings_of(options), alone=True)

    def mended(self, source: str, options: Options) -> str:
        mended = pipeline.fix_bytes(PATH, source.encode(), settings_of(options), unsafe=True, alone=True)
        return mended.decode()

    def confirmed(self, source: str, options: Options, engine: str) -> list[Finding]:
        return list(pipeline.confirm(self.findings(source, options), engine))

    def broken_ir(self, source: str) -> list[str]:
        unit = Unit(PATH, source.encode())

        def resolves(at: int) -> bool:
            try:
                unit.span(at)
            except KeyError:
                return False
            return True

        return verify(unit.module, resolves=resolves)


def settings_of(options: Options) -> Settings:
    """What a page asks for, as a project would say it in its configuration."""
    table = {key: [one.strip() for one in value.split(",")] if "select" in key else value for key, value in options}
    return config.settings_of(table, "")


def have_pipeline() -> bool:
    return importlib.util.find_spec("gradlint.pipeline") is not None
