"""A computed tensor that requires grad is sent to another process (queue, pipe, DataLoader worker): it raises.

`torch.save` and plain `pickle` take such a tensor and drop its graph; they are no matter of this rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Copied
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

WAYS = {
    "queue": "putting it in a queue between processes",
    "pipe": "sending it through a pipe",
    "worker": "returning it from a DataLoader worker",
    "pickler": "pickling it for another process",
}
"""By `Copied.how`."""
REFUSED = "sent.requires_grad and not sent.is_leaf"
"""What is refused. A witness starts no process and opens no pipe, so it shows that much and not the refusal itself."""
TOKENS = (b"multiprocessing", b"Queue", b"Pipe", b"DataLoader", b"ForkingPickler", b".put(", b".send(")


def check(event: Copied, report: Report) -> Iterator[Finding]:
    target = event.target
    way = WAYS.get(event.how)
    if way is None or not (holds(target.rg) and fails(target.leaf)):
        return
    line = made_line(report, event, target)
    subject = f"`{event.holder}` holds {called(target, 'a tensor')}, which" if event.holder else called(target)
    yield tell(
        RULE, report, event,
        f"{subject} was computed from tensors that require grad{line}, and a graph cannot leave its process, so {way} raises; "
        "send `detach()`ed tensors, or numbers",
        facts=[target], flags=[target.rg, target.leaf], because=made_note(report, event, target),
        evidence=Evidence("sent = {0}", shown(report, target.origin), text=REFUSED),
    )  # fmt: skip


RULE = Rule("GRD117", "serialize-nonleaf", Severity.ERROR, (Copied,), TOKENS, check)
