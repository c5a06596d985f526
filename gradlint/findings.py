"""What passes between the stages, as plain picklable data.

This module imports nothing of gradlint but how records are made. Every type is frozen; a stage that wants to
say more about a finding makes a new one with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gradlint.records import record


class Severity(str, Enum):
    """How bad it is: an error raises, a warning silently does something else, advice is off by default."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Certainty(str, Enum):
    """`likely` where a finding or prediction rests on an assumption that the source does not prove."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Verdict(str, Enum):
    """What running the witness showed."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    REFUTED = "refuted"


class Safety(str, Enum):
    """`safe`: same meaning wherever the code worked before; `unsafe`: the intention is guessed."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of source: lines and columns count from 1, columns in code points, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Note:
    """A related place, with what happened there. `path` is None where it is the finding's own file."""

    message: str
    span: Span
    path: str | None = None


@dataclass(frozen=True)
class Edit:
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """Edits that do not overlap, with one line saying what they do."""

    message: str
    edits: tuple[Edit, ...]
    safety: Safety


@record
class Origin:
    """How a value came to be, as far as it matters for gradients: one node of a small graph.

    op: what made it. A qualified torch name (`torch.cat`, `torch.Tensor.mul`, `torch.nn.Linear`), or one of
        `input` (a tensor from outside), `leaf` (a tensor made here), `parameter`, `module` (an unknown layer),
        `python` (anything that is not a tensor), `unknown` (a call that could not be followed).
    args, kwargs: operands: other origins, constants, or tuples/lists of these. A `parameter` has `of` among its kwargs
        where it was made by a constructor: it tells the objects of one class apart.
    modes: the grad-mode contexts in force, outermost first, as source text (`torch.no_grad()`).
    name: what the user calls the value, or "".
    requires_grad: what the analyser believes of the result: True, False or None.
    line: 1-based line where it was made, 0 where there is none. `path` as in Note.
    depth: length of the longest chain of operands, itself included; bounded where origins are made.
    mode_line: where the innermost of `modes` was entered.
    """

    op: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    modes: tuple[str, ...] = ()
    name: str = ""
    requires_grad: bool | None = None
    floating: bool | None = True
    line: int = 0
    path: str | None = None
    depth: int = 1
    mode_line: int = 0


@dataclass(frozen=True)
class Evidence:
    """What a witness has to show for a finding: `action` on `subjects` under `modes` ends as `expect` says.

    action: source text in which `{0}`, `{1}` … stand for the subjects: `{0}.backward()`. Several lines are allowed.
    raises: name of the exception type that must be raised by the action, or "" where it passes silently.
    text: a part of the exception's message; or, where `raises` is "", an expression that must be true after the
        action (`{0}.grad is None`).
    setup: lines printed before the action, at module level (definitions it needs), with the same placeholders.
    """

    action: str
    subjects: tuple[Origin, ...] = ()
    modes: tuple[str, ...] = ()
    raises: str = ""
    text: str = ""
    setup: str = ""


@dataclass(frozen=True)
class Witness:
    """The outcome of running a witness: verdict, why, and the script (runnable under real PyTorch unchanged)."""

    verdict: Verdict
    reason: str = ""
    script: str = ""


@dataclass(frozen=True)
class Finding:
    """One misuse. `because` names the related places; `evidence` is what the witness is made from."""

    code: str
    name: str
    path: str
    span: Span
    message: str
    severity: Severity
    certainty: Certainty = Certainty.CERTAIN
    because: tuple[Note, ...] = ()
    fix: Fix | None = None
    evidence: Evidence | None = None
    witness: Witness | None = None


@dataclass(frozen=True)
class Prediction:
    """What one bound name holds: `requires_grad` is True, False or None (unknown, or both)."""

    path: str
    line: int
    column: int
    name: str
    requires_grad: bool | None
    certainty: Certainty
    grad_mode: bool | None
    inference_mode: bool | None
    why: str


@record
class Sighting:
    """What a name held at one place, as one way into the program saw it. `requires_grad`: each value seen, with
    whether it rests on an assumption. `off_outside`: gradients may be off there for callers turn them off, and no one else."""

    line: int
    column: int
    name: str
    requires_grad: frozenset[tuple[bool | None, bool]]
    grad_mode: frozenset[bool | None]
    inference_mode: frozenset[bool | None]
    why: str
    off_outside: bool = True


@dataclass(frozen=True)
class View:
    """What one way into the program saw: `line` is that of the function which was run as if called from outside, 0 for a
    module's own code. `calls`: the functions that it ran, by path and line. `open`: names of methods that it called on
    objects it knows nothing of. `lost`: names that occur in what it was too long to run. `seen`: what it saw, by path.
    `functions`: name, first and last line of each function of a file, with the view of its own code. `runner`: a test
    runner calls it, whoever else does. `doubted`: something was cut off, or an exception was not believed."""

    path: str
    line: int
    name: str
    calls: frozenset[tuple[str, int]]
    open: frozenset[str]
    lost: frozenset[str]
    seen: dict[str, tuple[Sighting, ...]]
    functions: tuple[tuple[str, int, int], ...] = ()
    runner: bool = False
    doubted: bool = False


@dataclass(frozen=True)
class Failure:
    """A file that could not be analysed: named, never counted as clean. `line` is 0 where none is known."""

    path: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Cut:
    """Where the analysis gave up on a part of a file (a bound was reached), for `--verbose`."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True)
class Silenced:
    """A finding that an ignore comment silenced: the place of the comment, and what it silenced."""

    path: str
    line: int
    column: int
    code: str
    name: str


@dataclass(frozen=True)
class FileResult:
    """All that is known of one file after the whole way. `silenced` may lie in other files, as findings may."""

    path: str
    findings: tuple[Finding, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    failure: Failure | None = None
    cuts: tuple[Cut, ...] = ()
    suppressed: int = 0
    views: tuple[View, ...] = ()
    silenced: tuple[Silenced, ...] = ()
