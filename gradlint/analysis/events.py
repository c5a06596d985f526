"""What the interpreter sees happen, as plain data; rules turn events into findings.

An event is emitted each time that the interpretation passes the place, with the values of that pass. `where` is the
place (a unit number and a node handle), `path` the chain of call places that led there, outermost first. `settled`
is False while conditions are open that the value depends on.

Values in events are *facts*: small summaries made when the event happens, so that no rule needs the heap.
"""

from __future__ import annotations

from dataclasses import field

from gradlint.analysis.values import UNKNOWN, Truth
from gradlint.findings import Origin
from gradlint.records import record


@record
class Place:
    """A node of the IR in one of the units: turned into path and Span when a finding is built. at 0: no place."""

    unit: int
    at: int


@record
class TensorFact:
    """What was known of a tensor when an event happened.

    name: how the source calls it ("" for an unnamed expression). why: the origin that settles requires_grad.
    cause: one phrase for a message ("it was computed under `torch.no_grad()`"), with its place.
    cause_kind: the same as a word, from which a rule tells the way out: mode, inference (the mode in force), function
        (the body of an autograd Function), detach, data, copy (`torch.tensor` and its like), item, numpy, op (no
        derivative), frozen (parameters), checkpoint (a reentrant one, whose call is the place), input (nothing it is made
        from requires grad), or "".
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


@record
class ModeFact:
    """The grad mode when an event happened; `stack`: (source text, place) of the contexts in force, outermost first."""

    grad: Truth
    inference: Truth
    stack: tuple[tuple[str, Place], ...] = field(default=(), compare=False)


@record
class Event:
    where: Place
    mode: ModeFact
    path: tuple[Place, ...] = field(default=(), compare=False)
    likely: bool = False
    """True where reaching this place at all rests on an assumption (an open condition does not count)."""
    one_of: bool = False
    """Whether it happens with one of several values of which nobody knows which one stands there; then it is `likely`."""
    when: tuple[tuple[Place, bool], ...] = field(default=(), compare=False)
    """How the tests must have ended that chose among the values which the event is about: (test, outcome)."""
    entry: int = field(default=0, compare=False)
    """The function of the checked file that was run as if called from outside; 0 where the module's own code ran."""


@record
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


@record
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


@record
class InPlaceWrite(Event):
    """`target` is changed in place (`how`: method name, operator or "index")."""

    target: TensorFact = TensorFact()
    value: TensorFact | None = None
    how: str = ""
    view_of_leaf: Truth = UNKNOWN
    base_rg: Truth = UNKNOWN
    through_data: bool = False


@record
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
    alias_of: TensorFact | None = None
    """Where the target is a passing alias (`p.data`, `p.detach()`, a value of `state_dict()`, made in this very
    expression or as the variable of a loop over them): the tensor whose storage it shares and whose flag stays as it is."""


@record
class HookOnTensor(Event):
    """`register_hook`, `retain_grad`, `register_post_accumulate_grad_hook`."""

    target: TensorFact = TensorFact()
    how: str = "register_hook"


@record
class NumpyTaken(Event):
    """`.numpy()`, `np.asarray(t)` and what else converts a tensor to numpy (`how`: source of the call)."""

    target: TensorFact = TensorFact()
    how: str = ".numpy()"


@record
class Copied(Event):
    """`copy.deepcopy` (how "deepcopy") or serialisation (how "queue", "pickle", "pipe") of an object holding `target`."""

    target: TensorFact = TensorFact()
    how: str = "deepcopy"
    holder: str = ""
    """What the source copies, where the tensor is only held by it (`memory`)."""


@record
class OptimizerBuilt(Event):
    """An optimizer is built over these tensors."""

    params: tuple[TensorFact, ...] = ()
    optimizer: str = ""
    differentiable: bool = False
    """`differentiable=True` is given: then non-leaves are allowed."""


@record
class SavedInference(Event):
    """An inference tensor is an operand that `op` saves for backward."""

    target: TensorFact = TensorFact()
    op: str = ""
    result: Origin | None = field(default=None, compare=False)
    """The operation over all its operands, as the origin its result would have."""


@record
class GradRead(Event):
    """`.grad` is read."""

    target: TensorFact = TensorFact()
    retained: bool = False


@record
class Rebound(Event):
    """A name or attribute that held a leaf requiring grad (`target`, for certain) is bound to a tensor computed from it
    (`value`), where an update in place was meant. `where`: the target of the assignment. `how`:

    "loop": the variable of a `for` over parameters or other leaves that require grad (`.parameters()`, a list, the
        groups of an optimizer). The new value is never read before the variable is bound again or its function ends, so
        that the statement does nothing. The grad mode plays no part.
    "name", "attribute": the value has no graph, because of a mode or a detach, it was computed from a gradient of the
        target too (`target.grad`, a result of `autograd.grad`), it was not asked to require grad afterwards, and `later`
        shows that this is missed: there its `.grad` is read, or it enters a computation whose result does not require
        grad and is the root of backward() or autograd.grad. Emitted then, at the place of the assignment.
        An "attribute" without `later`: only if the object is `self`, outlives the method, and backward() ran on a graph
        that holds the target in the same method or an earlier one (calling the method again fails): emitted when the
        entry ends, with `likely`.

    Not emitted where `self` is a Module and the target a registered parameter: that assignment raises TypeError.
    """

    target: TensorFact = TensorFact()
    value: TensorFact = TensorFact()
    how: str = "name"
    later: Place | None = None
    made_here: bool = False
    """The target is a tensor that the source itself makes (`torch.zeros(3, requires_grad=True)`), no argument."""
    statement: Place | None = None
    """The whole assignment, where it has one target and binds nothing else."""
    op: str = ""
    """`-` in `w = w - lr * w.grad`: the operator, where the value is a binary operation whose left operand is the
    target itself."""


@record
class Cut(Event):
    """A value that requires grad became one without graph (`where`: the *cut*), although something ought to learn
    through it. The base of Rewrapped, TrainedUnderNoGrad, Detached and NonDifferentiable, which say how.

    Whatever is computed from the cut value carries the cut along: through operations on tensors, numbers, lists, numpy,
    attributes, calls. Where backward() or autograd.grad is called on a root that *requires grad* and that carries the cut,
    the cut has *reached* it. (A root that does not require grad raises, which is BackwardCalled's to tell, and the cuts it
    carries are dropped.) A cut is told when the whole run has ended, every entry included, once, if one proof holds:

    "starved": `lost` are trainable leaves that an optimizer holds; the value before the cut was computed from them, and
        no root of any backward() or autograd.grad in any entry has them in its graph: they never get a gradient. Leaves
        made at one place in the source count as one, so that what one entry starves and another feeds is fed. Not
        starved: what was replaced (ModuleReplaced tells that), what is written by hand (in place, `copy_`,
        `load_state_dict`: an average of weights), what unknown code
        got hold of together with the optimizer, and, unless `dedicated`, modules whose own `.eval()` was called or that
        come trained (`from_pretrained`, `pretrained=`, `weights=`, `torch.load`, `torch.hub.load`). A cut by
        `nn.Parameter(computed)` counts only while the optimizer exists already.
    "constant": the root is a sum of scalars (`+`, `-`, numbers times or divided into a term, `sum`, the mean or sum of a
        `stack` of them), and one of these (`term`) has no graph on any path, although it was computed through the cut from
        leaves that other terms of the *same* root do train (`lost`). Never for the `.detach()` of what is a scalar
        already (`loss + (shown - loss).detach()`), nor where the term is but a factor.
    "asked": only Rewrapped with `asks_grad`: the graph of the root leads to nothing but such copies; each is the root
        itself, or has one element per loss and reaches it by sums, means and arithmetic with numbers alone; no optimizer
        holds them and nothing reads their `.grad`.

    What a re-leafed tensor hides is told by Releafed alone. Of several cuts that are one mistake (one entry of one mode;
    one loop; two detaches of one term), the first is told and the others are in `also`. Where cuts of several kinds explain
    one loss (the same leaves starve, or the same term is constant), one kind is told: Rewrapped before TrainedUnderNoGrad
    before NonDifferentiable before Detached, which is deliberate more often than the others (a detached advantage times
    log-probabilities that went through `torch.tensor`).

    where: for a mode, the outermost expression in the body of the function that entered it (by `with`, decorator or
        statement) in whose evaluation the cut happens: `self.encode(ids)` in the block, not what encode() does inside.
    lost: what gets nothing, as the source calls it: modules by name (`self.encoder`), tensors by theirs.
    source: the operand that requires grad before the cut. value: what came out of it. root: of the backward() at `reached`.
    optimizer: where the optimizer that holds `lost` was built. dedicated: it was given these by name
        (`Adam(self.encoder.parameters())`, `[*encoder.parameters(), *head.parameters()]`, `[model.context]`), not as a part
        of a larger module (`model.parameters()`).
    """

    proof: str = "starved"
    lost: tuple[str, ...] = ()
    source: TensorFact = TensorFact()
    value: TensorFact = TensorFact()
    root: TensorFact = TensorFact()
    term: TensorFact | None = None
    reached: Place | None = None
    optimizer: Place | None = None
    dedicated: bool = False
    also: tuple[Place, ...] = field(default=(), compare=False)


@record
class Rewrapped(Cut):
    """A cut by copying values out of a tensor. `how`, as written: `torch.tensor`, `torch.FloatTensor`, `Variable`,
    `nn.Parameter`, `.item()`, `float()`, `.tolist()`, `.data`, `.numpy()` (a detach on the way to numpy is this one)."""

    how: str = ""
    asks_grad: bool = False
    """The copy is made to require grad (`requires_grad=True`; nn.Parameter always)."""


@record
class Detached(Cut):
    """A cut by detaching. `how`, as written: `.detach()`, `torch.detach`, `.detach_()`. A starved one is told only where
    the optimizer is `dedicated`: a detach is explicit."""

    how: str = ".detach()"


@record
class NumberBackward(Event):
    """`.backward()` on a Python number that came out of tensors: `name` is what the source calls it, `cut` the place of
    the first `.item()`, `float()` or `tolist()` on its way (`how`), `source` the tensor it took the number from."""

    name: str = ""
    cut: Place | None = None
    how: str = ".item()"
    source: TensorFact = TensorFact()


@record
class ContextMade(Event):
    """A grad-mode context object was made as a statement of its own and dropped (`dropped`), or kept and never
    entered in its scope. `name`: what keeps it (`guard`, `self.guard`). `collected`: `torch.inference_mode().__enter__()`
    as a statement: the object is entered, and its mode is left at once because nothing holds it."""

    kind: str = ""
    dropped: bool = True
    name: str = ""
    collected: bool = False


@record
class ContextNotCalled(Event):
    """`with torch.no_grad:` (how "with"), or a bare decorator (how "decorator", on a def)."""

    kind: str = ""
    how: str = "with"


@record
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
    """Whether the body touched tensors or parameters at all, making one included, `eval()` and `train()` not (known when
    it is left; emitted then). Unknown where it calls what is not in view, or makes lazy code."""
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
    inside: tuple[str, Place] | None = None
    """(source text, place) of a mode of the same effect that the same function entered around this one: an enclosing
    `with`, its own decorator, or for code of the module's top level a mode around it. Whoever calls plays no part."""
    stays_out: Truth = UNKNOWN
    """For no_grad: true where, as the whole run shows, no tensor made in the body is used in a recorded operation, changed
    in place, asked to require grad or saved in a module, optimizer or attribute outside of it, none gets to unknown code,
    and the body holds no backward(), requires_grad_() or write to a tensor from outside."""


@record
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
    computes: Truth = UNKNOWN
    """target contextmanager: whether the generator's own body computes with tensors, besides its yield (`eval()`,
    `train()` and `requires_grad_()` compute nothing)."""


@record
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


@record
class ModeLeft(Event):
    """A function (how "return", "raise"), an imported module (how "import") or a constructor (how "init") ends with
    another mode than it began with; `where` is the switch that is not undone."""

    how: str = "return"
    function: str = ""
    after: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    switch: str = "set_grad_enabled"
    """What switched: set_grad_enabled, "__enter__" by hand, or "enter_context"."""
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


@record
class RanInThread(Event):
    """Work was handed to a thread or executor under a mode that the thread does not inherit. `recorded`: whether an
    operation was recorded in the thread's own mode, not only inside modes that it enters itself."""

    how: str = "Thread"
    recorded: Truth = UNKNOWN
    function: str = ""


@record
class RanLazily(Event):
    """A generator, generator expression or map made under one mode ran under another and computed with tensors.
    kind: "generator" (a generator function), "lazy" (a generator expression), "map". `consumed`: where it ran."""

    made: Place = Place(0, 0)
    made_mode: ModeFact = ModeFact(UNKNOWN, UNKNOWN)
    kind: str = "generator"
    consumed: Place | None = None
    recorded: Truth = UNKNOWN
    """Whether an operation was recorded while it ran; where nothing requires grad the mode does not matter."""


@record
class ClosureCalled(Event):
    """An optimizer's `step` calls its closure (`name`); `computed` is what it returned, not known where the closure
    is not in view."""

    optimizer: str = ""
    computed: TensorFact = TensorFact()
    name: str = "closure"


@record
class TrainedUnderNoGrad(Cut):
    """A cut by a disabled mode: an operation, or a module with trainable parameters, ran where nothing is recorded.
    `mode` is the one at the cut; the last entry of its stack is the context to blame (`blamed`)."""

    blamed: Place | None = None


@record
class AttributeTypo(Event):
    """A flag that is set in vain: how "typo" (`p.require_grad = False`), "module" (`module.requires_grad = False`),
    "method" (`p.requires_grad_ = False`). `attribute`: what was written; `where`: the target of the assignment.

    Not emitted where the object's own class (no torch class) defines or reads that attribute, nor through `self` in the
    methods of such a class. `owner`: "tensor", "parameter" (of a known or unknown module), "module", or "unknown" where
    it may be anything.
    """

    attribute: str = ""
    how: str = "typo"
    owner: str = "unknown"
    name: str = ""
    value: Truth = UNKNOWN
    written: Place | None = None
    """The value expression, where the assignment has this one target."""


@record
class FreezeUndone(Event):
    """All that was frozen at `where` (`requires_grad = False`, a loop of it, `requires_grad_(False)` of a module) is set to
    require grad again at `undone`, on every path that leads there and before any of it took part in a computation, was
    given to an optimizer, was counted or read by its flag, or left to unknown code. `name`: what was frozen."""

    name: str = ""
    undone: Place | None = None
    again: str = ""
    """What is unfrozen, as the source calls it."""


@record
class Releafed(Event):
    """`where`: a tensor without graph (`target`, as it was before) was asked to require grad, and backward() then ran on
    what leads to nothing else. `how`: "attribute", "method", "argument" (`Variable(loss, requires_grad=True)`).
    Emitted when the run has ended, if all of this holds for some backward() (`backward`):

    - the target had no graph for certain or by an assumption, and was computed from something that requires grad or is
      trainable (`lost`), which a mode, a detach, a copy or an operation without derivative cut off. Fresh data is no loss.
    - the graph of the root is known whole and has no leaves but such targets;
    - each target is the root itself, or it has one element and reaches the root by sums, means and arithmetic with numbers
      alone (`scaler.scale(loss)`, `loss / 4`, `sum(losses)`);
    - unless it is the root itself, no optimizer holds it and nothing in view reads its `.grad`.

    Also, with `target.rg` unknown: `loss.requires_grad = True` (the attribute) on the result of a call or operation that
    is then itself the root. Where it has a graph that line raises, where it has none it hides this.
    """

    target: TensorFact = TensorFact()
    lost: tuple[str, ...] = ()
    how: str = "method"
    backward: Place | None = None


@record
class RequiresGradLate(Event):
    """`where`: a leaf is asked to require grad after it was used (`used`) and never again before backward() ran on what
    was computed there (`backward`); then its `.grad` is read (`read`), and is None. Emitted at that reading.
    Not where a computation between flag and backward() that the backward() covers holds it, nor where `.grad` may have
    been set otherwise. `likely` where the target may have required grad before (an argument of unknown callers)."""

    target: TensorFact = TensorFact()
    used: Place | None = None
    backward: Place | None = None
    read: Place | None = None


@record
class ParameterNotRegistered(Event):
    """A Module keeps parameters where its `parameters()` does not find them. `where`: the value that is stored.

    "computed": `self.x = nn.Parameter(...).to(...)`, `nn.Parameter(...) * 0.1`: what is stored is the result of an
        operation on a Parameter that nothing else holds. `value.leaf` is unknown where the operation may return the
        Parameter itself (`.to(device)`), and the event is emitted all the same.
    "list", "dict": a plain list, tuple or dict (`self.layers = [...]`, also one that is filled afterwards) of Parameters or
        of Modules with parameters (`kind`), all made by the class itself. Never where something that was passed in is
        wrapped (`self._teacher = [teacher]`, which hides it on purpose), where they are registered in another way
        (`add_module`, `setattr`, a ModuleList of the same), where an optimizer in view holds them, or where the class has a
        `parameters()` or `named_parameters()` of its own. Certain where an optimizer is built over this module's
        parameters and backward() reaches the ones it misses; `likely` where no optimizer is in view.
    """

    attribute: str = ""
    how: str = "computed"
    value: TensorFact = TensorFact()
    kind: str = "parameter"
    op: str = ""
    """"computed": the operation, as written: `.to(dtype)`, `* 0.1`."""
    optimizer: Place | None = None


@record
class ModuleReplaced(Event):
    """`where`: a module or parameter that an optimizer holds is replaced by another one under the same attribute or name
    (`attribute`, `how` "attribute" or "name"); the optimizer then steps (`step`), without holding the new one, whose
    parameters require grad and got a gradient from a backward() since.

    Not where another optimizer in view holds the new one, or `add_param_group` got it, before the step, nor where the new
    one wraps the old one (DataParallel, compile). `likely`, when an entry ends: an attribute is replaced in a method, the
    optimizer is kept by the same object, and the method gives it no new parameters, `step` is in another method."""

    attribute: str = ""
    optimizer: Place | None = None
    how: str = "attribute"
    step: Place | None = None


@record
class SteppedInVain(Event):
    """An optimizer steps and finds no gradient on any of its parameters (`held`: names of them). `cause`: "cleared" after
    the last `backward` that gave one (at `cleared`), "frozen" all of them whenever it steps, or "unreached" by any
    backward() in view, while others are. `optimizer`: where it is built."""

    cause: str = ""
    backward: Place | None = None
    cleared: Place | None = None
    optimizer: Place | None = None
    held: tuple[str, ...] = ()


@record
class ForwardModeDifferentiated(Event):
    """`jacfwd`/`jvp`/dual numbers differentiate a function that uses no_grad inside (`where` is the no_grad) on the
    way from what is differentiated to the result. `kind`: of the mode; `call`: of the transform."""

    transform: str = ""
    kind: str = "no_grad"
    call: Place | None = None


@record
class DerivativeInInference(Event):
    """A function of `torch.autograd.functional` (`function`: jacobian, hessian, …) is called in inference mode."""

    function: str = ""


@record
class AutocastReused(Event):
    """In one autocast block that caches, a module (`module`) is called with grad off (`where`) and then with grad on
    (`again`): an old torch uses the weights cast without a graph again."""

    module: str = ""
    again: Place | None = None


@record
class EvaluatedWithGrad(Event):
    """A module whose parameters require grad is called (not from another module's forward) where operations are recorded,
    and no root of any backward() or autograd.grad in view holds its result; nor does unknown code get it with its graph,
    unless the call stands in a loop over data behind `.eval()` (`after_eval`) in the same function, then `likely`.
    `switched`: the place of that `.eval()`. Once for one module and function: the first call."""

    module: str = ""
    after_eval: bool = False
    in_loop: bool = False
    switched: Place | None = None


@record
class GraphKept(Event):
    """In a loop a tensor with a graph of this round is added to something that outlives the round: how "sum"
    (`total += loss`, `total = total + loss`), "list" (`losses.append(loss)`), "dict"; no root of any backward() or
    autograd.grad in view holds what was collected, and nothing resets it within the round. Where unknown code may still
    differentiate it (it is returned to unknown callers), only if the tensor's own graph was freed by a backward() in the
    same round. `where`: the statement or call; `target`: the tensor; `kept`: what collects it.
    value: the expression that is collected, where it is this very tensor."""

    target: TensorFact = TensorFact()
    how: str = "sum"
    kept: str = ""
    value: Place | None = None


@record
class DataUsed(Event):
    """`.data` of a tensor (for certain one) is read or written (how "read", "assign" in `p.data = v`, "inplace" where the
    alias is changed on the spot: `p.data.mul_(2)`, `p.data -= v`, `p.data[i] = v`). `where`: the expression `x.data`."""

    target: TensorFact = TensorFact()
    how: str = "read"


@record
class CheckpointCalled(Event):
    """`torch.utils.checkpoint.checkpoint`: whether any input requires grad, and the reentrant flag."""

    any_input: Truth = UNKNOWN
    reentrant: Truth = UNKNOWN
    trainable: Truth = UNKNOWN
    explicit: bool = False
    """`use_reentrant` is written out."""
    inputs: tuple[TensorFact, ...] = ()


@record
class PenaltyWithoutGraph(Event):
    """The result of `autograd.grad` without create_graph is differentiated again (how "backward") or is a term of a
    loss that is (how "term"); `grad_call` is where it was made."""

    grad_call: Place | None = None
    how: str = "backward"
    value: TensorFact = TensorFact()
    """What is differentiated again, or the term."""


@record
class NonDifferentiable(Cut):
    """A cut by an operation that has no derivative (`op`: argmax, gt, long …)."""

    op: str = ""


@record
class TargetDifferentiated(Event):
    """A regression loss (`loss`: mse_loss, SmoothL1Loss, …) compares a prediction with a bootstrapped target, both with a
    graph to the same parameters: the target is a sum of a tensor without grad and a multiple of what the network made
    (`reward + gamma * net(next_state).max()`). `where`: the call of the loss; then differentiated at `backward`."""

    loss: str = ""
    target: TensorFact = TensorFact()
    network: str = ""
    backward: Place | None = None


@record
class GradInput(Event):
    """A tensor is asked to require grad, or a parameter is made, of an integer or bool dtype or of an inference tensor."""

    target: TensorFact = TensorFact()
    how: str = ""
