"""Prints the steps of a slice as Python: what is made up as definitions, what is computed as statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradlint.findings import Origin
from gradlint.witness import layers, ops
from gradlint.witness.constants import literal
from gradlint.witness.layout import Layout
from gradlint.witness.names import Names, comment, identifier, is_keyword
from gradlint.witness.needs import is_open, stated_shape
from gradlint.witness.ops import Kind
from gradlint.witness.shapes import inputs_of, shapes_in
from gradlint.witness.slice import REDUCTION, Slice, Some, Step, Use, uses_in

MOST_INLINED = 5
"""Operations in one expression."""

Code = tuple[str, int]
_DEFAULT_NAMES = {
    Kind.INPUT: "x",
    Kind.UNFOLLOWED: "value",
    Kind.LEAF: "w",
    Kind.PARAMETER: "weight",
    Kind.LAYER: "out",
    Kind.CALL: "t",
}
_MADE_UP = {
    Kind.INPUT: "input",
    Kind.PARAMETER: "parameter",
    Kind.UNFOLLOWED: "result of a call that is not followed",
}


class Printer:
    """Prints one slice in one layout. `path`: the file of the finding; places elsewhere are named with their file."""

    def __init__(self, made: Slice, layout: Layout, names: Names, path: str) -> None:
        self.made, self.layout, self.names, self.path = made, layout, names, path
        self._names: dict[int, str] = {}
        self._layers: dict[int, str] = {}
        self._shapes = shapes_in(made, layout)
        self._inlined = self._inlinable()
        # What the user has named keeps its name; what has none takes what is left.
        for number in sorted(made.order, key=lambda number: not made.steps[number].origin.name):
            self._name(number)

    # -- what the rest of the printer asks

    def value(self, number: int) -> str:
        """The variable that holds a step."""
        return self._names[number]

    def definitions(self) -> Iterator[tuple[str, str]]:
        """Assignments of what is made up: (code, comment)."""
        for number in self.made.order:
            step = self.made.steps[number]
            if number in self._layers:
                yield f"{self._layers[number]} = {self._built(step)}", self._layer_note(step)
            if step.is_module:
                yield f"{self._names[number]} = {self._built(step)}", self._note(step, "")
            elif step.is_definition:
                yield f"{self._names[number]} = {self._made_up(number)}", self._note(step, self._said(step))

    def statements(self, but: int | None = None) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
        """What is computed, `but` for one step: (contexts, comment for the innermost one, code, comment)."""
        for number in self.made.order:
            step = self.made.steps[number]
            if number == but or number in self._inlined or not step.is_computed:
                continue
            mode_note = self._place(step.origin, step.origin.mode_line)
            yield step.origin.modes, mode_note, self.statement(number), self._note(step, self._said(step))

    def believed(self) -> tuple[tuple[str, bool], ...]:
        """Variables whose requires_grad the analyser claims to know."""
        return tuple(
            (self._names[number], step.origin.requires_grad)
            for number, step in enumerate(self.made.steps)
            if step.origin.requires_grad is not None and number not in self._inlined and not step.is_module
        )

    # -- names

    def _name(self, number: int) -> None:
        if number in self._names:
            return
        step = self.made.steps[number]
        applied = step.kind is Kind.LAYER and not step.is_module and self._callee(step) is None
        if applied or (step.kind is Kind.UNFOLLOWED and self._stands_for_layer(number)):
            self._layers[number] = self.names.fresh(layers.class_of(step.origin.op).lower(), "layer")
        if number in self._inlined:
            return
        if step.target is not None:
            self._name(step.target)
            self._names[number] = self._names[step.target]
            return
        default = "layer" if step.is_module else _DEFAULT_NAMES[step.kind]
        if step.kind is Kind.LEAF and not step.origin.requires_grad:
            default = _DEFAULT_NAMES[Kind.INPUT]
        self._names[number] = self.names.fresh(step.origin.name, default)

    def _inlinable(self) -> set[int]:
        """Unnamed values that are used once, by something on the same line: they are written where they are used.
        Nowhere where anything is changed in place, as this would change the order of things."""
        steps = self.made.steps
        if any(step.in_place for step in steps):
            return set()
        inlined: set[int] = set()
        weight = [1] * len(steps)
        for number, step in enumerate(steps):
            if not self._belongs_to_user(number, step):
                continue
            user = step.users[0]
            if weight[user] + weight[number] <= MOST_INLINED:
                weight[user] += weight[number]
                inlined.add(number)
        return inlined

    def _belongs_to_user(self, number: int, step: Step) -> bool:
        """Whether the value has no name, and its one user stands on the same line in the same contexts."""
        if not step.is_computed or step.origin.name or len(step.users) != 1 or number in self.made.subjects:
            return False
        user = self.made.steps[step.users[0]]
        places = [(s.origin.line, s.origin.path, s.origin.modes) for s in (step, user)]
        return places[0] == places[1] and self.made.uses(step.users[0]).count(number) == 1

    # -- comments

    def _place(self, origin: Origin, line: int) -> str:
        if not line:
            return ""
        elsewhere = origin.path is not None and origin.path != self.path
        return comment(f"{origin.path}:{line}") if elsewhere else f"line {line}"

    def _note(self, step: Step, said: str) -> str:
        return ", ".join(part for part in (said, self._place(step.origin, step.origin.line)) if part)

    def _said(self, step: Step) -> str:
        said = _MADE_UP.get(step.kind, "")
        if said and is_open(step) and self.layout.turned:
            said += ", taken not to require grad" if step.origin.requires_grad else ", taken to require grad"
        called = step.origin.name
        return f"`{comment(called, 30)}`, {said}" if said and called and called != identifier(called) else said

    def _layer_note(self, step: Step) -> str:
        if step.kind is Kind.UNFOLLOWED:
            return "stands for what is called there"
        what = "any layer" if step.origin.op == "module" else ""
        return f"{what}, frozen".lstrip(", ") if self._frozen(step) else what

    # -- definitions

    def _made_up(self, number: int) -> str:
        step = self.made.steps[number]
        origin, shape = step.origin, self.layout.shape_of(number)
        grad = bool(origin.requires_grad) != (self.layout.turned and is_open(step))
        if step.kind is Kind.PARAMETER:
            flag = "" if grad else ", requires_grad=False"
            return f"torch.nn.Parameter({self._tensor(step, False, shape)}{flag})"
        return self._tensor(step, grad, shape)

    def _tensor(self, step: Step, grad: bool, shape: tuple[int, ...]) -> str:
        """A small tensor of the kind that its users want."""
        n = self.layout.size
        if step.wants == "number":
            return "0"
        if step.wants == "index" or step.wants == "classes" or step.wants == "vector index":
            if step.wants == "classes":
                shape = (*shape[:1], *shape[2:]) if len(shape) > 1 else ()
            return f"torch.zeros({_sizes(shape[:1] if step.wants == 'vector index' else shape)}, dtype=torch.long)"
        if step.wants == "mask":
            return f"torch.ones({_sizes(shape)}, dtype=torch.bool)"
        flag = ", requires_grad=True" if grad else ""
        if step.origin.floating is False:
            return f"torch.zeros({_sizes(shape)}, dtype=torch.long)"
        if step.wants == "square":
            return f"torch.eye({n}{flag})"
        return f"torch.ones({_sizes((n, n) if step.wants == 'table' else shape)}{flag})"

    def _built(self, step: Step) -> str:
        frozen = ".requires_grad_(False)" if self._frozen(step) else ""
        n = self.layout.size
        op = "module" if step.kind is Kind.UNFOLLOWED else step.origin.op
        given = [(key, value) for key, value in _known(step.kwargs) if key == REDUCTION and isinstance(value, str)]
        return layers.constructor(op, inputs_of(step, self._shapes, n), n, self._arguments([], given)) + frozen

    def _stands_for_layer(self, number: int) -> bool:
        """Whether a call that is not followed is shown as one of a layer that could be trained: where it ran with
        gradients off, a tensor that is made up without them would prove nothing."""
        step = self.made.steps[number]
        return step.is_computed and not step.wants and bool(self.layout.shape_of(number))

    def _frozen(self, step: Step) -> bool:
        """Whether a layer has to be frozen for its result to be what the analyser believes."""
        if not layers.layer_of(step.origin.op).parameters:
            return False
        if step.trainable is not None:
            return not step.trainable
        if step.origin.requires_grad is not False:
            return False
        return step.is_module or ops.records(step.origin.modes)

    # -- statements

    def statement(self, number: int) -> str:
        """The statement that computes a step."""
        step = self.made.steps[number]
        if step.kind is Kind.CALL and step.origin.op == ops.INDEX_WRITE:
            return f"{self._operand(step.args[0])}[...] = {self._operand(step.args[-1])}"
        code = self._code(number)[0]
        if step.target is not None and self._names[number] == self._names.get(step.target):
            return code
        return f"{self._names[number]} = {code}"

    def _code(self, number: int) -> Code:
        step = self.made.steps[number]
        if step.made_up:
            tensor = self._made_up(number)
            return (f"{self._layers[number]}({tensor})" if number in self._layers else tensor), ops.ATOM
        if step.kind is Kind.PARAMETER:
            flag = "" if step.origin.requires_grad is not False else ", requires_grad=False"
            return f"torch.nn.Parameter({self._operand(step.args[0])}{flag})", ops.ATOM
        if step.kind is Kind.LEAF:
            flag = ".requires_grad_()" if step.origin.requires_grad else ""
            return f"{self._operand(step.args[0], ops.ATOM)}.detach(){flag}", ops.ATOM
        if step.kind is Kind.LAYER:
            return self._applied(number, step), ops.ATOM
        if ops.is_factory(step.origin.op):
            return self._factory(number, step), ops.ATOM
        return self._call(step)

    def _applied(self, number: int, step: Step) -> str:
        callee = self._callee(step)
        args = step.args if callee is None else step.args[1:]
        name = self._layers[number] if callee is None else self._names[callee]
        layer = layers.layer_of(step.origin.op)
        given = [self._operand(arg) for arg in args if arg != Some()]
        if layers.class_of(step.origin.op) == "MultiheadAttention" and len(given) == 1:
            given *= 3
        return f"{name}({', '.join(given)}){layer.picks}"

    def _callee(self, step: Step) -> int | None:
        """The step that makes the module which is called, where the origin says which one it is."""
        first = step.args[0] if step.args else None
        if isinstance(first, Use) and self.made.steps[first.step].is_module:
            return first.step
        return None

    def _factory(self, number: int, step: Step) -> str:
        """A tensor that the source builds: as it is written there, or in the layout's shape."""
        origin, name = step.origin, ops.short(step.origin.op)
        holds_tensors = any(True for arg in step.args for _ in uses_in(arg))
        flagged = bool(origin.requires_grad) and (not holds_tensors or name == "tensor")
        grad = ", requires_grad=True" if flagged else ""
        written = [(key, value) for key, value in _known(step.kwargs) if key != "requires_grad"]
        if holds_tensors or (self.layout.exact and stated_shape(step) is not None):
            return f"{origin.op}({self._arguments(step.args, written)}{grad})"
        kind = ", dtype=torch.long" if origin.floating is False else ""
        shape = _sizes(self.layout.shape_of(number))
        if name in ("rand", "randn", "zeros") and not kind:
            return f"torch.{name}({shape}{grad})"
        return f"torch.ones({shape}{kind}{grad})"

    def _call(self, step: Step) -> Code:
        op, args, kwargs = step.origin.op, step.args, step.kwargs
        tensors = any(isinstance(arg, Use) for arg in args)
        picks = ops.picks(step.origin)
        if op in ops.PREFIX and len(args) == 1 and tensors:
            return f"{ops.PREFIX[op]}{self._operand(args[0], ops.UNARY)}", ops.UNARY
        if op in ops.INFIX and len(args) == 2 and tensors and not kwargs:
            level = ops.PRECEDENCE[ops.INFIX[op]]
            power, compares = op == "torch.pow", level == ops.PRECEDENCE["=="]
            left = self._operand(args[0], level + 1 if power or compares else level)
            right = self._operand(args[1], ops.UNARY if power else level + 1)
            return f"{left} {ops.INFIX[op]} {right}", level
        if op == ops.GRADIENT:
            return self._gradient(step), ops.ATOM
        if op == ops.INDEXING:
            return f"{self._operand(args[0], ops.ATOM)}[{self._subscript(args[1:])}]", ops.ATOM
        name = ops.short(op)
        if ops.is_method(op):
            receiver = self._operand(args[0], ops.ATOM)
            if name in ops.ATTRIBUTES:
                return f"{receiver}.{name}", ops.ATOM
            return f"{receiver}.{name}({self._behind(step, args[1:])}){picks}", ops.ATOM
        if name in ops.RESHAPES and args:
            return f"{op}({self._operand(args[0])}, ({self._behind(step, args[1:])},))", ops.ATOM
        return f"{ops.function_name(op)}({self._arguments(_without_some(args), _known(kwargs))}){picks}", ops.ATOM

    def _gradient(self, step: Step) -> str:
        """A derivative; one that requires grad was taken with `create_graph`."""
        outputs = [self._operand(arg) for arg in step.args[:-1]]
        listed = outputs[0] if len(outputs) == 1 else f"[{', '.join(outputs)}]"
        graph = ", create_graph=True" if step.origin.requires_grad else ""
        return f"{ops.GRADIENT}({listed}, {self._operand(step.args[-1])}{graph})[0]"

    def _behind(self, step: Step, args: tuple[Any, ...]) -> str:
        """The arguments of a method."""
        name = ops.short(step.origin.op)
        if name in ops.CONVERSIONS and (not args or args[0] == Some()):
            return self._conversion(step)
        if name in ops.RESHAPES:
            return ", ".join(map(str, self._reshaped(name, args)))
        if name == "permute" and len(args) == 1 and isinstance(args[0], (list, tuple)):
            args = tuple(args[0])
        return self._arguments(_without_some(args), _known(step.kwargs))

    def _conversion(self, step: Step) -> str:
        """`x.to(…)` of something unknown: to another dtype where the result shows that it was one."""
        if step.origin.floating is False:
            return "torch.long"
        operand = step.args[0]
        before = self.made.steps[operand.step].origin.requires_grad if isinstance(operand, Use) else None
        if before and step.origin.requires_grad is False:
            return "torch.float64"
        return '"cpu"' if ops.short(step.origin.op) == "to" else "torch.float32"

    def _reshaped(self, name: str, args: tuple[Any, ...]) -> list[int]:
        """Sizes for a reshape: as written, or such that they hold for tensors of the layout's shape."""
        flat = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)
        if self.layout.exact and all(type(size) is int for size in flat):
            return flat
        sizes = [size if size == -1 else self.layout.size for size in flat]
        if name in ("view", "reshape") and -1 not in sizes and sizes:
            sizes[0] = -1
        return sizes or [-1]

    # -- operands

    def _arguments(self, args: tuple[Any, ...] | list[Any], kwargs: list[tuple[str, Any]]) -> str:
        given = [self._operand(arg) for arg in args]
        return ", ".join([*given, *(f"{key}={self._operand(value)}" for key, value in kwargs if is_keyword(key))])

    def _operand(self, value: Any, place: int = 0) -> str:
        """An operand as source text, in brackets where it is looser than its place allows."""
        if isinstance(value, Use):
            if value.step not in self._inlined:
                return self._names[value.step]
            text, level = self._code(value.step)
            return f"({text})" if level < place else text
        if isinstance(value, Some):
            return value.text or "1"
        if isinstance(value, (list, tuple)):
            inner = ", ".join(self._operand(item) for item in value)
            if isinstance(value, list):
                return f"[{inner}]"
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        text = literal(value)
        return f"({text})" if place > ops.UNARY and text.startswith("-") else text

    def _subscript(self, args: tuple[Any, ...]) -> str:
        """An index; an unknown one is the first place."""
        value = args[0] if len(args) == 1 else tuple(args)
        if not isinstance(value, tuple) or not value:
            return self._index(value)
        return ", ".join(map(self._index, value)) + ("," if len(value) == 1 else "")

    def _index(self, value: Any) -> str:
        """One part of an index."""
        if not isinstance(value, slice):
            return "0" if value == Some() else self._operand(value)
        lower, upper, step = ("" if part is None else literal(part) for part in (value.start, value.stop, value.step))
        return f"{lower}:{upper}" + (f":{step}" if step else "")


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape)) if shape else "()"


def _known(kwargs: tuple[tuple[str, Any], ...]) -> list[tuple[str, Any]]:
    """Keyword arguments without those of which nothing is known."""
    return [(key, value) for key, value in dict(kwargs).items() if value != Some()]


def _without_some(args: tuple[Any, ...]) -> list[Any]:
    """Arguments without the unknown ones at their end."""
    kept = list(args)
    while kept and kept[-1] == Some():
        kept.pop()
    return kept
