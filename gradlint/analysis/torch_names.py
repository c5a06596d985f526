"""Names of torch: every way to spell one thing leads to one qualified name."""

from __future__ import annotations

import math
from typing import Any

from gradlint.analysis.values import FALSE, Const, Extern, Opaque

PREFIXES = (
    ("torch.autograd.grad_mode.", "torch."),
    ("torch.nn.parameter.", "torch.nn."),
    ("torch.functional.", "torch."),
    ("torch.optim.optimizer.Optimizer", "torch.optim.Optimizer"),
    ("torch.autograd.function.", "torch.autograd."),
    ("torch.autograd.variable.", "torch.autograd."),
    ("torch._tensor.", "torch."),
    ("torch.distributed.algorithms.", "torch.distributed."),
    ("torch.utils.data.dataloader.", "torch.utils.data."),
    ("torch.utils.data.dataset.", "torch.utils.data."),
    ("torch._functorch.", "torch.func."),
    ("functorch.", "torch.func."),
    ("torch.cuda.amp.GradScaler", "torch.amp.GradScaler"),
    ("torch.cuda.amp.grad_scaler.GradScaler", "torch.amp.GradScaler"),
    ("torch.cuda.amp.autocast", "torch.autocast"),
    ("torch.amp.autocast", "torch.autocast"),
    ("torch.cpu.amp.autocast", "torch.autocast"),
    ("numpy.core.", "numpy."),
    ("torch.multiprocessing.", "multiprocessing."),
    ("lightning.pytorch.", "pytorch_lightning."),
    ("lightning.fabric.", "lightning_fabric."),
)
ALIASES = {
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.enable_grad": "torch.enable_grad",
    "torch.autograd.set_grad_enabled": "torch.set_grad_enabled",
    "torch._C._set_grad_enabled": "torch.set_grad_enabled",
    "torch.autograd.inference_mode": "torch.inference_mode",
    "torch.Parameter": "torch.nn.Parameter",
    "torch.autograd.Parameter": "torch.nn.Parameter",
    "torch.nn.Buffer": "torch.nn.Buffer",
    "lightning.LightningModule": "pytorch_lightning.LightningModule",
    "lightning.Trainer": "pytorch_lightning.Trainer",
    "lightning.Fabric": "lightning_fabric.Fabric",
    "typing_extensions.NamedTuple": "typing.NamedTuple",
}
CONSTANTS: dict[str, Any] = {
    "math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "math.nan": math.nan, "math.tau": math.tau,
    "torch.pi": math.pi, "torch.inf": math.inf, "torch.nan": math.nan, "torch.e": math.e,
    "numpy.pi": math.pi, "numpy.inf": math.inf, "numpy.nan": math.nan, "numpy.e": math.e,
    "typing.TYPE_CHECKING": False,
}  # fmt: skip


def canonical(name: str) -> str:
    """The one name under which models know a thing: `torch.nn.modules.linear.Linear` is `torch.nn.Linear`."""
    if name.startswith("torch.nn.modules."):
        last = name.rpartition(".")[2]
        if last[:1].isupper():
            name = f"torch.nn.{last}"
    elif name.startswith("torch.distributions.") and name.count(".") > 2:
        last = name.rpartition(".")[2]
        if last[:1].isupper():
            name = f"torch.distributions.{last}"
    elif name.startswith("torch.optim.") and name.count(".") > 2 and not name.startswith("torch.optim.lr_scheduler."):
        last = name.rpartition(".")[2]
        if last[:1].isupper() and name.split(".")[2][:1].islower():
            name = f"torch.optim.{last}"
    for prefix, short in PREFIXES:
        if name.startswith(prefix):
            name = short + name[len(prefix) :]
            break
    return ALIASES.get(name, name)


def value_of(name: str) -> Any:
    """The value that a dotted name outside the project stands for."""
    name = canonical(name)
    if name in CONSTANTS:
        return Const(CONSTANTS[name])
    if name.startswith("torch.version.") or name.endswith(".__version__"):
        return Opaque(("extern", name), FALSE, "number")
    return Extern(name)
