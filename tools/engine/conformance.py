"""Compare the engine with PyTorch on PyTorch's own sample inputs.

For every operator of `op_db` that the engine has by name, each sample runs on both: values, first and second
derivatives, and flags under each mode. `python tools/engine/conformance.py [--ops add,mul] [--flags N] [--json FILE]`
prints a table; needs PyTorch, and `runtime` on the path.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "..", "runtime"), os.path.dirname(__file__)]
import both  # noqa: E402
import torch  # noqa: E402
from both import Untranslatable, array_of, close, dtype_name, engine, tensors, translate  # noqa: E402
from gradlint_runtime.errors import Unsupported  # noqa: E402
from table import gathered  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

CONTEXTS = (
    "plain",
    "no_grad",
    "inference_mode",
    "plain>enable_grad",
    "no_grad>enable_grad",
    "inference_mode>enable_grad",
)
UNDEFINED = {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "resize_",
             "resize_as_"}  # fmt: skip

# Operators that say where something stands, where several equals may stand.
PICKING = {"sort", "topk", "kthvalue", "argsort", "mode", "median", "nanmedian"}


@dataclass
class Report:
    """What was seen of one operator."""

    name: str
    variant: str = ""
    samples: int = 0
    equal: int = 0
    first: int = 0
    second: int = 0
    flags: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    missing: str = ""


class TooSlow(Exception):
    pass


@contextlib.contextmanager
def limit(seconds: int) -> Iterator[None]:
    def stop(*args: Any) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextlib.contextmanager
def judging(report: Report, label: str, seconds: int) -> Iterator[None]:
    """One sample is compared within a limit of time: it counts, and so does what is refused or goes wrong."""
    report.samples += 1
    try:
        with limit(seconds):
            yield
    except (Unsupported, Untranslatable) as error:
        report.refused[str(error)] += 1
    except TooSlow:
        report.refused["too slow"] += 1
    except Exception as error:
        report.wrong.append(f"{label} {type(error).__name__}: {str(error)[:200]}")


def entered(module: Any, name: str) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    for part in name.split(">"):
        if part != "plain":
            stack.enter_context(getattr(module, part)())
    return stack


def fresh(sample: Any, requires_grad: bool | None = None) -> tuple[Any, Any, Any]:
    """Leaves with the sample's values, so that no run sees what another did to them."""
    seen: dict[int, Any] = {}

    def copied(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in seen:
                made = value.detach().clone(memory_format=torch.preserve_format)
                if value.layout is torch.strided and not value.is_contiguous():
                    made = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
                    with contextlib.suppress(RuntimeError):
                        made.copy_(value.detach())
                wanted = value.requires_grad if requires_grad is None else requires_grad and value.requires_grad
                seen[id(value)] = made.requires_grad_(wanted)
            return seen[id(value)]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(copied, value))
        if isinstance(value, list | tuple):
            return type(value)(map(copied, value))
        if isinstance(value, dict):
            return {key: copied(each) for key, each in value.items()}
        return value

    return copied(sample.input), copied(sample.args), copied(sample.kwargs)


def run(function: Callable[..., Any], given: tuple[Any, Any, Any], after: Any = None) -> Any:
    """A call; `after` is what the sample says to compare in the place of results that are not unique."""
    made = function(given[0], *given[1], **given[2])
    return made if after is None else after(made)


def differentiable(outputs: list[Any]) -> list[Any]:
    return [each for each in outputs if each.requires_grad]


def starts_for(outputs: list[Any]) -> list[torch.Tensor]:
    made = []
    generator = torch.Generator().manual_seed(7)
    for each in outputs:
        real = torch.rand(each.shape, dtype=torch.float64, generator=generator) + 0.5
        if each.dtype.is_complex:
            real = torch.complex(real, torch.rand(each.shape, dtype=torch.float64, generator=generator))
        made.append(real.to(each.dtype))
    return made


def derivatives(module: Any, outputs: list[Any], inputs: list[Any], starts: list[Any], second: bool) -> Any:
    """First derivatives, and those of a sum of them."""
    if not outputs or not inputs:
        return [], []
    first = module.autograd.grad(outputs, inputs, starts, allow_unused=True, create_graph=second, retain_graph=True)
    if not second:
        return list(first), []
    live = [(each, at) for at, each in enumerate(first) if each is not None and each.requires_grad]
    if not live:
        return list(first), []
    weights = [each.detach() * 0 + (0.3 + 0.1 * (at % 5)) for each, at in live]
    return list(first), list(module.autograd.grad([each for each, _ in live], inputs, weights, allow_unused=True))


def differs(what: str, ours: list[Any], theirs: list[Any], factor: float) -> str:
    if len(ours) != len(theirs):
        return f"{what}: {len(ours)} results, torch has {len(theirs)}"
    for at, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a is None or b is None:
            # No gradient and a gradient of zeros mean the same.
            other = b if a is None else a
            if other is not None and bool((array_of(other) != 0).any()):
                return f"{what} {at}: one side has none"
            continue
        if dtype_name(a) != dtype_name(b):
            return f"{what} {at}: {dtype_name(a)}, torch has {dtype_name(b)}"
        x, y = array_of(a), array_of(b)
        if x.shape != y.shape:
            return f"{what} {at}: shape {x.shape}, torch has {y.shape}"
        if not close(x, y, dtype_name(b), factor):
            gap = np.abs(np.asarray(x, complex) - np.asarray(y, complex)) if x.size else np.zeros(1)
            return f"{what} {at}: values differ by {np.nanmax(gap, initial=0):.3g}"
    return ""


def flags_of(outputs: list[Any], inputs: list[Any]) -> list[Any]:
    known = {id(each): at for at, each in enumerate(inputs)}
    told = []
    for each in outputs:
        node = each.grad_fn
        told.append((
            each.requires_grad, each.is_leaf, each._is_view(), each.is_inference(), known.get(id(each)),
            None if node is None else type(node).__name__,
        ))  # fmt: skip
    return told


def compare_flags(report: Report, sample: Any, ours: Any, theirs: Any, label: str) -> None:
    for wanted in (True, False):
        for context in CONTEXTS:
            given = fresh(sample, wanted)
            mine = tuple(translate(given, {}))
            results: list[Any] = []
            for module, function, args in ((torch, theirs, given), (engine, ours, mine)):
                module.manual_seed(3)
                try:
                    with entered(module, context):
                        outputs = tensors(run(function, args))
                        results.append(flags_of(outputs, tensors(args)))
                except Unsupported:
                    raise
                except Exception as error:
                    results.append(type(error).__name__)
            if results[0] != results[1]:
                report.wrong.append(f"{label} {context} rg={wanted}: {results[1]}, torch {results[0]}")
                return
    report.flags += 1


def made_in_inference_mode(module: Any, given: Any) -> Any:
    """The same arguments with inference tensors in the place of the tensors."""
    if isinstance(given, module.Tensor):
        with module.inference_mode():
            return given.detach().clone().requires_grad_(given.requires_grad)
    if isinstance(given, list | tuple) and not hasattr(given, "_fields"):
        return type(given)(made_in_inference_mode(module, each) for each in given)
    if isinstance(given, dict):
        return {key: made_in_inference_mode(module, each) for key, each in given.items()}
    return given


def compare_inference(report: Report, sample: Any, ours: Any, theirs: Any, label: str) -> None:
    """Inference tensors outside their mode: autograd does not see the call, but the writes inside its kernel."""
    for wanted in (False, True):
        given = fresh(sample, wanted)
        mine = tuple(translate(given, {}))
        told: list[Any] = []
        for module, function, args in ((torch, theirs, given), (engine, ours, mine)):
            args = made_in_inference_mode(module, args)
            module.manual_seed(3)
            try:
                outputs = tensors(run(function, args))
                versions = [None if each.is_inference() else each._version for each in outputs]
                told.append([*flags_of(outputs, tensors(args)), versions])
            except Unsupported:
                raise
            except Exception as error:
                told.append(f"{type(error).__name__} {str(error)[:100]}")
        if told[0] != told[1]:
            report.wrong.append(f"{label} of inference tensors rg={wanted}: {told[1]}, torch {told[0]}")
            return
    report.flags += 1


def compare_sample(report: Report, op: Any, sample: Any, ours: Any, label: str, second: bool, factor: float) -> bool:
    given = fresh(sample)
    mine = translate(given, {})
    after = sample.output_process_fn_grad
    their_after = our_after = None
    if getattr(after, "__name__", "") not in ("<lambda>", "") or op.name.startswith(
        ("linalg.", "svd", "qr", "lu", "pca")
    ):
        their_after, our_after = after, both.function_of(after)
    torch.manual_seed(5)
    try:
        theirs_out = run(op.op, given, their_after)
    except Exception as error:
        report.refused[f"fails on torch: {type(error).__name__}"] += 1
        return True
    engine.manual_seed(5)
    ours_out = run(ours, mine, our_after)
    theirs, our = tensors(theirs_out), tensors(ours_out)
    if not theirs and not our:
        if isinstance(theirs_out, float | int | complex | bool) and theirs_out != ours_out and theirs_out == theirs_out:
            report.wrong.append(f"{label}: {ours_out}, torch {theirs_out}")
            return False
        return True
    if op.name in PICKING:
        our, theirs, same = same_picks(op.name, our, theirs, given)
        if not same:
            told = differs("value", our, theirs, factor)
            if told:
                report.wrong.append(f"{label} {told}")
            return not told
    if op.name not in UNDEFINED:
        told = differs("value", our, theirs, factor)
        if told:
            report.wrong.append(f"{label} {told}")
            return False
    elif [each.shape for each in our] != [tuple(each.shape) for each in theirs]:
        report.wrong.append(f"{label} shapes differ")
        return False
    their_outputs, our_outputs = differentiable(theirs), differentiable(our)
    their_inputs = [each for each in tensors(given) if each.requires_grad]
    our_inputs = [each for each in tensors(mine) if each.requires_grad]
    if len(their_outputs) != len(our_outputs):
        report.wrong.append(f"{label}: {len(our_outputs)} outputs require grad, in torch {len(their_outputs)}")
        return False
    starts = starts_for(their_outputs)
    try:
        expected = derivatives(torch, their_outputs, their_inputs, starts, second)
    except (RuntimeError, NotImplementedError):
        if not second:
            return True
        given, mine = fresh(sample), None
        mine = translate(given, {})
        torch.manual_seed(5)
        their_outputs = differentiable(tensors(run(op.op, given, their_after)))
        their_inputs = [each for each in tensors(given) if each.requires_grad]
        engine.manual_seed(5)
        our_outputs = differentiable(tensors(run(ours, mine, our_after)))
        our_inputs = [each for each in tensors(mine) if each.requires_grad]
        second = False
        try:
            expected = derivatives(torch, their_outputs, their_inputs, starts, False)
        except (RuntimeError, NotImplementedError):
            return True
    found = derivatives(engine, our_outputs, our_inputs, translate(starts), second)
    told = differs("gradient", found[0], expected[0], 10 * factor)
    if not told and second:
        wanted = [None if each is None else each.requires_grad for each in expected[0]]
        have = [None if each is None else each.requires_grad for each in found[0]]
        if wanted != have and [bool(each) for each in wanted] != [bool(each) for each in have]:
            told = f"gradients require grad: {have}, in torch {wanted}"
        nothing = [None] * len(expected[0])
        told = told or differs("second derivative", found[1] or nothing, expected[1] or nothing, 100 * factor)
    if told:
        report.wrong.append(f"{label} {told}")
        return False
    report.first += bool(their_outputs)
    report.second += bool(expected[1])
    return True


def same_picks(name: str, ours: list[Any], theirs: list[Any], given: Any) -> tuple[list[Any], list[Any], bool]:
    """Where the two picked different places of equal values, the values in the place of the places; did they not?"""
    same = True
    source = given[0].detach()
    counts = name in ("topk", "kthvalue")
    numbers = [each for each in given[1][counts:] if type(each) is int]
    dim = given[2].get("dim", numbers[0] if numbers else -1)
    for at, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if b.dtype != torch.int64 or a.shape != tuple(b.shape) or (array_of(a) == b.numpy()).all() or (
            at == 0 and len(theirs) > 1 and name != "argsort"):  # fmt: skip
            continue
        same = False
        values = [np.take_along_axis(array_of(source), index.reshape(-1 if index.ndim else 1) if source.ndim == 1
                  else np.expand_dims(index, dim) if index.ndim < source.ndim else index, dim)
                  for index in (array_of(a), b.numpy())]  # fmt: skip
        ours = [*ours[:at], translate(torch.as_tensor(values[0])), *ours[at + 1 :]]
        theirs = [*theirs[:at], torch.as_tensor(values[1]), *theirs[at + 1 :]]
    return ours, theirs, same


def dtypes_for(op: Any, wanted: list[str]) -> list[torch.dtype]:
    return [kind for kind in (getattr(torch, name) for name in wanted) if kind in op.dtypes]


def examine(index: int, options: argparse.Namespace) -> Report:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    op = op_db[index]
    report = Report(op.name, op.variant_test_name)
    try:
        ours = both.function_of(op.op)
        with contextlib.suppress(AttributeError, Unsupported, TypeError):
            pass
    except (Unsupported, Untranslatable, AttributeError) as error:
        report.missing = str(error)
        return report
    for kind in dtypes_for(op, options.dtypes.split(",")):
        floating = kind.is_floating_point or kind.is_complex
        grads = floating and op.supports_autograd
        try:
            with limit(options.seconds):
                samples = list(op.sample_inputs("cpu", kind, requires_grad=grads))[: options.samples]
        except Exception as error:
            report.refused[f"no samples: {type(error).__name__}"] += 1
            continue
        for number, sample in enumerate(samples):
            label = f"{dtype_name_of(kind)}[{number}]"
            with judging(report, label, options.seconds):
                second = grads and op.supports_gradgrad and kind in (torch.float64, torch.complex128)
                equal = compare_sample(report, op, sample, ours, label, second, 1.0)
                if equal and number < options.flags and kind == torch.float64:
                    compare_flags(report, sample, ours, op.op, label)
                    if options.inference:
                        compare_inference(report, sample, ours, op.op, label)
                report.equal += equal
    return report


def dtype_name_of(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", help="names, separated by commas; a trailing * matches the rest")
    parser.add_argument("--dtypes", default="float64,float32,complex128,int64,bool,bfloat16")
    parser.add_argument("--samples", type=int, default=10_000, help="at most so many samples of each dtype")
    parser.add_argument("--flags", type=int, default=10_000, help="samples of each operator whose flags are compared")
    parser.add_argument("--inference", action="store_true", help="compare what is made of inference tensors as well")
    parser.add_argument("--seconds", type=int, default=20, help="limit for one sample")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json")
    parser.add_argument("--quiet", action="store_true", help="only what differs")
    options = parser.parse_args()
    chosen = [index for index, op in enumerate(op_db) if _wanted(op.name, options.ops)]
    show(gathered(chosen, examine, options), options.quiet)


def _wanted(name: str, asked: str | None) -> bool:
    if not asked:
        return True
    return any(name == each or (each.endswith("*") and name.startswith(each[:-1])) for each in asked.split(","))


def show(reports: list[Report], quiet: bool) -> None:
    for report in reports:
        title = report.name + (f".{report.variant}" if report.variant else "")
        refused = sum(report.refused.values())
        state = "missing" if report.missing else "ok" if not report.wrong else "DIFFERS"
        if not quiet or report.wrong:
            print(f"{title:48} {state:8} samples {report.samples:5} equal {report.equal:5} refused {refused:4} "
                  f"second {report.second:4} flags {report.flags:4}")  # fmt: skip
        for line in report.wrong[:4]:
            print("     ", line[:260])
        if not quiet:
            for reason, count in report.refused.most_common(3):
                print("       refused", count, reason[:200])
    supported = {report.name for report in reports if report.equal}
    clean = supported - {report.name for report in reports if report.wrong}
    print(
        f"\noperators by name: {len({r.name for r in reports})}, supported {len(supported)}, of these without a difference "
        f"{len(clean)}; samples {sum(r.samples for r in reports)}, equal {sum(r.equal for r in reports)}, refused aloud "
        f"{sum(sum(r.refused.values()) for r in reports)}, different {sum(len(r.wrong) for r in reports)}; with second "
        f"derivatives {sum(r.second for r in reports)}, flags compared {sum(r.flags for r in reports)}"
    )


if __name__ == "__main__":
    main()
