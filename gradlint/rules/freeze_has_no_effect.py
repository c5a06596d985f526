"""A flag that is set where torch does not look: the parameters stay trainable (or stay frozen), without a word.

Misspelt attributes, `module.requires_grad = False`, `p.requires_grad_ = False`, flags of passing aliases such as
`p.data`, and a freeze that is undone before anything was computed.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import AttributeTypo, FreezeUndone, RequiresGradSet
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity, Span
from gradlint.rules.rule import Report, Rule, fails, holds, note
from gradlint.rules.wording import line_of, tell

RIGHT = "requires_grad"
METHOD = "requires_grad_"
LAYER = "layer = torch.nn.Linear(2, 2)"
TRAINABLE = "all(p.requires_grad for p in layer.parameters())"
ALIASES = {
    "torch.Tensor.data": ".data",
    "torch.Tensor.detach": ".detach()",
    "torch.nn.Module.state_dict": "state_dict()",
}
"""Origins of tensors that share the storage of a parameter and not its flag, as messages call them."""


def check(event: AttributeTypo | FreezeUndone | RequiresGradSet, report: Report) -> Iterator[Finding]:
    if isinstance(event, FreezeUndone):
        yield _undone(event, report)
    elif isinstance(event, RequiresGradSet):
        yield from _on_alias(event, report)
    elif event.owner != "unknown":
        yield _in_vain(event, report)


def _in_vain(event: AttributeTypo, report: Report) -> Finding:
    name = event.name or ("the module" if event.owner == "module" else "the tensor")
    flag = "…" if event.value.value is None else str(event.value.value)
    if event.how == "typo":
        said = (
            f"torch does not know `{event.attribute}`: this makes a new attribute and `{name}` keeps its flag; "
            f"write `{RIGHT}`"
        )
    elif event.how == "module":
        said = (
            f"a module has no flag of its own: `{RIGHT}` becomes a plain attribute of `{name}` and its parameters keep "
            f"theirs; call `{METHOD}({flag})`"
        )
    else:
        said = f"this replaces the method `{METHOD}` of `{name}` and sets no flag; call `{METHOD}({flag})`"
    return tell(RULE, report, event, said, evidence=_evidence(event), fix=_fix(event, report))


def _evidence(event: AttributeTypo) -> Evidence:
    value = event.value.value is True
    owner = "layer" if event.owner == "module" else "layer.weight"
    setup = LAYER if not value else f"{LAYER}.requires_grad_(False)"
    text = TRAINABLE if not value else "not any(p.requires_grad for p in layer.parameters())"
    return Evidence(f"{owner}.{event.attribute} = {value}", text=text, setup=setup)


def _fix(event: AttributeTypo, report: Report) -> Fix | None:
    span = report.span(event.where)
    if not report.text(event.where).endswith(f".{event.attribute}") or span.end_column <= len(event.attribute):
        return None
    name = Span(span.end_line, span.end_column - len(event.attribute), span.end_line, span.end_column)
    if event.how == "typo":
        return Fix(f"Spell it `{RIGHT}`", (Edit(name, RIGHT),), Safety.SAFE)
    if event.written is None:
        return None
    value = report.span(event.written)
    if (value.line, value.end_line) != (name.line, name.line) or value.column - name.end_column > len(" = "):
        return None
    whole = Span(name.line, name.column, name.line, value.end_column)
    edit = Edit(whole, f"{METHOD}({report.text(event.written)})")
    return Fix(f"Call `{METHOD}`", (edit,), Safety.SAFE)


def _on_alias(event: RequiresGradSet, report: Report) -> Iterator[Finding]:
    """`p.data.requires_grad = False`: the flag of a tensor that is thrown away at once."""
    alias = event.alias_of
    if alias is None or not holds(alias.rg) or not fails(event.value) or not fails(event.target.rg):
        return
    how = ALIASES.get(event.target.origin.op, ".data")
    what = f"`{alias.name}`" if alias.name else "the parameter"
    yield tell(
        RULE, report, event,
        f"`{how}` gives a new tensor that requires no grad, and the flag is set on that one: {what} stays trainable; "
        f"set `{RIGHT} = False` on the parameter itself",
        facts=[alias], flags=[alias.rg],
        evidence=Evidence("layer.weight.detach().requires_grad = False", text=TRAINABLE, setup=LAYER),
    )  # fmt: skip


def _undone(event: FreezeUndone, report: Report) -> Finding:
    name = f"`{event.name}`" if event.name else "what is frozen here"
    undone = event.undone
    line = line_of(report, undone, event) if undone else ""
    again = f"`{event.again}`" if event.again else "it"
    home = report.path(event.where)
    return tell(
        RULE, report, event,
        f"freezing {name} has no effect: {again} is set to require grad again{line} before anything was computed with "
        "it; freeze it after that, or leave it out there",
        because=[note(report, undone, "the freeze is undone here", home)] if undone else [],
        evidence=Evidence(
            "layer.requires_grad_(False)\nfor p in layer.parameters():\n    p.requires_grad = True", text=TRAINABLE,
            setup=LAYER,
        ),
    )  # fmt: skip


RULE = Rule(
    "GRD304", "freeze-has-no-effect", Severity.WARNING, (AttributeTypo, FreezeUndone, RequiresGradSet),
    (b"grad", b"Grad"), check,
)  # fmt: skip
