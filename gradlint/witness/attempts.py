"""Which attempts at a finding are made, and in which order, whatever it is that runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Attempt = dict[str, Any]
Outcome = dict[str, Any]


def attempts_of(job: dict[str, Any], run: Callable[[Attempt], Outcome]) -> list[Outcome]:
    """The outcomes of the attempts made, each with the number of its attempt.

    They are made in order until one shows the fault; `_turned` follows then. Where a script ran and did not show it,
    only attempts with the same flags follow: that the fault shows once an input is taken not to require grad says
    nothing for the finding.
    """
    attempts: list[Attempt] = job["attempts"]
    outcomes: list[Outcome] = []
    held: Any = None
    for number, attempt in enumerate(attempts):
        if held is not None and attempt["turned"] != held:
            break
        outcome = {**run(attempt), "attempt": number}
        outcomes.append(outcome)
        if outcome["status"] == "shown":
            outcomes += _turned(attempts, number, run)
        if outcome["status"] in ("shown", "timeout", "refused"):
            break
        if outcome["status"] == "missing":
            held = attempt["turned"]
    return outcomes


def _turned(attempts: list[Attempt], shown: int, run: Callable[[Attempt], Outcome]) -> list[Outcome]:
    """The outcomes of the same with the flags that are not known turned round: first of the twin of the attempt that
    showed the fault, then, where it ends in another way than predicted, of others, until one is clear."""
    twin = attempts[shown].get("twin")
    if twin is None or twin < shown:
        return []
    others = [n for n, a in enumerate(attempts) if a["turned"] == attempts[twin]["turned"] and n != twin]
    outcomes: list[Outcome] = []
    for number in (twin, *others):
        outcomes.append({**run(attempts[number]), "attempt": number})
        if outcomes[-1]["status"] not in ("other", "setup") or outcomes[0]["status"] == "setup":
            break
    return outcomes
