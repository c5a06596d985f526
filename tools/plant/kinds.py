"""The kinds of mistake: each takes a script and tells every way of planting that mistake into it.

Planting is generous: whether a place matters shows when the script runs, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import loops, modes, parameters, values
from .script import Change, Script

Planter = Callable[[Script], Iterator[Change]]


@dataclass(frozen=True)
class Kind:
    """`codes`: those that name this mistake or what comes of it."""

    name: str
    plant: Planter
    codes: frozenset[str]


@dataclass(frozen=True)
class Planting:
    """One mistake in one script: the line of the original where it was planted, and the text that came of it."""

    kind: str
    line: int
    text: str


def _kind(name: str, plant: Planter, codes: str) -> Kind:
    return Kind(name, plant, frozenset("GRD" + code for code in codes.split()))


NO_GRAPH = "101 102 103 106 114 202 210 302 303 304 307 308 309 310"
KINDS = (
    _kind("computed under no_grad", modes.under("torch.no_grad()"), NO_GRAPH),
    _kind("computed in inference mode", modes.under("torch.inference_mode()"), NO_GRAPH + " 121 122 123"),
    _kind("function under no_grad", modes.decorated("torch.no_grad()"), NO_GRAPH),
    _kind("function in inference mode", modes.decorated("torch.inference_mode()"), NO_GRAPH + " 121 122 123"),
    _kind("grad left off before a loop", modes.left_off, NO_GRAPH),
    _kind("with turned into a switch", modes.switched, NO_GRAPH),
    _kind("enable_grad dropped", modes.enable_dropped, NO_GRAPH),
    _kind("grad not switched on again", modes.not_restored, NO_GRAPH),
    _kind("no_grad dropped", modes.no_grad_dropped, "104 106 111 112 115 116 118 301"),
    _kind("set_grad_enabled turned round", modes.turned_round, NO_GRAPH),
    _kind("value detached", values.made(".detach()"), NO_GRAPH),
    _kind("value through .data", values.made(".data"), NO_GRAPH + " 404"),
    _kind("value through numpy", values.through("torch.from_numpy({}.detach().numpy())"), NO_GRAPH),
    _kind("value through torch.tensor", values.through("torch.tensor({}.tolist())"), NO_GRAPH),
    _kind("value compared", values.through("({} > 0).float()"), NO_GRAPH),
    _kind("argument detached", values.argument_detached, NO_GRAPH),
    _kind("item of a term", values.item_of_term, NO_GRAPH),
    _kind("loss rebuilt", values.loss_rebuilt("torch.tensor({})"), NO_GRAPH),
    _kind("loss rebuilt to require grad", values.loss_rebuilt("torch.tensor({}, requires_grad=True)"), NO_GRAPH),
    _kind("loss made a leaf", values.loss_released, NO_GRAPH),
    _kind("detach dropped", values.detach_dropped, "104 106 111 112 115 116 118"),
    _kind("requires_grad dropped", values.requires_grad_dropped, NO_GRAPH),
    _kind("create_graph dropped", loops.argument_dropped("create_graph"), "101 102 104 105 303"),
    _kind("retain_graph dropped", loops.argument_dropped("retain_graph"), "104"),
    _kind("backward twice", loops.backward_twice, "104"),
    _kind("saved value changed", loops.saved_changed, "106 111"),
    _kind("leaf changed", loops.leaf_changed, "111"),
    _kind("grad cleared before the step", loops.cleared_early, "313"),
    _kind("update binds a new tensor", loops.rebound, "101 301 306"),
    _kind("everything frozen", parameters.all_frozen, NO_GRAPH + " 313"),
    _kind("optimizer of other parameters", parameters.other_parameters, "307 312 313"),
    _kind("model made anew after its optimizer", parameters.made_anew, "312"),
    _kind("layer replaced after its optimizer", parameters.layer_replaced, "312"),
    _kind("parameter computed", parameters.parameter_computed, "118 311 303"),
    _kind("layers in a list", parameters.plain_list, "311 307"),
)


def plantings(kind: Kind, script: Script, most: int) -> list[Planting]:
    """At most so many ways of planting one mistake, spread evenly over the script, without those that are not Python."""
    changes = list(kind.plant(script))
    few = min(most, len(changes))
    made: dict[str, Planting] = {}
    for change in (changes[number * len(changes) // few] for number in range(few)):
        text = script.changed(change)
        if text != script.text and _parses(text):
            made.setdefault(text, Planting(kind.name, change.line, text))
    return list(made.values())


def _parses(text: str) -> bool:
    try:
        compile(text, "<planted>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
