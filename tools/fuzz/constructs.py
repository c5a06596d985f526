"""Programs from seeds, as `generate` writes them, of what Python offers: conditions, containers, classes, modules that are
trained, decorators, closures, context managers, iterators, hooks.

Besides what `generate` says, a program finds `coin(n)`, which is true or false without anybody knowing beforehand.
"""

from __future__ import annotations

import textwrap

from . import python_words
from . import vocabulary as words
from .generate import Scope, _indented, _split
from .plain import Plain


class Constructs(Plain):
    """Writes one program."""

    def statement(self, scope: Scope, depth: int) -> list[str]:
        simple = {"bind": 14, "write": 10, "probe": 6, "flags": 2, "backward": 3, "switch": 1, "leaf": 2}
        nested = {
            "with": 6, "if": 7, "while": 4, "for": 5, "try": 7, "container": 7, "record": 4, "object": 6, "net": 9,
            "wrapper": 5,
            "closure": 4, "manager": 5, "around": 4, "iterator": 6, "lazy": 4, "hook": 4, "restored": 3, "arguments": 3,
            "recursion": 2, "tasks": 2, "pool": 2, "function": 3, "match": 2, "walrus": 2, "subclass": 3, "exits": 4,
        }  # fmt: skip
        table = simple if depth > 1 else {**simple, **nested}
        kind = self.random.choices(list(table), list(table.values()))[0]
        return getattr(self, f"make_{kind}")(scope, depth)

    def make_record(self, scope: Scope, depth: int) -> list[str]:
        cls, obj, x, y = self.name("D"), self.name("d"), self.one(scope), self.one(scope)
        if self.random.random() < 0.3:
            head = f"{cls} = collections.namedtuple('{cls}', ['a', 'b'])"
            reads = (f"{obj}.a", f"{obj}[1]", f"{obj}._replace(a={y}).a", f"[*{obj}][0]")
            change: tuple[str, ...] = ("pass",)
        else:
            form = self.some(
                "@dataclasses.dataclass", "@dataclasses.dataclass(frozen=True)", "@dataclasses.dataclass(slots=True)"
            )
            default = self.some(
                "b: torch.Tensor = None", "b: torch.Tensor", "b: list = dataclasses.field(default_factory=list)"
            )
            method = self.method(scope, "both", [f"return self.a{self.some(' * 2', '.detach()', '', '[...]')}"])
            head = f"{form}\nclass {cls}:\n    a: torch.Tensor\n    {default}\n\n" + textwrap.indent(method, "    ")
            reads = (
                f"{obj}.a",
                f"{obj}.b",
                f"{obj}.both()",
                f"dataclasses.replace({obj}, a={y}).a",
                f"{cls}.both({obj})",
            )
            change = (f"{obj}.a = {self.of(scope)}", f"{obj}.a.requires_grad_(False)", f"{obj}.b = {obj}.a", "pass",
                      f"{obj}.a.mul_(2)", f"setattr({obj}, 'a', {y})", f"{obj} = copy.copy({obj})")  # fmt: skip
        build = self.some(f"{obj} = {cls}({x}, {y})", f"{obj} = {cls}(a={x}, b={y})", f"{obj} = {cls}(*({x}, {y}))")
        name = self.fresh(scope, x)
        return [head, *self.around(scope, [build], 0.2), *self.around(scope, [self.some(*change)], 0.3),
                *self.around(scope, [f"{name} = {self.some(*reads)}"], 0.2), f"{self.name('p')} = {x}"]  # fmt: skip

    def make_object(self, scope: Scope, depth: int) -> list[str]:
        cls, obj, x, y = self.name("C"), self.name("o"), self.one(scope), self.one(scope)
        inner: Scope = {"self.held": scope[x], "self.other": scope[y], **{k: scope[k] for k in list(scope)[:2]}}
        fields = ["self.held = a", f"self.other = {self.some('a', 'a * 2', y, 'a.detach()', 'None')}", "self.count = 0"]
        parts = [self.method(scope, "__init__", fields, "self, a", 0.1)]
        parts.append(
            self.method(scope, "change", [*self.several(inner, ["self.held", "self.other"]), "self.count += 1"])
        )
        parts.append(self.method(scope, "read", [*self.perhaps("self.change()"), f"return {self.of(inner)}"]))
        parts.append(
            "@property\n"
            + self.method(scope, "twice", [f"return self.held{self.some(' * 2', '.detach()', '[...]')}"], decorated=0.2)
        )
        parts.append(
            "@staticmethod\n"
            + self.method(scope, "plain", [f"return a{self.some(' * 2', '.detach()', '.clone()')}"], "a", 0.2)
        )
        parts.append("@classmethod\n" + self.method(scope, "build", ["return cls(a)"], "cls, a", 0.0))
        parts.append(
            self.method(scope, "__call__", [f"return self.held + {self.some('a', '1', 'self.other')}"], "self, a")
        )
        parts.append(self.method(scope, "later", [f"yield {self.of(inner)}", "yield self.other"]))
        body = "\n".join(self.random.sample(parts[1:], 4))
        head = f"class {cls}:\n    shared = {self.some('None', x, '[]')}\n\n" + textwrap.indent(
            parts[0] + "\n" + body, "    "
        )
        uses = (f"{obj}.change()", f"{obj}.held = {self.of(scope)}", f"{obj}.held.requires_grad_(False)", f"{cls}.shared = {y}",
                f"for step in range(2):\n    {obj}.change()", f"{obj}.other = {obj}.held", f"{obj} = {cls}.build({y})", "pass",
                f"if {self.condition(scope)}:\n    {obj}.change()", f"{obj} = copy.deepcopy({obj})",
                f"setattr({obj}, 'held', {y})",
                f"{obj}.held.mul_(2)", f"{cls}.change({obj})", f"{obj}.__dict__.update(held={y})")  # fmt: skip
        reads = (f"{obj}.read()", f"{obj}.held", f"{obj}.other", f"{obj}.twice", f"{obj}.plain({y})", f"{obj}({y})",
            f"{cls}.plain({y})",
                 f"next({obj}.later())", f"list({obj}.later())[-1]", f"{obj}.shared", f"getattr({obj}, 'held')")  # fmt: skip
        name = self.fresh(scope, x)
        lines = [head, *self.around(scope, [f"{obj} = {cls}({x})"], 0.2)]
        for _ in range(self.random.randint(1, 3)):
            lines += self.around(scope, [self.some(*uses)], 0.3)
        return [*lines, *self.around(scope, [f"{name} = {self.some(*reads)}"], 0.25), f"{self.name('p')} = {x}"]

    def make_subclass(self, scope: Scope, depth: int) -> list[str]:
        base, cls, x = self.name("B"), self.name("C"), self.one(scope)
        inner: Scope = {"a": scope[x], "self.held": scope[x]}
        first = self.method(scope, "work", [f"return {self.of(inner)}"], "self, a")
        build = self.method(scope, "__init__", [f"self.held = a{self.some('', ' * 2', '.detach()')}"], "self, a", 0.1)
        second = self.method(
            scope, "work", [f"b = super().work(a){self.some('', ' * 2', '.detach()')}", "return b"], "self, a"
        )
        own = self.some(second, "pass", self.method(scope, "other", ["return self.work(a)"], "self, a"))
        text = f"class {base}:\n" + textwrap.indent(f"{build}\n{first}", "    ")
        obj, name = self.name("o"), self.fresh(scope, x)
        call = self.some(f"{obj}.work({x})", f"{obj}.held", f"{base}.work({obj}, {x})", f"{obj}.other({x})")
        return [text, f"class {cls}({base}):\n" + textwrap.indent(own, "    "), f"{obj} = {cls}({x})",
                *self.around(scope, [f"{name} = {call}"])]  # fmt: skip

    def make_net(self, scope: Scope, depth: int) -> list[str]:
        cls, net, x = self.name("Net"), self.name("m"), self.one(scope)
        parts = [(self.name("part"), self.random.choice(python_words.LAYERS)) for _ in range(self.random.randint(1, 3))]
        lines = [f"self.{name} = {made}" for name, made in parts]
        lines += [
            "self.flag = " + self.some("True", "False", "coin(1)"),
            "self.scale = " + self.some("1.0", "torch.ones(3)", "2"),
        ]
        lines += self.perhaps(f"self.{parts[0][0]}.requires_grad_(False)", share=0.2)
        build = _indented(["super().__init__()", *self.around(scope, lines, 0.1)])
        forward: list[str] = []
        for name, made in parts:
            use = next(
                (use for start, use in python_words.USES.items() if made.startswith(start)), "self.{p}(x)"
            ).replace("{p}", name)
            step = [f"x = {use}{self.some('', '', '.detach()', ' * self.scale')}"]
            test = self.some("self.flag", "self.training", "not self.training", "x.requires_grad", "coin(2)")
            given = "torch.set_grad_enabled(self.training)", "torch.set_grad_enabled(self.flag)"
            mode = self.some("torch.no_grad()", "torch.inference_mode()", *given)
            step = self.random.choice((
                step, step, step,
                [f"if {test}:\n    {step[0]}"],
                [f"with {mode}:\n    {step[0]}"],
                [f"y = {use}", "x = x + y"], [f"for _ in range(2):\n    {step[0]}"], ["x = self.helper(x)", *step],
            ))  # fmt: skip
            forward += step
        helper = self.method(
            scope, "helper", [f"return x{self.some(' * 2', '.detach()', '', ' * self.scale')}"], "self, x"
        )
        main = self.method(
            scope,
            "forward",
            [*forward, "return " + self.some("x", "x", "x.detach()", "x * 2", "x.sum()")],
            "self, x",
            0.15,
        )
        text = (
            f"class {cls}(nn.Module):\n    def __init__(self):\n{textwrap.indent(build, '    ')}\n"
            + textwrap.indent(f"{helper}\n{main}", "    ")
        )
        made, part = self.fresh(scope, x), self.random.choice(parts)[0]

        def filled(table: tuple[str, ...]) -> list[str]:
            text = self.random.choice(table).replace("{m}", net).replace("{p}", part).replace("{o}", optimizer)
            return _split(self.fill(text, scope)[0])

        optimizer = self.name("opt")
        made_call = f"{made} = {net}({self.some(x, x, f'{x} * 1', f'{x}.detach()')})"
        program = [text, *self.around(scope, [f"{net} = {cls}()"], 0.1)]
        for _ in range(self.random.randint(0, 3)):
            program += filled(python_words.AFTER_BUILD)
        program += self.around(scope, [made_call], 0.3)
        if self.random.random() < 0.5:
            program += filled(python_words.OPTIMIZERS) and [f"{optimizer} = {filled(python_words.OPTIMIZERS)[0]}"]
            steps = [
                f"out = {net}({x})",
                "loss = out.sum()",
                *(s for _ in range(self.random.randint(1, 4)) for s in filled(python_words.STEPS)),
            ]
            steps += self.perhaps(*filled(python_words.AFTER_BUILD), share=0.3)
            program += ["for step in range(2):\n" + _indented(steps)] if self.random.random() < 0.5 else steps
            program += self.around(scope, [made_call], 0.3)
        program += self.perhaps(f"for each in {net}.parameters():\n    {self.name('p')} = each")
        program += self.perhaps(f"{self.name('p')} = {net}.scale") + self.perhaps(
            f"{self.name('p')} = next({net}.parameters()).grad"
        )
        return [*program, f"{self.name('p')} = {x}"]

    # functions

    def make_wrapper(self, scope: Scope, depth: int) -> list[str]:
        """A decorator of the program's own."""
        deco, func, x = self.name("deco"), self.name("f"), self.one(scope)
        call = "made = func(*args, **kwargs)"
        inside = self.random.choice((
            [f"with {self.mode(scope)}:\n    {call}"], [call], [f"if {self.condition(scope)}:\n    return args[0]", call],
            ["torch.set_grad_enabled(False)", call, "torch.set_grad_enabled(True)"],
            [f"try:\n    {call}\nfinally:\n    {self.some('pass', 'torch.set_grad_enabled(True)')}"],
        ))  # fmt: skip
        inside.append("return made" + self.some("", "", ".detach()", " * 2"))
        wraps = self.some("@functools.wraps(func)\n", "", f"@{self.random.choice(words.DECORATORS[:8])}\n")
        made = f"{wraps}def wrapped(*args, **kwargs):\n" + _indented(inside)
        text = f"def {deco}(func):\n" + _indented([made, "return wrapped"])
        use, result = deco, self.of({"a": scope[x]})
        if self.random.random() < 0.3:
            text = f"def {deco}(on):\n" + _indented([text.replace(deco, "inner", 1), "return inner"])
            use = f"{deco}({self.some('True', 'False', x)})"
        order = [f"@{use}", f"@{self.random.choice(words.DECORATORS[:8])}"]
        self.random.shuffle(order)
        above = "\n".join(order if self.random.random() < 0.3 else [f"@{use}"])
        body = f"{above}\ndef {func}(a):\n" + _indented(
            [*self.several({**scope, "a": scope[x]}, ["a"]), f"return {result}"]
        )
        name = self.fresh(scope, x)
        return [text, body, *self.around(scope, [f"{name} = {func}({x})"], 0.3), f"{self.name('p')} = {x}"]

    def make_closure(self, scope: Scope, depth: int) -> list[str]:
        outer, inner, x = self.name("f"), self.name("g"), self.one(scope)
        names: Scope = {"kept": scope[x], "a": scope[x]}
        inside = [
            self.some("nonlocal kept", "nonlocal kept", "pass"),
            *self.several(names, ["kept", "a"]),
            f"return {self.of(names)}",
        ]
        if inside[0] == "pass":
            inside = [self.some("a = a * 2", "pass"), f"return {self.of(names)}"]
        text = f"def {outer}(kept):\n" + _indented([self.method(scope, inner, inside, "a"), f"return {inner}"])
        held, name = self.name("c"), self.fresh(scope, x)
        again = self.perhaps(f"{name} = {held}({name})", share=0.4)
        return [text, *self.around(scope, [f"{held} = {outer}({self.of(scope)})"], 0.2),
                *self.around(scope, [f"{name} = {held}({x})"], 0.3), *again, f"{self.name('p')} = {x}"]  # fmt: skip

    def make_arguments(self, scope: Scope, depth: int) -> list[str]:
        func, x, y = self.name("f"), self.one(scope), self.one(scope)
        names: Scope = {"a": scope[x], "b": scope[y]}
        form, call = self.random.choice((
            (f"a, b={y}", f"{func}({x})"), ("a, *, b", f"{func}({x}, b={y})"), ("a, b, *more", f"{func}({x}, {y}, 1)"),
            ("*more", f"{func}(*[{x}, {y}])"), ("**named", f"{func}(**dict(a={x}, b={y}))"), (f"a={x}, b={y}",
            f"{func}(b={x})"),
            ("a, b", f"functools.partial({func}, {x})({y})"), ("a, b=None, **named", f"{func}({x}, b={y}, c=1)"),
        ))  # fmt: skip
        lines = ["a, b = more"] if form == "*more" else ["a, b = named['a'], named['b']"] if form == "**named" else []
        lines += [
            *self.several(names, ["a", "b"]),
            *self.perhaps(f"if {self.condition(names)}:\n    return a"),
            f"return {self.of(names)}",
        ]
        text = self.method(scope, func, lines, form, 0.25)
        name = self.fresh(scope, x)
        return [
            text,
            *self.around(scope, [f"{name} = {call}"], 0.3),
            *self.perhaps(f"{name} = {call}"),
            f"{self.name('p')} = {x}",
        ]

    def make_recursion(self, scope: Scope, depth: int) -> list[str]:
        func, x = self.name("f"), self.one(scope)
        inner: Scope = {"a": scope[x]}
        lines = [
            f"if n == 0:\n    return a{self.some('', ' * 2', '.detach()')}",
            *self.several(inner, ["a"], 1),
            f"return {func}(a, n - 1)",
        ]
        name = self.fresh(scope, x)
        return [self.method(scope, func, lines, "a, n", 0.2), f"{name} = {func}({x}, {self.random.randint(0, 3)})"]

    def make_exits(self, scope: Scope, depth: int) -> list[str]:
        """Functions that are left in the middle of something."""
        func, x = self.name("f"), self.one(scope)
        inner: Scope = {**scope, "a": scope[x]}
        leave = self.some(f"return {self.of(inner)}", f"if {self.condition(inner)}:\n    return {self.of(inner)}", "fail()",
                          f"for step in range(2):\n    return {self.of(inner)}")  # fmt: skip
        block = [*self.several(inner, ["a"]), leave, *self.several(inner, ["a"])]
        form = self.random.randint(0, 3)
        if form == 0:
            body = f"with {self.mode(scope)}:\n" + _indented(block)
        elif form == 1:
            body = (
                "try:\n"
                + _indented(block)
                + "\nfinally:\n"
                + _indented(self.several(inner, ["a"]) + self.perhaps("torch.set_grad_enabled(True)"))
            )
        elif form == 2:
            body = (
                "try:\n"
                + _indented(block)
                + "\nexcept Exception:\n"
                + _indented([*self.several(inner, ["a"]), f"return {self.of(inner)}"])
            )
        else:
            body = "for step in range(2):\n" + _indented(
                [
                    "try:\n" + _indented(block),
                    "finally:\n" + _indented([self.some("a = a * 2", "continue", "break", "pass")]),
                ]
            )
        text = self.method(scope, func, [body, f"return {self.of(inner)}"], "a", 0.2)
        name = self.fresh(scope, x)
        call = f"try:\n    {name} = {func}({x})\nexcept Exception as error:\n    caught(error)"
        return [text, f"{name} = {self.of(scope)}", call, f"{self.name('p')} = {name}", f"{self.name('p')} = {x}"]

    # context managers

    def make_manager(self, scope: Scope, depth: int) -> list[str]:
        func, x = self.name("cm"), self.one(scope)
        if self.random.random() < 0.6:
            held = self.some(
                "yield",
                "yield",
                "try:\n    yield\nfinally:\n    note()",
                "try:\n    yield\nexcept ValueError:\n    pass",
                "if coin(4):\n    yield\nelse:\n    yield",
            )
            body = self.around(scope, [held], 0.7)
            if self.random.random() < 0.3:
                body = [
                    "before = torch.is_grad_enabled()",
                    "torch.set_grad_enabled(False)",
                    *body,
                    "torch.set_grad_enabled(before)",
                ]
            text = f"@contextlib.contextmanager\ndef {func}(on=True):\n" + _indented(body)
            if self.random.random() < 0.15:
                text = f"@{self.random.choice(words.DECORATORS[:6])}\n" + text
        else:
            enter = self.some("self.inner = torch.no_grad()\nself.inner.__enter__()",
                "self.before = torch.is_grad_enabled()\ntorch.set_grad_enabled(self.on)",
                              "torch.set_grad_enabled(False)", "pass",
                              "self.inner = torch.inference_mode()\nself.inner.__enter__()")  # fmt: skip
            leave = (
                "self.inner.__exit__(None, None, None)"
                if "inner" in enter
                else "torch.set_grad_enabled(self.before)"
                if "before" in enter
                else self.some("pass", "torch.set_grad_enabled(True)")
            )
            methods = (
                "def __init__(self, on=True):\n    self.on = on",
                f"def __enter__(self):\n{_indented([enter, 'return self'])}",
                f"def __exit__(self, *told):\n{_indented([leave, 'return ' + self.some('None', 'False', 'True')])}",
            )
            text = f"class {func}:\n" + _indented(list(methods))
        name, lines = self.bound(scope)
        use = f"{func}({self.some('', 'False', 'coin(5)')})"
        inside = [*self.several(scope, [name, x]), *self.perhaps("fail()", share=0.25), *self.several(scope, [name])]
        block = f"with {use}:\n" + _indented(inside)
        if self.random.random() < 0.25:
            block = "with contextlib.ExitStack() as stack:\n" + _indented([f"stack.enter_context({use})", *inside])
        if self.random.random() < 0.3:
            block = f"with {self.mode(scope)}:\n" + _indented([block])
        block = "try:\n" + _indented([block]) + "\nexcept Exception as error:\n    caught(error)"
        return [text, *lines, block, f"{self.name('p')} = {name}", f"{self.name('p')} = {name} * 1"]

    def make_around(self, scope: Scope, depth: int) -> list[str]:
        """Exit stacks, contexts of which it is not known which one they are, several at once."""
        name, lines = self.bound(scope)
        inside = [*self.several(scope, [name]), *self.perhaps("fail()", share=0.2), *self.several(scope, [name], 1)]
        one, two = self.mode(scope), self.mode(scope)
        form = self.random.randint(0, 4)
        if form == 0:
            block = "with contextlib.ExitStack() as stack:\n" + _indented([
                f"if {self.condition(scope)}:\n    stack.enter_context({one})",
                *self.perhaps(f"stack.enter_context({two})"), *inside])  # fmt: skip
        elif form == 1:
            block = f"with {one} if {self.condition(scope)} else {two}:\n" + _indented(inside)
        elif form == 2:
            block = f"held = {one}\nwith held:\n" + _indented(inside)
        elif form == 3:
            block = f"with {one}, {two}:\n" + _indented(inside)
        else:
            block = f"modes = [{one}, {two}]\nfor mode in modes:\n    with mode:\n" + textwrap.indent(
                _indented(inside), "    "
            )
        block = "try:\n" + _indented([block]) + "\nexcept Exception as error:\n    caught(error)"
        return [*lines, block, f"{self.name('p')} = {name}", f"{self.name('p')} = {name} * 1"]

    def make_restored(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        before = self.name("b")
        inside = [*self.several(scope, [name]), *self.perhaps("fail()", share=0.3)]
        text = (
            "try:\n"
            + _indented(inside)
            + self.some("\nexcept ValueError:\n    pass", "")
            + f"\nfinally:\n    torch.set_grad_enabled({before})"
        )
        return [*lines, f"{before} = torch.is_grad_enabled()",
        f"torch.set_grad_enabled({self.some('False', 'True', f'not {before}', 'coin(6)')})", text,
                f"{self.name('p')} = {name}", f"{self.name('p')} = {name} * 1"]  # fmt: skip

    # what runs later

    def make_iterator(self, scope: Scope, depth: int) -> list[str]:
        func, x, steps = self.name("g"), self.one(scope), self.name("s")
        inner: Scope = {"a": scope[x], **{k: scope[k] for k in list(scope)[:2]}}
        body = self.random.choice((
            [f"for step in range({self.random.randint(1, 3)}):\n" + _indented([*self.several(inner, ["a"]), "yield a"])],
            ["yield a", *self.several(inner, ["a"]), "yield a"], ["yield from [a, a * 2]"],
            [f"if {self.condition(inner)}:\n    yield a", f"yield {self.of(inner)}"],
            [f"try:\n    yield a\nfinally:\n    {self.some('note()', 'a.requires_grad_(False)')}", "yield a * 2"],
            ["while True:\n    a = a * 2\n    yield a"], [f"yield {self.of(inner)}", f"return {self.of(inner)}"],
            ["got = yield a", "yield a if got is None else got"], [f"yield from (each * 2 for each in [a, {self.of(inner)}])"],
        ))  # fmt: skip
        text = self.method(scope, func, self.around(scope, body, 0.3), "a", 0.25)
        name = self.fresh(scope, x)
        uses = self.random.choice((
            f"for {name} in {steps}:\n    note()\n    if coin(7):\n        break",
            f"{name} = next({steps})\n{name} = next({steps}, {x})", f"{name} = list({steps})[0]",
            f"{name} = sum({steps})", f"{name} = next({steps})\n{steps}.close()",
            f"{name} = [each * 2 for each in {steps}][-1]",
            f"{name}, *rest = {steps}", f"for at, {name} in enumerate({steps}):\n    if at == 1:\n        break",
            f"{name} = next({steps})\ndel {steps}",
            f"for {name}, other in zip({steps}, [1, 2]):\n    note()",
            f"{name} = next({steps})\n{name} = {steps}.send({x})", f"{name} = torch.stack(tuple({steps}))",
            f"{name} = max({steps}, key=lambda t: t.requires_grad)",
            f"{name} = next(filter(lambda t: t.requires_grad, {steps}), {x})",
            f"with {self.mode(scope)}:\n    {name} = next({steps})\n{name} = next({steps}, {name})",
            f"{name} = dict(enumerate({steps}))[0]", f"{name} = next(itertools.islice({steps}, 1, None), {x})",
        ))  # fmt: skip
        if "while True" in body[0] and any(
            word in uses for word in ("list(", "sum(", "each * 2", "*rest", "stack(", "max(", "dict(", "filter(")
        ):
            uses = f"{name} = next({steps})"
        return [
            text,
            *self.around(scope, [f"{steps} = {func}({x})"], 0.2),
            *_split(uses),
            f"{self.name('p')} = {name}",
            f"{self.name('p')} = {x} * 1",
        ]

    def make_lazy(self, scope: Scope, depth: int) -> list[str]:
        x, y, steps = self.one(scope), self.one(scope), self.name("s")
        made = self.some(f"(each * 2 for each in [{x}, {y}])", f"map(lambda t: t * 2, [{x}, {y}])",
        f"filter(lambda t: t.requires_grad, [{x}, {y}])",
                         f"(each.detach() for each in ({x}, {y}) if each.requires_grad)", f"iter([{x}, {y}])",
                         f"zip([{x}], [{y}])",
                         f"functools.partial(torch.mul, {x})", f"(lambda: {x} * 2)",
                         f"lambda other={y}: {x} + other")  # fmt: skip
        name = self.fresh(scope, x)
        if made.startswith(("functools", "(lambda", "lambda")):
            use = f"{name} = {steps}({'2' if 'partial' in made else ''})"
        else:
            use = self.some(
                f"{name} = next({steps}, {x})",
                f"{name} = list({steps})[-1]",
                f"for {name} in {steps}:\n    note()",
                f"{name} = [*{steps}][0]",
            )
        if "zip" in made:
            use = f"{name} = next({steps})[0]"
        return [
            *self.around(scope, [f"{steps} = {made}"], 0.4),
            *self.perhaps(*self.several(scope, [x]), share=0.3),
            *self.around(scope, [use], 0.3),
        ]

    def make_hook(self, scope: Scope, depth: int) -> list[str]:
        func, x = self.name("hook"), self.one(scope)
        inner: Scope = {"g": scope[x]}
        kept = self.name("k")
        lines = [
            *self.several(inner, ["g"]),
            *self.perhaps(f"{kept}.append(g)"),
            *self.perhaps(f"inside = g * {self.some('2', x)}"),
            self.some("return None", "return g", "return g * 2", "return g.detach()"),
        ]
        text = f"def {func}(g):\n" + _indented(self.around(scope, lines, 0.2))
        made = self.fresh(scope, x)
        way = self.some(f"{made}.sum().backward()", f"{made}.sum().backward(create_graph=True)",
        f"torch.autograd.grad({made}.sum(), {x})",
                        f"{made}.sum().backward(retain_graph=True)")  # fmt: skip
        return [text, f"{kept} = []", f"{made} = {x} * 2", f"{self.some(made, x)}.register_hook({func})",
        *self.around(scope, [way], 0.3),
                *self.perhaps(f"{self.name('p')} = {kept}[0]"), f"{self.name('p')} = {x}.grad",
                f"{self.name('p')} = {x}"]  # fmt: skip

    def make_tasks(self, scope: Scope, depth: int) -> list[str]:
        func, main, x = self.name("f"), self.name("main"), self.one(scope)
        inner: Scope = {"a": scope[x]}
        lines = self.around(
            scope,
            [*self.several(inner, ["a"]), *self.perhaps("await asyncio.sleep(0)"), *self.several(inner, ["a"])],
            0.4,
        )
        text = f"async def {func}(a):\n" + _indented([*lines, "return a"])
        run = self.some(f"return (await asyncio.gather({func}({x}), {func}({x})))[0]", f"return await {func}({x})",
                        f"task = asyncio.create_task({func}({x}))\nreturn await task",
                        f"async with asyncio.timeout(5):\n    return await {func}({x})",
                        f"with {self.mode(scope)}:\n    task = asyncio.create_task({func}({x}))\n"
                        f"b = {x} * 2\nc = await task\nreturn c")  # fmt: skip
        name = self.fresh(scope, x)
        return [
            text,
            f"async def {main}():\n" + textwrap.indent(run, "    "),
            *self.around(scope, [f"{name} = asyncio.run({main}())"], 0.3),
            f"{self.name('p')} = {x}",
        ]

    def make_pool(self, scope: Scope, depth: int) -> list[str]:
        func, x, y = self.name("f"), self.one(scope), self.one(scope)
        inner: Scope = {"a": scope[x]}
        text = self.method(scope, func, [*self.several(inner, ["a"]), f"return {self.of(inner)}"], "a", 0.2)
        name = self.fresh(scope, x)
        use = self.some(
            f"{name} = pool.submit({func}, {x}).result()",
            f"{name} = list(pool.map({func}, [{x}, {y}]))[0]",
            f"{name} = [*pool.map({func}, [{x}])][-1]",
        )
        block = "with concurrent.futures.ThreadPoolExecutor(1) as pool:\n    " + use
        return [text, *self.around(scope, [block], 0.4), f"{self.name('p')} = {x}"]


def program(seed: int) -> list[str]:
    return Constructs(seed).program()
