"""Which attempts at a finding are made, and in which order, whatever it is that runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Attempt = dict[str, Any]
Outcome = dict[str, Any]


def attempts_of(job: dict[str, Any], run: Callable[[Attempt], Outcome]) -> list[Outcome]:
    """The outcomes of the attempts made, each with the number of its attempt.

    They are made in order until one shows the fault. Its twin, in which the flags that are not known are turned round,
    has to show it, too, or to fail on the way. Where a script ran and did not show it, only attempts with the same flags
    follow: that the fault shows once an input is taken not to require grad says nothing for the finding.
    """
    attempts: list[Attempt] = job["attempts"]
    outcomes: list[Outcome] = []
    held: Any = None
    for number, attempt in enumerate(attempts):
        if held is not None and attempt["turned"] != held:
            break
        outcome = {**run(attempt), "attempt": number}
        outcomes.append(outcome)
        twin = attempt.get("twin")
        if outcome["status"] == "shown" and twin is not None and twin > number:
            outcomes.append({**run(attempts[twin]), "attempt": twin})
        if outcome["status"] in ("shown", "timeout", "refused"):
            break
        if outcome["status"] == "missing":
            held = attempt["turned"]
    return outcomes
