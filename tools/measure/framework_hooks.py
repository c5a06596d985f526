"""Judges rows of `frameworks.txt` by running the frameworks, as far as they are installed: in which mode hooks really run.

    python -m tools.measure.framework_hooks

None of the frameworks is needed by gradlint or its tests; install those to be judged beside torch. Prints what differs from
the table and what could not be run; exits 1 where something differs.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gradlint.torch_model import frameworks

Seen = dict[str, set[str]]
EXPECTED = {"on": {"grad"}, "off": {"no_grad", "off"}, "inference": {"inference", "off"}}
"""What a row may say of a hook that is seen in a mode."""


def mode() -> str:
    return "inference" if torch.is_inference_mode_enabled() else "on" if torch.is_grad_enabled() else "off"


def noting(cls: type, names: list[str], seen: Seen) -> None:
    """Let methods of a class note the mode they run in, and go on to what they override."""
    for name in names:
        base = getattr(cls, name)

        @functools.wraps(base)
        def hook(self: Any, *args: Any, _base: Any = base, _name: str = name, **kwargs: Any) -> Any:
            seen.setdefault(_name, set()).add(mode())
            return _base(self, *args, **kwargs)

        setattr(cls, name, hook)


def lightning() -> dict[str, Seen]:
    """Every hook of a LightningModule and a Callback, over fit with validation, validate, test and predict."""
    pl = importlib.import_module("lightning.pytorch")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    seen: dict[str, Seen] = {"pytorch_lightning.LightningModule": {}, "pytorch_lightning.Callback": {}}

    class Model(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def training_step(self, batch: Tensor, index: int) -> Tensor:
            return self.layer(batch).sum()

        def validation_step(self, batch: Tensor, index: int) -> None: ...

        def test_step(self, batch: Tensor, index: int) -> None: ...

        def predict_step(self, batch: Tensor, index: int) -> Tensor:
            return self.layer(batch)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    class Watcher(pl.Callback):  # type: ignore[misc, name-defined]
        pass

    steps = ["training_step", "validation_step", "test_step", "predict_step"]
    steps += ["configure_optimizers", "backward", "optimizer_step"]
    hooks = [n for n in dir(pl.LightningModule) if n.startswith("on_") and callable(getattr(pl.LightningModule, n))]
    noting(Model, steps + hooks, seen["pytorch_lightning.LightningModule"])
    noting(Watcher, [n for n in dir(pl.Callback) if n.startswith("on_")], seen["pytorch_lightning.Callback"])
    with tempfile.TemporaryDirectory() as folder:
        quiet = {f"enable_{n}": False for n in ("checkpointing", "progress_bar", "model_summary")}
        trainer = pl.Trainer(
            max_epochs=1, logger=False, accelerator="cpu", callbacks=[Watcher()], default_root_dir=folder, **quiet
        )  # fmt: skip
        model, data = Model(), DataLoader(torch.randn(4, 2), batch_size=2)
        trainer.fit(model, data, data)
        trainer.validate(model, data, verbose=False)
        trainer.test(model, data, verbose=False)
        trainer.predict(model, data)
    return seen


def transformers() -> dict[str, Seen]:
    library = importlib.import_module("transformers")
    seen: dict[str, Seen] = {"transformers.Trainer": {}, "transformers.TrainerCallback": {}}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            y = self.layer(x)
            return {"loss": ((y - labels) ** 2).mean(), "logits": y}

    class Trainer(library.Trainer):  # type: ignore[misc, name-defined]
        pass

    class Watcher(library.TrainerCallback):  # type: ignore[misc, name-defined]
        pass

    steps = ["training_step", "compute_loss", "prediction_step", "evaluation_loop", "evaluate", "log"]
    noting(Trainer, steps, seen["transformers.Trainer"])
    noting(
        Watcher, [n for n in dir(library.TrainerCallback) if n.startswith("on_")], seen["transformers.TrainerCallback"]
    )
    data = [{"x": torch.randn(2), "labels": torch.zeros(1)} for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        options = library.TrainingArguments(
            output_dir=folder, max_steps=1, report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True,
            eval_strategy="steps", eval_steps=1,
        )  # fmt: skip
        trainer = Trainer(model=Model(), args=options, train_dataset=data, eval_dataset=data, callbacks=[Watcher()])
        trainer.train()
        trainer.predict(data)
    return seen


def ignite() -> dict[str, Seen]:
    metrics, engine = importlib.import_module("ignite.metrics"), importlib.import_module("ignite.engine")
    seen: dict[str, Seen] = {"ignite.metrics.Metric": {}}

    class Metric(metrics.Metric):  # type: ignore[misc, name-defined]
        def reset(self) -> None: ...

        def update(self, output: Any) -> None: ...

        def compute(self) -> int:
            return 0

    noting(Metric, ["update", "compute"], seen["ignite.metrics.Metric"])
    evaluator = engine.Engine(lambda _, batch: (batch, batch))
    Metric().attach(evaluator, "metric")
    evaluator.run([torch.zeros(1)])
    return seen


def torchmetrics() -> dict[str, Seen]:
    library = importlib.import_module("torchmetrics")
    seen: dict[str, Seen] = {"torchmetrics.Metric": {}}

    class Metric(library.Metric):  # type: ignore[misc, name-defined]
        full_state_update = False

        def __init__(self) -> None:
            super().__init__()
            self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

        def update(self, x: Tensor) -> None:
            self.total = self.total + x.sum()

        def compute(self) -> Tensor:
            return self.total * 1

    noting(Metric, ["update"], seen["torchmetrics.Metric"])
    metric = Metric()
    metric(torch.ones(2))
    metric.update(torch.ones(2))
    return seen


JUDGED: tuple[Callable[[], dict[str, Seen]], ...] = (lightning, transformers, ignite, torchmetrics)


def differences(seen: dict[str, Seen]) -> list[str]:
    """Hooks of which the table says something else than was seen. A hook seen in several modes must be "?" or "off"."""
    found = []
    for base, hooks in seen.items():
        for name, modes in hooks.items():
            word = frameworks.hook_mode(base, name)
            allowed = set.intersection(*(EXPECTED[m] for m in modes)) | {None}
            if word not in allowed:
                found.append(f"{base}.{name}: the table says {word}, seen {'+'.join(sorted(modes))}")
    return found


def main() -> int:
    wrong = 0
    for judge in JUDGED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                seen = judge()
            except ImportError as error:
                sys.stdout.write(f"{judge.__name__}: not run, {error}\n")
                continue
        found = differences(seen)
        wrong += len(found)
        sys.stdout.write("".join(f"{line}\n" for line in found))
        sys.stdout.write(f"{judge.__name__}: {sum(map(len, seen.values()))} hooks run, {len(found)} differ\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
