"""Compare the engine's optimizers with PyTorch's on PyTorch's own settings of them.

For every optimizer of `optim_db`, each set of arguments (alone, with parameter groups, with each scheduler) drives a few
steps on both from the same parameters: the parameters after every step, learning rates, and the state dictionary at the
end. `python -m tools.engine.optimizers [--only SGD,Adam]` prints a table; needs PyTorch.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "..", "runtime"), os.path.dirname(__file__)]
import torch  # noqa: E402
from both import Untranslatable, engine, function_of, tensors, translate  # noqa: E402
from conformance import Report, differs, dtype_name_of, judging  # noqa: E402
from table import examined, parser, put  # noqa: E402
from torch.testing._internal.common_optimizers import optim_db  # noqa: E402

STEPS = 5
# What rounds in bfloat16 on the way, or divides by differences of gradients, may differ by more than the last digits.
ROUGH = {"Muon": 1e5, "LBFGS": 1e3}


def start(kind: torch.dtype, flat: bool) -> list[torch.Tensor]:
    """Parameters, an input and a target; some optimizers take only matrices."""
    made = torch.Generator().manual_seed(3)
    sizes = ((5, 3), (5, 5)) if flat else ((5, 3), (5,))
    return [torch.randn(size, generator=made, dtype=kind) for size in (*sizes, (4, 3), (4, 5))]


def grouped(parameters: list[Any], groups: bool, rate: float) -> Any:
    return [{"params": parameters[:1], "lr": rate}, {"params": parameters[1:]}] if groups else parameters


def driven(module: Any, values: list[Any], name: str, options: Any, schedule: Any, groups: bool) -> tuple[Any, ...]:
    """A few steps of fitting a line: the parameters after each, the rates, and the state at the end."""
    weight, bias, given, wanted = values
    parameters = [module.nn.Parameter(weight), module.nn.Parameter(bias)]
    optimizer = getattr(module.optim, name)(grouped(parameters, groups, 0.003), **options)
    schedulers = [make(optimizer) for make in schedule]
    seen, rates = [], []

    def closure() -> Any:
        optimizer.zero_grad()
        made = given @ parameters[0].T
        made = made @ parameters[1] if bias.dim() > 1 else made + parameters[1]
        loss = (made - wanted).abs().pow(2).mean()
        loss.backward()
        return loss

    for _ in range(STEPS):
        loss = optimizer.step(closure)
        seen += [each.detach().clone() for each in parameters] + [loss.detach()]
        for each in schedulers:
            each.step(loss.detach()) if type(each).__name__ == "ReduceLROnPlateau" else each.step()
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
    return seen, rates, optimizer.state_dict()


def states_differ(ours: Any, theirs: Any, rough: float) -> str:
    ours, theirs = plain(ours), plain(theirs)
    if list(ours["state"]) != list(theirs["state"]):
        return f"state of {list(ours['state'])}, torch {list(theirs['state'])}"
    for key, state in theirs["state"].items():
        if list(ours["state"][key]) != list(state):
            return f"state has {list(ours['state'][key])}, torch {list(state)}"
        told = differs(f"state {list(state)}", tensors(ours["state"][key]), tensors(state), rough)
        if told:
            return told
    for mine, other in zip(ours["param_groups"], theirs["param_groups"], strict=True):
        if sorted(mine) != sorted(other):
            return f"options {sorted(mine)}, torch {sorted(other)}"
    return ""


def plain(state: Any) -> Any:
    return {"state": dict(state["state"]), "param_groups": state["param_groups"]}


def compare(info: Any, options: dict[str, Any], schedule: list[Callable[..., Any]], groups: bool, kind: Any) -> str:
    name = info.name
    values = start(kind, name == "Muon")
    mine = translate(values), translate(copy.deepcopy(options)), [function_of(each) for each in schedule]
    try:
        expected = driven(torch, values, name, copy.deepcopy(options), schedule, groups)
    except RuntimeError as error:
        raise Untranslatable(f"fails on torch: {str(error)[:60]}") from error
    found = driven(engine, mine[0], name, mine[1], mine[2], groups)
    rough = ROUGH.get(name, 10.0)
    told = differs("value", found[0], expected[0], rough)
    if not told and not all(abs(a - b) < 1e-9 for x, y in zip(found[1], expected[1], strict=True)
                            for a, b in zip(x, y, strict=True)):  # fmt: skip
        told = f"rates {found[1]}, torch {expected[1]}"
    return told or states_differ(found[2], expected[2], rough)


def programs(info: Any) -> list[tuple[str, dict[str, Any], list[Callable[..., Any]], bool]]:
    """Every set of arguments, alone and with groups, and every scheduler with the plainest arguments."""
    made = []
    for given in info.optim_inputs_func(device="cpu"):
        made.append((given.desc, given.kwargs, [], False))
        if info.supports_param_groups and not given.kwargs.get("fused"):
            made.append((f"{given.desc}, groups", given.kwargs, [], True))
        for flag in set(info.supported_impls) - {"differentiable"}:
            made.append((f"{given.desc}, {flag}", {**given.kwargs, flag: True}, [], False))
    for number, schedule in enumerate(info.scheduler_inputs):
        made.append((f"schedulers {number}", {"lr": 0.01}, list(schedule), False))
    return made


def examine(index: int, options: argparse.Namespace) -> Report:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    info = optim_db[index]
    report = Report(info.name)
    for kind in (getattr(torch, name) for name in options.dtypes.split(",")):
        if kind.is_complex and not info.supports_complex:
            continue
        for label, given, schedule, groups in programs(info)[: options.samples]:
            label = f"{dtype_name_of(kind)} {label}"
            with judging(report, label, options.seconds):
                put(report, label, compare(info, given, schedule, groups, kind))
    return report


def main() -> None:
    options = parser(__doc__ or "", "float64,float32,complex128").parse_args()
    examined("optimizers", [info.name for info in optim_db], examine, options)


if __name__ == "__main__":
    main()
