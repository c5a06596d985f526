"""Findings made by hand, as rules would make them, each with the verdict that its witness must reach.

Names of cases say what they show; `RIGHT` must be confirmed, `WRONG` refuted, `OPEN` neither.
"""

from __future__ import annotations

from typing import Any

from gradlint.findings import Evidence, Finding, Origin, Severity, Span

NO_GRAD = ("torch.no_grad()",)
ENABLED = ("torch.no_grad()", "torch.enable_grad()")
INFERENCE = ("torch.inference_mode()",)
NO_GRAPH = "does not require grad and does not have a grad_fn"
LEAF_CHANGED = "a leaf Variable that requires grad is being used in an in-place operation"


def finding(evidence: Evidence | None, line: int = 18) -> Finding:
    return Finding("GRD101", "hand-made", "claim.py", Span(line, 1, line, 9), "", Severity.ERROR, evidence=evidence)


def raising(action: str, *subjects: Origin, text: str, error: str = "RuntimeError", **more: Any) -> Finding:
    return finding(Evidence(action, subjects, raises=error, text=text, **more))


def silent(action: str, *subjects: Origin, holds: str, **more: Any) -> Finding:
    return finding(Evidence(action, subjects, text=holds, **more))


def made(op: str, *args: Any, grad: bool | None = None, **more: Any) -> Origin:
    """An origin at line 7, unless another is given."""
    return Origin(op, args, requires_grad=grad, **{"line": 7, **more})


X = made("input", name="x", line=3)
FIXED = made("input", name="x", line=3, grad=False)
FACTS = made("leaf", name="facts", line=3, grad=False)
W = made("leaf", name="w", line=2, grad=True)
WEIGHT = made("parameter", name="self.weight", line=1, grad=True)
MODE: dict[str, Any] = {"modes": NO_GRAD, "mode_line": 12}

OUT = made("module", X, name="out", line=13, grad=False, **MODE)
LOSS = made("torch.Tensor.sum", OUT, name="loss", line=14, grad=False, **MODE)
GOOD_LOSS = made("torch.Tensor.sum", made("torch.mul", W, 2, line=5, grad=True), name="loss", line=5, grad=True)
UNKNOWN_LOSS = made("unknown", X, name="loss", line=14, grad=False, **MODE)
MASK = made("torch.ones", 2, name="mask", line=5, grad=False, modes=INFERENCE, mode_line=4)
RESULT = made("torch.mul", W, 3.0, name="y", line=6, grad=True)
POWER = made("torch.exp", RESULT, name="e", line=8, grad=True)
LAYER = made("torch.nn.Linear", name="self.head", line=4, grad=True)
FEATURES = made("torch.nn.Conv2d", X, name="features", line=5, grad=False, **MODE)
FLAT = made("torch.Tensor.flatten", FEATURES, 1, line=6, grad=False)
TARGET = made("input", name="target", line=3)
MEAN = made("torch.nn.functional.mse_loss", made("module", FLAT, line=6, grad=True), TARGET, name="loss", grad=True)
IMAGE = made("torch.Tensor.unsqueeze", X, 0, line=4, **MODE)
FLAT_IMAGE = made("torch.Tensor.flatten", made("torch.nn.Conv2d", IMAGE, grad=False, **MODE), 1, grad=False, **MODE)
NOWHERE = Origin("unknown")

RIGHT: dict[str, Finding] = {
    "backward under no_grad": raising("{0}.backward()", LOSS, text=NO_GRAPH),
    "backward of operators": raising(
        "{0}.backward()",
        made("torch.Tensor.mean", made("torch.pow", made("torch.sub", W, X, line=9, grad=False, **MODE), 2, line=9,
             grad=False, **MODE), line=9, name="loss", grad=False, **MODE),
        text=NO_GRAPH,
    ),
    "backward of a detached value": raising(
        "{0}.backward()", made("torch.Tensor.sum", made("torch.Tensor.detach", W, grad=False), grad=False),
        text=NO_GRAPH,
    ),
    "backward of .data": raising("{0}.backward()", made("torch.Tensor.data", W, grad=False), text=NO_GRAPH),
    "backward of a frozen layer": raising(
        "{0}.backward()", made("torch.nn.Linear", FIXED, name="out", grad=False), text=NO_GRAPH
    ),
    "backward of an operation without derivative": raising(
        "{0}.backward()", made("torch.Tensor.argmax", W, grad=False, floating=False), text=NO_GRAPH
    ),
    "backward of a rewrapped loss": raising(
        "{0}.backward()", made("torch.tensor", made("torch.Tensor.sum", W, grad=True), grad=False), text=NO_GRAPH
    ),
    "backward of a list of losses": raising(
        "{0}.backward()", made("torch.Tensor.mean", made("torch.stack", [LOSS, LOSS], grad=False)), text=NO_GRAPH
    ),
    "backward of a loss of classes": raising(
        "torch.autograd.backward({0})",
        made("torch.nn.functional.cross_entropy", OUT, made("input", name="target", line=2), grad=False, line=15),
        text=NO_GRAPH,
    ),
    "grad of a value in inference mode": raising(
        "torch.autograd.grad({0}, {1})", made("torch.mul", W, 2, grad=False, modes=INFERENCE), W, text=NO_GRAPH
    ),
    "in place on a leaf": raising("{0}.mul_(1)", W, text=LEAF_CHANGED),
    "in place on a parameter": raising("{0}[...] = 0", WEIGHT, text=LEAF_CHANGED),
    "in place on a view of a leaf": raising(
        "{0}.mul_(1)", made("torch.Tensor.view", WEIGHT, -1, grad=True), text="a view of a leaf Variable"
    ),
    "in place under enable_grad": raising("{0}.add_(1)", W, text=LEAF_CHANGED, modes=ENABLED),
    "inference tensor saved": raising(
        "{0}", made("torch.mul", W, MASK, name="out", line=18), text="Inference tensors cannot be saved for backward"
    ),
    "inference tensor changed in place": raising(
        "{0}.zero_()", MASK, text="Inplace update to inference tensor outside InferenceMode"
    ),
    "numpy of a tensor that requires grad": raising("{0}.numpy()", RESULT, text="Can't call numpy() on Tensor that"),
    "hook under no_grad": raising("{0}.register_hook(print)", OUT, text="cannot register a hook on a tensor"),
    "retain_grad of an input": raising("{0}.retain_grad()", FIXED, text="can't retain_grad on Tensor that has"),
    "flag of a non-leaf": raising("{0}.requires_grad = False", RESULT, text="you can only change requires_grad flags"),
    "optimising a non-leaf": raising(
        "torch.optim.SGD([{0}], lr=0.1)", RESULT, text="can't optimize a non-leaf Tensor", error="ValueError"
    ),
    "saved tensor modified": raising(
        "{1}.add_(1)\n{0}.backward()", made("torch.Tensor.sum", POWER, grad=True), POWER,
        text="modified by an inplace operation",
    ),
    "deepcopy of a non-leaf": raising(
        "copy.deepcopy({0})", RESULT, text="Only Tensors created explicitly by the user", setup="import copy"
    ),
    "context not called": raising(
        "with torch.no_grad:\n    pass", text="", error="TypeError"
    ),
    "mode left off": silent("torch.set_grad_enabled(False)", holds="not torch.is_grad_enabled()"),
    "enable_grad in inference mode": silent(
        "with torch.enable_grad():\n    y = {0} * 2", W, holds="not y.requires_grad", modes=INFERENCE
    ),
    "generator across yield": silent(
        "for _ in items():\n    y = {0} * 2", W, holds="not y.requires_grad",
        setup="def items():\n    with torch.no_grad():\n        yield 1",
    ),
    "no gradient through no_grad": silent(
        "{0}.sum().backward()", MEAN, FEATURES, holds="not getattr({1}, 'requires_grad', False)"
    ),
    "gradient stops at the parameter": silent(
        "given = torch.autograd.grad({0}.sum(), {1}, allow_unused=True)[0]",
        made("torch.mul", made("parameter", RESULT, name="gate", grad=True), RESULT.args[0], grad=True), RESULT,
        holds="given is None",
    ),
    "gradient stops at the new leaf": silent(
        "given = torch.autograd.grad({0}.sum(), {1}, allow_unused=True)[0]",
        made("torch.mul", made("leaf", RESULT, grad=True), 2, grad=True), RESULT, holds="given is None",
    ),
    "gradient stops at the copy": silent(
        "given = torch.autograd.grad({0}.sum(), {1}, allow_unused=True)[0]",
        made("torch.add", made("torch.tensor", [made("torch.Tensor.sum", W)], grad=False), WEIGHT, grad=True), W,
        holds="given is None",
    ),
    "flag set too late": silent(
        "{0}.requires_grad_()\n{0}.sum().backward()", made("torch.mul", W, 2, name="loss", grad=False, **MODE), W,
        holds="{1}.grad is None",
    ),
    "call that is not followed, under no_grad": raising("{0}.backward()", UNKNOWN_LOSS, text=NO_GRAPH),
    "layers behind a concatenation": raising(
        "{0}.requires_grad = False", made("torch.nn.Linear", made("torch.cat", [RESULT, X], 1), grad=True),
        text="you can only change requires_grad flags",
    ),
    "a convolution with a head": raising(
        "{0}.backward()", made("torch.nn.Linear", FLAT_IMAGE, grad=False, **MODE), text=NO_GRAPH
    ),
    "derivative without a graph": raising(
        "{0}.backward()", made("torch.Tensor.sum", made("torch.autograd.grad", GOOD_LOSS, W, grad=False), grad=False),
        text=NO_GRAPH,
    ),
    "a loss that is not reduced": raising(
        "{0}.backward()",
        made("torch.nn.MSELoss", RESULT, X, kwargs=(("reduction", "none"),), grad=True), text="only for scalar outputs",
    ),
    "an outer product": raising(
        "{0}.backward()", made("torch.outer", made("torch.Tensor.float", X), RESULT, **MODE), text=NO_GRAPH
    ),
    "an unknown place of a known tensor": raising(
        "{0}.mul_(1)", made("torch.Tensor.__getitem__", WEIGHT, NOWHERE, grad=True), text="a view of a leaf"
    ),
    "parameter of a known layer": silent(
        "{0}.sum().backward()",
        made("torch.mul", made("torch.nn.Linear", LAYER, X, grad=False, **MODE), WEIGHT, grad=True), LAYER,
        holds="{1}.weight.grad is None",
    ),
    "thread": silent(
        "worker = threading.Thread(target=work)\nworker.start()\nworker.join()", holds="found == [True]", modes=NO_GRAD,
        setup="import threading\nfound = []\ndef work():\n    found.append(torch.is_grad_enabled())",
    ),
    "coroutine": silent(
        "y = asyncio.run(double({0}))", W, holds="y.requires_grad",
        setup="import asyncio\n@torch.no_grad()\nasync def double(x):\n    return x * 2",
    ),
}  # fmt: skip

WRONG: dict[str, Finding] = {
    "derivative with a graph": raising(
        "{0}.retain_grad()", made("torch.autograd.grad", made("torch.pow", W, 2, grad=True), W, grad=True), text="can't"
    ),
    "backward that works": raising("{0}.backward()", GOOD_LOSS, text=NO_GRAPH),
    "graph believed to be cut": raising(
        "{0}.backward()", made("torch.Tensor.sum", made("torch.Tensor.clone", W, grad=False), grad=False), text=NO_GRAPH
    ),
    "view under no_grad": raising(
        "{0}.retain_grad()", made("torch.Tensor.view", W, -1, grad=False, **MODE), text="can't retain_grad"
    ),
    "in place where nothing is recorded": raising("{0}.mul_(1)", W, text=LEAF_CHANGED, modes=NO_GRAD),
    "mode that is restored": silent("with torch.no_grad():\n    pass", holds="not torch.is_grad_enabled()"),
    "gradient that arrives": silent("{0}.backward()", GOOD_LOSS, W, holds="{1}.grad is None"),
    "layer that is trained": raising(
        "{0}.retain_grad()", made("torch.nn.Linear", FACTS, grad=False, kwargs=(("module", True),)), text="can't retain"
    ),
    "output of a trained layer": raising(
        "{0}.retain_grad()", made("torch.nn.Linear", FACTS, name="out", grad=True), text="can't retain_grad"
    ),
}

OPEN: dict[str, tuple[Finding, str]] = {
    "value of which nothing is known": (
        raising("{0}.backward()", made("unknown", W, grad=False), text=NO_GRAPH), "a value of which nothing is known"
    ),
    "effect on something else": (
        silent("{0}.requires_grad_()\n{0}.sum().backward()", LOSS, W, holds="{1}.grad is None"), "not connected"
    ),
    "no evidence": (finding(None), "nothing to run"),
    "unknown operation": (
        raising("{0}.backward()", made("torch.foreign_operation", W, grad=False), text=NO_GRAPH), "foreign_operation"
    ),
    "unfollowed call believed to require grad": (
        raising("{0}.backward()", made("unknown", W, grad=True), text=NO_GRAPH), "a call was not followed"
    ),
    "input of which nothing is known": (
        raising("{0}.backward()", made("input", name="x"), text=NO_GRAPH), "speaks of an input of which it is not known"
    ),
    "input that was cut off": (
        raising("{0}.backward()", made("torch.Tensor.sum", made("input", line=4), grad=False), text=NO_GRAPH),
        "it depends on whether what is made up requires grad",
    ),
    "belief in a call that was not followed": (
        raising("{0}.backward()", made("torch.neg", made("unknown", line=4, grad=False), grad=False), text=NO_GRAPH),
        "it depends on whether what is made up requires grad",
    ),
    "input that does as it is made": (
        raising("{0}.retain_grad()", made("torch.neg", made("input", line=4), grad=True), text="can't retain"),
        "it depends on whether what is made up requires grad",
    ),
    "mode of which nothing is known": (
        raising("{0}.backward()", made("torch.mul", W, 2, modes=("torch.set_grad_enabled(…)",)), text="no such text"),
        "a mode is not known",
    ),
    "another error": (raising("{0}.backward()", FIXED, text="something else"), "another way"),
    "another kind of error": (raising("{0}.no_such_method()", FIXED, text=""), "AttributeError"),
    "loss built in a way that is not known": (
        raising("{0}.backward()", made("torch.nn.MSELoss", RESULT, FACTS, grad=True), text="only for scalar outputs"),
        "how the loss was built is not known",
    ),
    "set-up that fails": (
        raising("{0}.backward()", made("torch.Tensor.unsqueeze", FACTS, 99, grad=False), text=NO_GRAPH),
        "the set-up fails",
    ),
    "endless": (silent("while True:\n    pass", holds="True"), "longer than"),
}  # fmt: skip
