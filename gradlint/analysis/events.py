"""What the interpreter sees happen, as plain data; rules turn events into findings.

An event is emitted each time that the interpretation passes the place, with the values of that pass. `where` is the
place (a unit number and a node handle), `path` the chain of call places that led there, outermost first. `settled`
is False while conditions are open that the value depends on.

Values in events are *facts*: small summaries made when the event happens, so that no rule needs the heap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradlint.analysis.values import UNKNOWN, Truth
from gradlint.findings import Origin


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the IR in one of the units: turned into path and Span when a finding is built. at 0: no place."""

    unit: int
    at: int


@dataclass(frozen=True, slots=True)
class TensorFact:
    """What was known of a tensor when an event happened.

    name: how the source calls it ("" for an unnamed expression). why: the origin that settles requires_grad.
    cause: one phrase for a message ("it was computed under `torch.no_grad()`"), with its place.
    cause_kind: the same as a word, from which a rule tells the way out: mode, inference (the mode in force), function
        (the body of an autograd Function), detach, data, copy (`torch.tensor` and its like), item, numpy, op (no
        derivative), frozen (parameters), input (nothing it is made from requires grad), or "".
    made: where the value that settles requires_grad was computed, where this is not `cause_place` itself.
    single: whether it has exactly one element (then backward() needs no gradient). retains: retain_grad() was called.
    assumes: what a flag that is assumed rests on, as a clause: "the parameters of `model` are trainable".
    known: False where the value may be no tensor at all or nothing is known of it.
    """

    name: str = ""
    rg: Truth = UNKNOWN
    leaf: Truth = UNKNOWN
    floating: Truth = UNKNOWN
    inference: Truth = UNKNOWN
    scalar: Truth = UNKNOWN
    parameter: bool = False
    view: bool = False
    view_mode: str = ""
    origin: Origin = field(default=Origin("unknown"), compare=False)
    cause: str = field(default="", compare=False)
    cause_place: Place | None = field(default=None, compare=False)
    cause_kind: str = field(default="", compare=False)
    made: Place | None = field(default=None, compare=False)
    single: Truth = UNKNOWN
    retains: bool = False
    assumes: str = field(default="", compare=False)
    known: bool = False


@dataclass(frozen=True, slots=True)
class ModeFact:
    """The grad mode when an event happened; `stack`: (source text, place) of the contexts in force, outermost first."""

    grad: Truth
    inference: Truth
    stack: tuple[tuple[str, Place], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    where: Place
    mode: ModeFact
    path: tuple[Place, ...] = field(default=(), compare=False)
    likely: bool = False
    """True where reaching this place at all rests on an assumption (an open condition does not count)."""


@dataclass(frozen=True, slots=True)
class BackwardCalled(Event):
    """`backward()` in any of its forms (`how`: tensor, autograd, scaler, accelerator …) on `root`."""

    root: TensorFact = TensorFact()
    how: str = "tensor"
    has_gradient: bool = False
    freed: tuple[Place, ...] = ()
    """Places of the earlier backward() calls that freed a part of the graph of the root for certain."""
    modified: tuple[tuple[str, Place], ...] = ()
    """(what, place) of in-place writes, seen by the version check, to tensors saved in the graph of the root."""
    hidden: tuple[tuple[str, Place], ...] = ()
    """The same for writes through `.data`, which no check sees."""
    earlier: tuple[TensorFact, ...] = ()
    """For each of `freed`: the root of that call."""
    changed: tuple[TensorFact, ...] = ()
    """For each of `modified`: the tensor that was saved and written."""


@dataclass(frozen=True, slots=True)
class GradCalled(Event):
    """`torch.autograd.grad(outputs, inputs)`."""

    outputs: tuple[TensorFact, ...] = ()
    inputs: tuple[TensorFact, ...] = ()
    outside: tuple[bool, ...] = ()
    """For each input: True where the graph of the outputs is known whole and does not hold it."""
    create_graph: bool = False
    allow_unused: bool = False
    has_gradient: bool = False
    """`grad_outputs` is given."""
    freed: tuple[Place, ...] = ()
    modified: tuple[tuple[str, Place], ...] = ()
    earlier: tuple[TensorFact, ...] = ()
    changed: tuple[TensorFact, ...] = ()


@dataclass(frozen=True, slots=True)
class InPlaceWrite(Event):
    """`target` is changed in place (`how`: method name, operator or "index")."""

    target: TensorFact = TensorFact()
    value: TensorFact | None = None
    how: str = ""
    view_of_leaf: Truth = UNKNOWN
    base_rg: Truth = UNKNOWN
    through_data: bool = False


@dataclass(frozen=True, slots=True)
class RequiresGradSet(Event):
    """`.requires_grad = value` (how "attribute"), `.requires_grad_(value)` ("method"), or a constructor's argument
    ("argument", `Variable(t, requires_grad=True)`)."""

    target: TensorFact = TensorFact()
    value: Truth = UNKNOWN
    how: str = "attribute"
    is_loss: bool = False
    """The target is 0-d and was computed (it looks like a loss)."""
    cut: TensorFact | None = None
    """Where the target has no graph although it was computed from something that requires grad: what was cut."""
    used: bool = False
    """The target took part in a computation under grad mode before (a graph that does not hold it)."""


@dataclass(frozen=True, slots=True)
class HookOnTensor(Event):
    """`register_hook`, `retain_grad`, `register_post_accumulate_grad_hook`."""

    target: TensorFact = TensorFact()
    how: str = "register_hook"


@dataclass(frozen=True, slots=True)
class NumpyTaken(Event):
    """`.numpy()`, `np.asarray(t)` and what else converts a tensor to numpy (`how`: source of the call)."""

    target: TensorFact = TensorFact()
    how: str = ".numpy()"
    argument: Place | None = None
    """The expression that is converted, where it is an argument (`np.asarray(x)`) and this very tensor."""


@dataclass(frozen=True, slots=True)
class Copied(Event):
    """`copy.deepcopy` (how "deepcopy") or serialisation (how "queue", "pickle", "pipe") of an object holding `target`."""

    target: TensorFact = TensorFact()
    how: str = "deepcopy"
    holder: str = ""
    """What the source copies, where the tensor is only held by it (`memory`)."""


@dataclass(frozen=True, slots=True)
class OptimizerBuilt(Event):
    """An optimizer is built over these tensors."""

    params: tuple[TensorFact, ...] = ()
    optimizer: str = ""
    differentiable: bool = False
    """`differentiable=True` is given: then non-leaves are allowed."""


@dataclass(frozen=True, slots=True)
class SavedInference(Event):
    """An inference tensor is an operand that `op` saves for backward."""

    target: TensorFact = TensorFact()
    op: str = ""
    result: Origin | None = field(default=None, compare=False)
    """The operation over all its operands, as the origin its result would have."""


@dataclass(frozen=True, slots=True)
class GradRead(Event):
    """`.grad` is read."""

    target: TensorFact = TensorFact()
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Rebound(Event):
    """A name (or attribute) that held a leaf requiring grad now holds a tensor computed from it without grad.
    `how`: "name", "attribute" or "loop" (the loop variable itself)."""

    target: TensorFact = TensorFact()
    value: TensorFact = TensorFact()
    how: str = "name"


@dataclass(frozen=True, slots=True)
class Rewrapped(Event):
    """A tensor that requires grad is copied into a new tensor without its graph. `how`: the constructor, `.item()`,
    `.data`, `numpy`, `nn.Parameter`. `asks_grad`: the new tensor is made to require grad."""

    source: TensorFact = TensorFact()
    how: str = ""
    asks_grad: bool = False
    feeds_loss: bool = False
    """The copy is known to reach a backward() later; emitted at that time, with the place of the copy."""


@dataclass(frozen=True, slots=True)
class NumberBackward(Event):
    """`.backward()` on a Python number that came out of tensors (`.item()`); `cut`: where."""

    name: str = ""
    cut: Place | None = None


@dataclass(frozen=True, slots=True)
class ContextMade(Event):
    """A grad-mode context object was made as a statement of its own and dropped (`dropped`), or kept and never
    entered in its scope. `name`: what keeps it (`guard`, `self.guard`). `collected`: `torch.inference_mode().__enter__()`
    as a statement: the object is entered, and its mode is left at once because nothing holds it."""

    kind: str = ""
    dropped: bool = True
    name: str = ""
    collected: bool = False


@dataclass(frozen=True, slots=True)
class ContextNotCalled(Event):
    """`with torch.no_grad:` (how "with"), or a bare decorator (how "decorator", on a def)."""

    kind: str = ""
    how: str = "with"


@dataclass(frozen=True, slots=True)
class ContextEntered(Event):
    """A mode is entered; `mode` is what stood before, `flag` the argument. `how`: "with", "decorator" (`where` is the
    decorator, `name` the function that is called), "call" (a bare `set_grad_enabled(...)`), "stack" (`enter_context`).
    `again`: the same object is entered although it has not been left. `manual`: `__enter__()` by hand."""

    kind: str = ""
    flag: Truth = UNKNOWN
    again: bool = False
    manual: bool = False
    fresh: bool = True
    """The argument is a literal."""
    first: Place | None = None
    computes: Truth = UNKNOWN
    """Whether the body touched tensors at all, making one included (known when it is left; emitted then)."""
    how: str = "with"
    name: str = ""
    saved: ModeFact | None = None
    """With `again`: the mode that the object remembered when it was first entered, now forgotten."""
    recorded: Truth = UNKNOWN
    """Whether an operation was recorded in the body while this mode, not one entered further in, was the innermost."""
    differentiated: bool = False
    """backward() or autograd.grad ran in the body."""
    after: Place | None = None
    """The first operation behind the block, in the same body of code, that was recorded with grad on."""


@dataclass(frozen=True, slots=True)
class ModeDecorated(Event):
    """A mode is put above something. target: function, generator, async, asyncgen, class, property, static, class-method,
    contextmanager, cached. `below`: the mode stands below @contextmanager."""

    kind: str = ""
    target: str = "function"
    called: bool = True
    flag: Truth = UNKNOWN
    below: bool = False
    name: str = ""
    descriptor: Place | None = None
    """The decorator right below the mode (`property`, `staticmethod` …), where it stands in the source."""


@dataclass(frozen=True, slots=True)
class Suspended(Event):
    """`yield` (how "yield") or `await`, `async for`, `async with` (how "await") inside a `with` of a mode.
    `kind` and `entered` tell the mode that the body of this function entered and has not left."""

    how: str = "yield"
    kind: str = ""
    entered: Place | None = None
    in_contextmanager: bool = False
    in_fixture: bool = False
    function: str = ""
    decorators: tuple[str, ...] = ()
    """Dotted names of the function's decorators, as written, arguments left away."""
    outside: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    """The mode of whoever runs the function, without what its body entered."""
    suspends: Truth = UNKNOWN
    """Whether what is awaited ever gives up control (a coroutine in view without any await in it does not)."""


@dataclass(frozen=True, slots=True)
class ModeLeft(Event):
    """A function (how "return", "raise"), an imported module (how "import") or a constructor (how "init") ends with
    another mode than it began with; `where` is the switch that is not undone."""

    how: str = "return"
    function: str = ""
    after: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    switch: str = "set_grad_enabled"
    """What switched: set_grad_enabled, or "__enter__" by hand."""
    before: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    computes: Truth = UNKNOWN
    """Whether the function computed with tensors after its first switch; one that does not is a switch by trade."""
    caught: bool = False
    """How "raise": somebody in view catches what is raised and goes on."""
    undone: bool = False
    """A caller in view, or the other half of a pair (`__enter__`/`__exit__`, set-up/tear-down), switches back."""
    thread: bool = False
    """The function is the body of a thread or process: its mode ends with it."""
    later: Truth = UNKNOWN
    """Whether code in view goes on to compute in the mode left behind; false where the program in view ends instead."""
    met: Place | None = None
    """Where it does."""


@dataclass(frozen=True, slots=True)
class RanInThread(Event):
    """Work was handed to a thread or executor under a mode that the thread does not inherit. `computed`: it computed
    with tensors in the thread's own mode, not only inside modes that it enters itself."""

    how: str = "Thread"
    computed: bool = False
    function: str = ""
    work: Place | None = None
    """The expression that names the work (`double` in `pool.submit(double)`)."""


@dataclass(frozen=True, slots=True)
class RanLazily(Event):
    """A generator, generator expression or map made under one mode ran under another and computed with tensors.
    kind: "generator" (a generator function), "lazy" (a generator expression), "map". `consumed`: where it ran."""

    made: Place = Place(0, 0)
    made_mode: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    kind: str = "generator"
    consumed: Place | None = None
    recorded: Truth = UNKNOWN
    """Whether an operation was recorded while it ran; where nothing requires grad the mode does not matter."""


@dataclass(frozen=True, slots=True)
class ClosureCalled(Event):
    """An optimizer's `step` calls its closure (`name`); `computed` is what it returned, not known where the closure
    is not in view."""

    optimizer: str = ""
    computed: TensorFact = TensorFact()
    name: str = "closure"


@dataclass(frozen=True, slots=True)
class TrainedUnderNoGrad(Event):
    """Trainable parameters or values that require grad enter a computation under a disabled mode (`where`), and its
    result reaches a backward() (`reached`), so that they silently get nothing through it.
    `lost`: names of what gets no gradient. `optimized`: an optimizer holds it. `only`: it is used in no other way."""

    lost: tuple[str, ...] = ()
    how: str = "mode"
    optimized: bool = False
    only: bool = False
    reached: Place | None = None
    value: TensorFact = TensorFact()


@dataclass(frozen=True, slots=True)
class AttributeTypo(Event):
    """A freeze that has no effect: how "typo" (`p.require_grad = False`), "module" (`module.requires_grad = False`),
    "method" (`p.requires_grad_ = False`). `attribute`: what was written."""

    attribute: str = ""
    how: str = "typo"


@dataclass(frozen=True, slots=True)
class ParameterNotRegistered(Event):
    """`self.x = nn.Parameter(...).op(...)` (how "computed") or a plain list of parameters (how "list") in a Module."""

    attribute: str = ""
    how: str = "computed"
    value: TensorFact = TensorFact()


@dataclass(frozen=True, slots=True)
class ModuleReplaced(Event):
    """A submodule or parameter that an optimizer holds is replaced by a new one (`attribute`); the optimizer then
    steps without ever seeing the new one."""

    attribute: str = ""
    optimizer: Place | None = None


@dataclass(frozen=True, slots=True)
class ForwardModeDifferentiated(Event):
    """`jacfwd`/`jvp`/dual numbers differentiate a function that uses no_grad inside (`where` is the no_grad) on the
    way from what is differentiated to the result. `kind`: of the mode; `call`: of the transform."""

    transform: str = ""
    kind: str = "no_grad"
    call: Place | None = None


@dataclass(frozen=True, slots=True)
class DerivativeInInference(Event):
    """A function of `torch.autograd.functional` (`function`: jacobian, hessian, …) is called in inference mode."""

    function: str = ""


@dataclass(frozen=True, slots=True)
class AutocastReused(Event):
    """In one autocast block that caches, a module (`module`) is called with grad off (`where`) and then with grad on
    (`again`): an old torch uses the weights cast without a graph again."""

    module: str = ""
    again: Place | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedWithGrad(Event):
    """A trainable module is called with grad on, in a loop or function without any backward (`after_eval`: behind
    `.eval()`)."""

    module: str = ""
    after_eval: bool = False
    in_loop: bool = False


@dataclass(frozen=True, slots=True)
class GraphKept(Event):
    """A tensor with a graph is accumulated over a loop: how "sum" (`total += loss`) or "list" (`losses.append(loss)`),
    and never differentiated afterwards."""

    target: TensorFact = TensorFact()
    how: str = "sum"


@dataclass(frozen=True, slots=True)
class DataUsed(Event):
    """`.data` is read or written."""

    target: TensorFact = TensorFact()


@dataclass(frozen=True, slots=True)
class CheckpointCalled(Event):
    """`torch.utils.checkpoint.checkpoint`: whether any input requires grad, and the reentrant flag."""

    any_input: Truth = UNKNOWN
    reentrant: Truth = UNKNOWN
    trainable: Truth = UNKNOWN
    explicit: bool = False
    """`use_reentrant` is written out."""
    inputs: tuple[TensorFact, ...] = ()


@dataclass(frozen=True, slots=True)
class PenaltyWithoutGraph(Event):
    """The result of `autograd.grad` without create_graph is differentiated again (how "backward") or is a term of a
    loss that is (how "term"); `grad_call` is where it was made."""

    grad_call: Place | None = None
    how: str = "backward"
    value: TensorFact = TensorFact()
    """What is differentiated again, or the term."""


@dataclass(frozen=True, slots=True)
class NonDifferentiable(Event):
    """A loss depends on trained values through an operation that has no derivative (`op`) only."""

    op: str = ""
    root: TensorFact = TensorFact()


@dataclass(frozen=True, slots=True)
class GradInput(Event):
    """A tensor is asked to require grad, or a parameter is made, of an integer or bool dtype."""

    target: TensorFact = TensorFact()
    how: str = ""
