"""Compare the engine's modules with PyTorch's on PyTorch's own sample inputs of them.

For every module of `module_db`, and the others that `more_modules` has samples of, each sample is built on both with
one seed, the parameters of torch's are loaded into the engine's, and both run, in training and in evaluation: the
parameters at the start, `repr`, outputs, first and second derivatives by inputs and parameters, and the state
afterwards. `python -m tools.engine.modules [--only Linear,LSTM]`
prints a table; needs PyTorch.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import warnings
from typing import Any

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "..", "runtime"), os.path.dirname(__file__)]
import torch  # noqa: E402
from both import engine, tensors, translate  # noqa: E402
from conformance import Report, derivatives, differentiable, differs, dtype_name_of, judging, starts_for  # noqa: E402
from more_modules import more_db  # noqa: E402
from table import examined, parser, put  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

MODULES = [*module_db, *more_db]


def built(module: Any, name: str, given: Any, kind: Any, training: bool) -> Any:
    module.manual_seed(11)
    return getattr(module.nn, name)(*given.args, **given.kwargs).to(kind).train(training)


def copied(given: Any) -> Any:
    """Leaves with the values of the sample, so that no run sees what another did to them."""
    seen: dict[int, Any] = {}

    def copy_of(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in seen:
                seen[id(value)] = value.detach().clone().requires_grad_(value.requires_grad)
            return seen[id(value)]
        if isinstance(value, list | tuple):
            return type(value)(map(copy_of, value))
        return {key: copy_of(each) for key, each in value.items()} if isinstance(value, dict) else value

    return type(given)(*copy_of(given.args), **copy_of(given.kwargs))


def counterpart(name: str, sample: Any, theirs: Any, kind: Any, training: bool) -> tuple[Any, str]:
    """The engine's module with the parameters of torch's, and what was different before they were copied."""
    seen: dict[int, Any] = {}
    given = type(sample.constructor_input)(*translate(sample.constructor_input.args, seen),
                                           **translate(sample.constructor_input.kwargs, seen))  # fmt: skip
    ours = built(engine, name, given, translate(kind), training)
    lazy = hasattr(theirs, "cls_to_become")
    told = "" if lazy else same_state("at the start", ours, theirs, 100.0)
    if lazy:
        theirs(*copied(sample.forward_input).args)
    elif repr(ours) != repr(theirs):
        told = told or f"repr {ours!r}, torch {theirs!r}"
    ours.load_state_dict(translate(theirs.state_dict()))
    return ours, told


def same_state(when: str, ours: Any, theirs: Any, factor: float = 1.0) -> str:
    mine, other = ours.state_dict(), theirs.state_dict()
    if list(mine) != list(other):
        return f"state {when}: {list(mine)}, torch {list(other)}"
    return differs(f"state {when}", list(mine.values()), list(other.values()), factor)


def ran(module: Any, model: Any, given: Any, second: bool) -> tuple[list[Any], list[Any], Any]:
    """Outputs, and what of them and of the inputs and parameters counts for derivatives."""
    module.manual_seed(5)
    outputs = tensors(model(*given.args, **given.kwargs))
    inputs = [each for each in [*tensors(given.args), *tensors(given.kwargs), *model.parameters()]
              if each.requires_grad]  # fmt: skip
    return outputs, inputs, differentiable(outputs)


def compare(report: Report, info: Any, sample: Any, kind: Any, training: bool) -> str:
    second = info.supports_gradgrad and kind is torch.float64
    name = info.module_cls.__name__
    theirs = built(torch, name, sample.constructor_input, kind, training)
    ours, told = counterpart(name, sample, theirs, kind, training)
    if told:
        return told
    given = copied(sample.forward_input)
    seen: dict[int, Any] = {}
    mine = type(given)(*translate(given.args, seen), **translate(given.kwargs, seen))
    outputs, inputs, ends = ran(torch, theirs, given, second)
    our_outputs, our_inputs, our_ends = ran(engine, ours, mine, second)
    told = differs("output", our_outputs, outputs, 1.0) or same_state("afterwards", ours, theirs)
    if told or [each.requires_grad for each in our_outputs] != [each.requires_grad for each in outputs]:
        return told or "other outputs require grad"
    names = [None if each.grad_fn is None else type(each.grad_fn).__name__ for each in outputs]
    found = [None if each.grad_fn is None else type(each.grad_fn).__name__ for each in our_outputs]
    if names != found:
        return f"nodes {found}, torch {names}"
    starts = starts_for(ends)
    try:
        expected = derivatives(torch, ends, inputs, starts, second)
    except (RuntimeError, NotImplementedError):
        # torch has no second derivative of this one.
        second, (_, inputs, ends) = False, ran(torch, theirs, given, False)
        _, our_inputs, our_ends = ran(engine, ours, mine, False)
        expected = derivatives(torch, ends, inputs, starts, False)
    made = derivatives(engine, our_ends, our_inputs, translate(starts), second)
    nothing = [None] * len(inputs)
    told = differs("gradient", made[0], expected[0], 10.0)
    told = told or differs("second derivative", made[1] or nothing, expected[1] or nothing, 100.0)
    report.first += bool(ends)
    report.second += bool(expected[1])
    return told


def modes(info: Any) -> list[bool]:
    return [True, False] if info.train_and_eval_differ else [True]


def examine(index: int, options: argparse.Namespace) -> Report:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    info = MODULES[index]
    report = Report(info.name)
    for kind in (getattr(torch, name) for name in options.dtypes.split(",")):
        if kind not in info.dtypes:
            continue
        for training in modes(info):
            torch.manual_seed(1)
            samples = info.module_inputs_func(info, device="cpu", dtype=kind, requires_grad=True, training=training)
            for number, sample in enumerate(samples[: options.samples]):
                if sample.forward_input is None:
                    continue
                label = f"{dtype_name_of(kind)}[{number}] {'train' if training else 'eval'}"
                with judging(report, label, options.seconds):
                    put(report, label, compare(report, info, copy.copy(sample), kind, training))
    return report


def main() -> None:
    options = parser(__doc__ or "").parse_args()
    examined("modules", [info.module_cls.__name__ for info in MODULES], examine, options)


if __name__ == "__main__":
    main()
