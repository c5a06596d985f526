"""Programs from seeds: the same seed gives the same text everywhere.

A program is a list of statements at top level. It finds `torch`, `nn`, `F` and a few standard modules in its namespace,
`note(…)`, which records what it is given, and `fail(…)`, which raises.
"""

from __future__ import annotations

import random
import textwrap

from . import vocabulary as words

Scope = dict[str, words.Shape]


class Generator:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.leaves: list[str] = []

    def program(self) -> list[str]:
        scope: Scope = {}
        statements = [self.new_leaf(scope) for _ in range(self.random.randint(2, 3))]
        for _ in range(self.random.randint(3, 12)):
            statements += self.statement(scope, 0)
        return statements

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def new_leaf(self, scope: Scope) -> str:
        text, shape = self.random.choice(words.LEAVES)
        name = self.name("w")
        scope[name] = shape(())
        self.leaves.append(name)
        return f"{name} = {text}"

    # expressions

    def fill(self, template: str, scope: Scope) -> tuple[str, words.Shape]:
        """A template with names of the scope in it, and the shape of its `{x}`."""
        names = list(scope)
        # What was made last is what most mistakes are made with.
        x = self.random.choice(names[-4:] if self.random.random() < 0.7 else names)
        alike = [name for name in names if scope[name] == scope[x]]
        leaves = [name for name in self.leaves if name in scope] or names
        chosen = {
            "x": x,
            "y": self.random.choice(names),
            "same": self.random.choice(alike if self.random.random() < 0.9 else names),
            "leaf": self.random.choice(leaves),
        }
        for key, value in chosen.items():
            template = template.replace("{" + key + "}", value)
        return template, scope[x]

    def expression(self, scope: Scope) -> tuple[str, words.Shape]:
        table = self.random.choices(
            (words.UNARY, words.VIEWS, words.BINARY, words.REDUCTIONS, words.GRADS), (4, 4, 4, 2, 1)
        )[0]
        template, shape = self.random.choice(table)
        text, of = self.fill(template, scope)
        return text, shape(of)

    def bind(self, scope: Scope) -> list[str]:
        text, shape = self.expression(scope)
        name = self.name("v")
        scope[name] = shape
        return [f"{name} = {text}"]

    def text_of(self, table: tuple[str, ...], scope: Scope) -> list[str]:
        return [self.fill(self.random.choice(table), scope)[0]]

    # statements

    def statement(self, scope: Scope, depth: int) -> list[str]:
        simple = {
            "bind": 22, "inplace": 12, "flags": 5, "outside": 2, "backward": 6, "hooks": 4, "switch": 2, "leaf": 2,
        }  # fmt: skip
        nested = {
            "with": 10, "function": 5, "generator": 3, "raising": 3, "loop": 2, "reused": 2, "custom": 3, "module": 2,
            "thread": 1, "coroutine": 1, "class": 1, "stack": 1, "view_then_write": 2, "walk": 1,
        }  # fmt: skip
        table = simple if depth > 1 else {**simple, **nested}
        kind = self.random.choices(list(table), list(table.values()))[0]
        return getattr(self, f"make_{kind}")(scope, depth)

    def make_bind(self, scope: Scope, depth: int) -> list[str]:
        return self.bind(scope)

    def make_inplace(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(words.INPLACE, scope)

    def make_flags(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(words.FLAGS, scope)

    def make_outside(self, scope: Scope, depth: int) -> list[str]:
        return [f"note({self.text_of(words.OUTSIDE, scope)[0]})"]

    def make_backward(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(words.BACKWARD, scope)

    def make_hooks(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(words.HOOKS, scope)

    def make_switch(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(words.GLOBAL_SWITCHES, scope)

    def make_leaf(self, scope: Scope, depth: int) -> list[str]:
        return [self.new_leaf(scope)]

    def body(self, scope: Scope, depth: int, most: int = 3) -> list[str]:
        """Statements for a block; each tensor that they bind is noted."""
        lines: list[str] = []
        for _ in range(self.random.randint(1, most)):
            before = set(scope)
            lines += self.statement(scope, depth + 1)
            lines += [f"note({name})" for name in scope if name not in before]
        return lines

    def mode(self, scope: Scope) -> str:
        common = self.random.random() < 0.75
        return self.fill(self.random.choice(words.MODES[:8] if common else words.MODES), scope)[0]

    def make_with(self, scope: Scope, depth: int) -> list[str]:
        items = ", ".join(self.mode(scope) for _ in range(1 if self.random.random() < 0.85 else 2))
        return [f"with {items}:\n" + _indented(self.body(scope, depth))]

    def make_loop(self, scope: Scope, depth: int) -> list[str]:
        return ["for step in range(2):\n" + _indented(self.body(scope, depth))]

    def make_function(self, scope: Scope, depth: int) -> list[str]:
        name, given = self.name("f"), self.random.choice(list(scope))
        inner = {**scope, "a": scope[given]}
        lines = self.body(inner, depth)
        result, shape = self.expression(inner)
        text = f"def {name}(a):\n" + _indented([*lines, f"return {result}"])
        if self.random.random() < 0.6:
            text = f"@{self.random.choice(words.DECORATORS)}\n" + text
        made = self.name("v")
        scope[made] = shape
        call = f"{made} = {name}({given})"
        if self.random.random() < 0.3:
            call = f"with {self.mode(scope)}:\n    {call}"
        return [text, call]

    def make_generator(self, scope: Scope, depth: int) -> list[str]:
        name, given, steps, made = self.name("g"), self.random.choice(list(scope)), self.name("s"), self.name("v")
        inner = {**scope, "a": scope[given]}
        lines = []
        for _ in range(self.random.randint(1, 2)):
            produced, shape = self.expression(inner)
            yielding = [f"got = yield {produced}", "note(torch.is_grad_enabled(), torch.is_inference_mode_enabled())"]
            if self.random.random() < 0.6:
                yielding = [f"with {self.mode(scope)}:\n" + _indented(yielding)]
            lines += yielding
        text = f"def {name}(a):\n" + _indented(lines)
        if self.random.random() < 0.4:
            text = f"@{self.random.choice(words.DECORATORS)}\n" + text
        uses = self.random.choice((
            f"{made} = list({steps})[-1]", f"{made} = next({steps})\n{steps}.close()", f"{made} = next({steps})",
            f"for {made} in {steps}:\n    note({made}, torch.is_grad_enabled())", f"{made} = next({steps})\n{steps}.send(1)",
            f"with {self.mode(scope)}:\n    {made} = next({steps})", f"{made} = next({steps})\n{steps}.throw(ValueError('x'))",
            f"with {self.mode(scope)}:\n    {made} = next({steps})\nnote(next({steps}, None))",
        ))  # fmt: skip
        scope[made] = shape
        return [text, f"{steps} = {name}({given})", *_split(uses)]

    def make_raising(self, scope: Scope, depth: int) -> list[str]:
        block = f"with {self.mode(scope)}:\n" + _indented([*self.body(scope, depth, 2), "fail('inside')"])
        final = ""
        if self.random.random() < 0.4:
            final = "\nfinally:\n" + _indented(self.body(scope, depth, 1))
        return ["try:\n" + _indented([block]) + "\nexcept Exception as error:\n    caught(error)" + final]

    def make_reused(self, scope: Scope, depth: int) -> list[str]:
        name = self.name("c")
        forms = (
            [f"with {name}:\n" + _indented([*self.body(scope, depth), f"with {name}:\n    note(torch.is_grad_enabled())"])],
            [f"{name}.__enter__()", *self.body(scope, depth), f"{name}.__exit__(None, None, None)"],
            [f"with {name}:\n    pass", f"with {name}:\n" + _indented(self.body(scope, depth))],
            [f"{name}.__enter__()", *self.body(scope, depth)],
            [f"held = {name}(lambda t: t * 2)", f"note(held({self.random.choice(list(scope))}))"],
        )  # fmt: skip
        return [f"{name} = {self.mode(scope)}", *self.random.choice(forms)]

    def make_custom(self, scope: Scope, depth: int) -> list[str]:
        name, made = self.name("Own"), self.name("v")
        forward, backward = self.random.choice(words.FORWARDS), self.random.choice(words.BACKWARDS)
        if self.random.random() < 0.4 and "ctx.saved_tensors" in backward:
            forward = words.FORWARDS[0]
        once = "    @torch.autograd.function.once_differentiable\n" if self.random.random() < 0.2 else ""
        text = (
            f"class {name}(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            f"{textwrap.indent(forward, ' ' * 8)}\n    @staticmethod\n{once}    def backward(ctx, g, *gs):\n"
            f"{textwrap.indent(backward, ' ' * 8)}"
        )
        given = self.random.choice(list(scope))
        argument = self.random.choice((given, f"{given} * 1", f"{given}[...]", f"{given}.clone()"))
        scope[made] = scope[given]
        call = f"{made} = {name}.apply({argument})"
        if "x * 3" in forward or "x + 1" in forward and ", " in forward:
            call += "[0]"
        if self.random.random() < 0.2:
            call = f"with {self.mode(scope)}:\n    {call}"
        return [text, call]

    def make_module(self, scope: Scope, depth: int) -> list[str]:
        name, made = self.name("m"), self.name("v")
        kind = self.random.choice((
            "nn.Linear(3, 3)", "nn.Sequential(nn.Linear(3, 2), nn.ReLU())",
        ))  # fmt: skip
        after = self.random.choice((
            f"{name}.requires_grad_(False)", f"{name}.eval()", f"{name}.zero_grad()", "pass",
            f"next({name}.parameters()).requires_grad = False", f"{name}.load_state_dict({name}.state_dict())",
            f"{name}.register_forward_hook(lambda m, i, o: o.detach())",
            f"{name}.register_full_backward_hook(lambda m, i, o: note(*o))",
            f"note(*{name}.state_dict().values())", f"{name} = copy.deepcopy({name})", f"{name}.train(False)",
        ))  # fmt: skip
        given = self.random.choice(list(scope))
        scope[made] = scope[given]
        optimiser = self.random.choice(("torch.optim.SGD", "torch.optim.Adam", "torch.optim.AdamW"))
        last = self.random.choice((
            f"{made}.sum().backward()\nstep = {optimiser}({name}.parameters(), lr=0.1)\nstep.step()\nstep.zero_grad()",
            f"{made}.sum().backward()\nnn.utils.clip_grad_norm_({name}.parameters(), 1.0)", "pass",
            f"note(*{name}.parameters())",
        ))  # fmt: skip
        filled = f"for each in {name}.parameters():\n    nn.init.constant_(each, 0.25)"
        call = f"{made} = {name}({given})"
        if self.random.random() < 0.3:
            call = f"with {self.mode(scope)}:\n    {call}"
        return [f"{name} = {kind}", filled, after, call, *_split(last), f"note(*{name}.parameters())"]

    def make_thread(self, scope: Scope, depth: int) -> list[str]:
        name = self.name("f")
        inside = _indented(
            ["note(torch.is_grad_enabled(), torch.is_inference_mode_enabled())", *self.body(scope, depth + 1, 2)]
        )
        return [f"def {name}():\n{inside}", f"with {self.mode(scope)}:\n" + f"    in_thread({name})"]

    def make_coroutine(self, scope: Scope, depth: int) -> list[str]:
        name, given, made = self.name("f"), self.random.choice(list(scope)), self.name("v")
        inner = {**scope, "a": scope[given]}
        lines = self.body(inner, depth + 1, 2)
        result, shape = self.expression(inner)
        pause = "await asyncio.sleep(0)"
        text = f"async def {name}(a):\n" + _indented(
            [f"with {self.mode(scope)}:\n" + _indented([*lines, pause]), f"return {result}"]
        )
        if self.random.random() < 0.4:
            text = f"@{self.random.choice(words.DECORATORS)}\n" + text
        scope[made] = shape
        return [text, f"{made} = asyncio.run({name}({given}))"]

    def make_class(self, scope: Scope, depth: int) -> list[str]:
        name, given, made = self.name("K"), self.random.choice(list(scope)), self.name("v")
        inner = {**scope, "a": scope[given]}
        result, shape = self.expression(inner)
        decorator = f"@{self.random.choice(words.DECORATORS)}\n"
        method = textwrap.indent(
            f"{decorator}def call(self, a):\n" + _indented([*self.body(inner, depth + 1, 1), f"return {result}"]),
            "    ",
        )
        scope[made] = shape
        return [f"class {name}:\n{method}", f"{made} = {name}().call({given})"]

    def make_stack(self, scope: Scope, depth: int) -> list[str]:
        inside = [f"stack.enter_context({self.mode(scope)})", *self.body(scope, depth, 2), "stack.close()",
                  "note(torch.is_grad_enabled(), torch.is_inference_mode_enabled())"]  # fmt: skip
        return ["with contextlib.ExitStack() as stack:\n" + _indented(inside)]

    def make_view_then_write(self, scope: Scope, depth: int) -> list[str]:
        """A view in one mode, a write in another: where most of the rules about views are."""
        template, shape = self.random.choice(words.VIEWS)
        text, of = self.fill(template, scope)
        view = self.name("v")
        lines = [f"{view} = {text}"]
        if self.random.random() < 0.6:
            lines = [f"with {self.mode(scope)}:\n    {lines[0]}"]
        scope[view] = shape(of)
        lines += self.text_of(words.INPLACE, scope if self.random.random() < 0.5 else {view: scope[view]})
        if self.random.random() < 0.5:
            lines += [f"note({view})"]
        if self.random.random() < 0.4:
            lines += self.text_of(words.BACKWARD, scope)
        return lines

    def make_walk(self, scope: Scope, depth: int) -> list[str]:
        """The names of the nodes behind a tensor."""
        return [f"walk({self.random.choice(list(scope))})"]


def _indented(lines: list[str]) -> str:
    return textwrap.indent("\n".join(lines), "    ")


def _split(text: str) -> list[str]:
    """The statements of a text."""
    made: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" "):
            made[-1] += "\n" + line
        else:
            made.append(line)
    return made


def program(seed: int) -> list[str]:
    return Generator(seed).program()
