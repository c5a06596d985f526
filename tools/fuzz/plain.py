"""Statements about conditions, loops, exceptions and containers, and what those of `constructs` are put together from."""

from __future__ import annotations

import textwrap

from . import python_words
from . import vocabulary as words
from .generate import Generator, Scope, _indented


class Plain(Generator):
    """Writes one program."""

    # expressions

    def fill(self, template: str, scope: Scope) -> tuple[str, words.Shape]:
        return super().fill(template.replace("{n}", str(self.random.randint(0, 9))), scope)

    def expression(self, scope: Scope) -> tuple[str, words.Shape]:
        if self.random.random() < 0.2:
            return super().expression(scope)
        template, shape = self.random.choice(python_words.EASY if self.random.random() < 0.85 else python_words.SHAPED)
        text, of = self.fill(template, scope)
        return text, shape(of)

    def of(self, scope: Scope) -> str:
        return self.expression(scope)[0]

    def one(self, scope: Scope) -> str:
        return self.random.choice(list(scope))

    def condition(self, scope: Scope) -> str:
        return self.fill(self.random.choice(python_words.CONDITIONS), scope)[0]

    def some(self, *texts: str) -> str:
        return self.random.choice(texts)

    def perhaps(self, *lines: str, share: float = 0.5) -> list[str]:
        return list(lines) if self.random.random() < share else []

    def fresh(self, scope: Scope, like: str) -> str:
        """A new name for a tensor that has the shape of another one."""
        name = self.name("v")
        scope[name] = scope[like]
        return name

    def around(self, scope: Scope, lines: list[str], share: float = 0.35) -> list[str]:
        """Lines, perhaps below a mode."""
        if self.random.random() < share:
            return [f"with {self.mode(scope)}:\n" + _indented(lines)]
        return lines

    # simple statements

    def make_write(self, scope: Scope, depth: int) -> list[str]:
        return self.text_of(python_words.EASY_WRITES, scope)

    def make_probe(self, scope: Scope, depth: int) -> list[str]:
        """A name is bound again to what is in scope: what is predicted of it is what is believed by now."""
        given = self.one(scope)
        name = self.name("p")
        return [f"{name} = {given}" + self.some("", "", ".grad", " * 1", "[...]")]

    def changed(self, scope: Scope, names: list[str]) -> list[str]:
        """A statement that changes one of some names."""
        name = self.random.choice(names)
        inner = {**scope}
        return self.random.choice((
            [f"{name} = {self.of(inner)}"],
            self.text_of(python_words.EASY_WRITES, {name: scope[name]}),
            [f"{name} = {self.of({name: scope[name]})}"],
        ))  # fmt: skip

    def several(self, scope: Scope, names: list[str], most: int = 2) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, most)):
            lines += self.changed(scope, names)
        return self.around(scope, lines, 0.25)

    # control

    def bound(self, scope: Scope) -> tuple[str, list[str]]:
        """A new name, and the statement that binds it."""
        text, shape = self.expression(scope)
        name = self.name("v")
        scope[name] = shape
        return name, [f"{name} = {text}"]

    def make_if(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        targets = [name, self.one(scope)]
        text = f"if {self.condition(scope)}:\n" + _indented(self.several(scope, targets))
        if self.random.random() < 0.4:
            text += f"\nelif {self.condition(scope)}:\n" + _indented(self.several(scope, targets))
        if self.random.random() < 0.5:
            text += "\nelse:\n" + _indented(self.several(scope, targets))
        return [*lines, text, f"{self.name('p')} = {name}", f"{self.name('p')} = {targets[1]}"]

    def make_while(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        count = self.name("n")
        targets = [name, self.one(scope)]
        inside = [f"{count} += 1", *self.several(scope, targets)]
        inside += self.perhaps(f"if {self.condition(scope)}:\n    {self.some('break', 'continue')}")
        inside += self.perhaps(*self.several(scope, targets))
        text = f"while {count} < {self.random.randint(0, 3)}:\n" + _indented(inside)
        text += "\nelse:\n" + _indented(self.several(scope, targets)) if self.random.random() < 0.3 else ""
        return [*lines, f"{count} = 0", text, f"{self.name('p')} = {name}", f"{self.name('p')} = {targets[1]}"]

    def make_for(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        each, x, y = self.name("e"), self.one(scope), self.one(scope)
        over, item = self.random.choice((
            (f"range({self.random.randint(0, 3)})", x), (f"[{x}, {y}]", each), (f"({x}, {y}, {x})", each),
            (f"enumerate([{x}, {y}])", f"{each}[1]"), (f"zip([{x}, {y}], [{y}, {x}])", f"{each}[0]"),
            (f"dict(a={x}, b={y}).values()", each), (f"{x}.reshape(2, -1)", each), (f"reversed([{x}, {y}])", each),
            (f"sorted([{x}, {y}], key=lambda t: t.requires_grad)", each), (f"map(lambda t: t * 2, [{x}, {y}])", each),
        ))  # fmt: skip
        inner = {**scope, item: scope[x]}
        inside = self.several(inner, [name, self.one(scope)])
        inside += [f"{name} = {self.random.choice((item, f'{item} * 2', f'{name} + {item}'))}"]
        inside += self.perhaps(f"if {self.condition(scope)}:\n    {self.some('break', 'continue')}")
        inside += self.perhaps(*self.several(scope, [name]), share=0.3)
        text = f"for {each} in {over}:\n" + _indented(inside)
        text += "\nelse:\n" + _indented(self.several(scope, [name])) if self.random.random() < 0.2 else ""
        return [*lines, text, f"{self.name('p')} = {name}", f"{self.name('p')} = {x}"]

    def make_try(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        targets = [name, self.one(scope)]
        failing = ("fail()", "raise KeyError", f"if {self.condition(scope)}:\n    fail()", "[][1]", "note()",
        "torch.ones(2) + torch.ones(3)",
                   f"{targets[1]}.grad.zero_()", f"{name}.sum().backward()", "dict()['k']", "None.x")  # fmt: skip
        inside = [*self.several(scope, targets), self.some(*failing), *self.several(scope, targets)]
        text = "try:\n" + _indented(inside)
        error = self.some("ValueError", "Exception", "(ValueError, KeyError)", "RuntimeError", "ValueError as error")
        kinds = self.random.choice(((True, False), (True, True), (False, True)))
        if kinds[0]:
            text += f"\nexcept {error}:\n" + _indented(self.several(scope, targets))
            if self.random.random() < 0.3:
                text += "\nexcept Exception:\n" + _indented(self.several(scope, targets))
            if self.random.random() < 0.3:
                text += "\nelse:\n" + _indented(self.several(scope, targets))
        if kinds[1]:
            text += "\nfinally:\n" + _indented(self.several(scope, targets))
        if self.random.random() < 0.5:
            text = f"with {self.mode(scope)}:\n" + _indented([text])
        text = f"try:\n{_indented([text])}\nexcept Exception as error:\n    caught(error)"
        return [*lines, text, f"{self.name('p')} = {name}", f"{self.name('p')} = {targets[1]}"]

    def make_match(self, scope: Scope, depth: int) -> list[str]:
        name, lines = self.bound(scope)
        subject = self.some("coin(3)", "1", "'a'", "[1, 2]", f"{name}.requires_grad")
        text = f"match {subject}:\n"
        for pattern in (self.some("True", "1", "'a'"), self.some("False", "[a, b]", "int()"), "_"):
            guard = f" if {self.condition(scope)}" if self.random.random() < 0.2 and pattern != "_" else ""
            text += (
                f"    case {pattern}{guard}:\n" + textwrap.indent(_indented(self.several(scope, [name])), "    ") + "\n"
            )
        return [*lines, text.rstrip(), f"{self.name('p')} = {name}"]

    def make_walrus(self, scope: Scope, depth: int) -> list[str]:
        name = self.name("v")
        text, shape = self.expression(scope)
        use = f"if ({name} := {text}).requires_grad:\n    {name} = {name} * 2\nelse:\n    {name} = {name} + 1"
        scope[name] = shape
        return [use, f"{self.name('p')} = {name}"]

    # containers

    def make_container(self, scope: Scope, depth: int) -> list[str]:
        held, x, y = self.name("h"), self.one(scope), self.one(scope)
        kind = self.random.randint(0, 3)
        if kind == 0:
            made = f"{held} = dict(a={x}, b={self.of(scope)})"
            changes = (f"{held}['c'] = {self.of(scope)}", f"{held}.update(a={self.of(scope)})", f"{held}.pop('b')",
                       f"{held}['a'] = {held}['a'] * 2", f"{held}.setdefault('d', {y})", f"del {held}['a']",
                       f"for key in {held}:\n    {held}[key] = {held}[key].detach()", f"{held}['a'].mul_(2)",
                       f"{held} = {{key: each * 2 for key, each in {held}.items()}}", f"{held} = {held} | dict(a={y})",
                       f"for key, each in {held}.items():\n    each.requires_grad_(False)",
                       f"{held} = dict({held}, b={y})")  # fmt: skip
            read = (f"{held}['a']", f"{held}.get('b')", f"list({held}.values())[-1]", f"{held}.get('z', {y})",
                f"[*{held}.values()][0]",
                    f"next(iter({held}.items()))[1]", f"{held}['c']", f"sum({held}.values())")  # fmt: skip
        else:
            made = f"{held} = " + self.some(f"[{x}, {self.of(scope)}]", f"[{x}]", f"[{x}, {y}, {self.of(scope)}]", f"[{y}] * 2",
                                            f"collections.deque([{x}, {y}])", "[]", f"list(({x}, {y}))")  # fmt: skip
            changes = (f"{held}.append({self.of(scope)})", f"{held}.insert(0, {self.of(scope)})",
            f"{held}[0] = {self.of(scope)}",
                       f"{held} += [{self.of(scope)}]", f"{held}.extend([{x}, {y}])", f"{held}[-1] = {held}[-1].detach()",
                       f"{held} = [each * 2 for each in {held}]", f"{held} = [each for each in {held} if each.requires_grad]",
                       f"for each in {held}:\n    each.requires_grad_(False)",
                       f"for at, each in enumerate({held}):\n    {held}[at] = each * 2",
                       f"{held}.reverse()", f"{held} = {held}[::-1]", f"{held}.pop()", f"del {held}[0]", f"{held}[0].mul_(2)",
                       f"{held} = list(map(torch.detach, {held}))", f"{held} = {held}[1:] + {held}[:1]", f"{held}.clear()",
                       f"with torch.no_grad():\n    {held}.append({x} * 2)", f"{held}.sort(key=lambda t: t.requires_grad)",
                       f"while len({held}) < 4:\n    {held}.append({y})", f"{held}[:1] = [{y}, {x}]",
                       f"{held} = [*{held}, {y}]")  # fmt: skip
            read = (f"{held}[0]", f"{held}[-1]", f"sum({held})", f"torch.stack([each.sum() for each in {held}]).sum()",
                f"{held}.pop()",
                    f"next(iter({held}))", f"max({held}, key=lambda t: t.requires_grad)", f"[*{held}][0]", f"list({held})[-1]",
                    f"{held}[len({held}) - 1]", f"next(each for each in {held} if each.requires_grad)", f"{held}[coin(2)]",
                    f"torch.cat([each.flatten() for each in {held}])",
                    f"functools.reduce(lambda a, b: a + b, {held})")  # fmt: skip
        lines = [
            made,
            *(
                line
                for _ in range(self.random.randint(1, 4))
                for line in self.around(scope, [self.some(*changes)], 0.25)
            ),
        ]
        name = self.fresh(scope, x)
        reading = f"{name} = {self.some(*read)}"
        if kind == 1 and self.random.random() < 0.5:
            reading = f"{name}, *{self.name('r')} = {held}"
        return [*lines, *self.around(scope, [reading], 0.2), f"{self.name('p')} = {x}"]

    # classes

    def method(self, scope: Scope, name: str, lines: list[str], arguments: str = "self", decorated: float = 0.3) -> str:
        text = f"def {name}({arguments}):\n" + _indented(self.around(scope, lines, 0.3))
        if self.random.random() < decorated:
            text = f"@{self.random.choice(words.DECORATORS[:9])}\n" + text
        return text
