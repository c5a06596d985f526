"""A mode above a class: it makes a function of it and covers construction only."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModeDecorated
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.mode_wording import show, turns_on, warn, written
from gradlint.rules.rule import Report, Rule

SETUP = """@{mode}
class Model:
    def recording(self):
        return torch.is_grad_enabled() and not torch.is_inference_mode_enabled()"""


def check(event: ModeDecorated, report: Report) -> Iterator[Finding]:
    if event.target != "class":
        return
    made, name = written(event.kind, event.flag), event.name or "the class"
    yield warn(
        RULE, report, event,
        f"`@{made}` turns class `{name}` into a function and covers its construction only: its methods run in the mode "
        "of their caller, and it can be neither subclassed nor used in `isinstance`; decorate the methods",
        evidence=_evidence(event),
    )  # fmt: skip


def _evidence(event: ModeDecorated) -> Evidence:
    setup = SETUP.format(mode=written(event.kind, event.flag).replace("…", "False"))
    if turns_on(event.kind, event.flag):
        effect = "not isinstance(Model, type) and not model.recording()"
        return show("model = Model()", effect, setup=setup, modes=("torch.no_grad()",))
    return show("model = Model()", "not isinstance(Model, type) and model.recording()", setup=setup)


RULE = Rule("GRD204", "decorator-on-class", Severity.WARNING, (ModeDecorated,), (b"class",), check)
