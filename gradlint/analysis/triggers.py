"""Which stretches of a source can have a finding by themselves, as far as their words tell.

What stands in strings and comments says nothing, but for strings that name attributes and those that hold code. Many
misuses are none without a backward pass (`Around.differentiates`): a detached value, `.data`, a parameter made by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gradlint.syntax.unit import Unit
from gradlint.words import bare


@dataclass(frozen=True)
class Around:
    """What is known of all the files that a file leads to by its imports, itself among them.

    differentiates: something in them runs a backward pass, or may.
    changing: functions of theirs that change what they are given in place, as their names say; tame: those that do so
    with gradients off.
    """

    differentiates: bool = True
    changing: frozenset[bytes] = frozenset()
    tame: frozenset[bytes] = frozenset()


EVERYTHING = Around()
BY_ITSELF = re.compile(
    rb"backward\s*\(|\bautograd\.(?!Function|Variable|profiler)|\bgrad\s*\(|enable_grad|inference_mode|set_grad_enabled"
    rb"|[Rr]equir\w*_?[Gg]rad\w*(?:\s*=(?!=)|\s*\(|['\"])|retain_\w*grad|retain_graph|create_graph|register_hook"
    rb"|register_post|\.grad\b|deepcopy\s*\(|(?<!load_)(?<!save_)checkpoint(?:_sequential)?\s*\(|jacfwd|jvp|\b(?:hessian|jacobian)\b|\.numpy\s*\("
    rb"|np\.as\w*array|np\.array\s*\(|plt\.|\bclosure\b|ForkingPickler|\.put\s*\(|dual_level|no_grad\b(?!\s*\(\s*\))"
    rb"|(?<!@torch\.)(?<!@)no_grad\s*\(|\boptim\w*\.[A-Z]\w*\s*\(|Optimizer\s*\(|\b(?:SGD|Adam\w*|RMSprop|LBFGS|Adagrad)\s*\("
    rb"|\bVariable\s*\("
)
"""What can have a finding whatever else there is."""
WITH_BACKWARD = re.compile(
    rb"no_grad|[Rr]equir\w*_?[Gg]rad|\bautograd\b|\.data\b|\.detach|\boptim\b|Optimizer|hessian|jacobian"
)
"""What can have one where a backward pass is in around."""
DECORATED = re.compile(rb"@(?:torch\.)?no_grad\s*\(\s*\)")
ABOUT_MODES = re.compile(
    rb"\byield\b|\bawait\b|\basync\b|contextmanager|property|classmethod|staticmethod|\bclass\b|Thread|Timer|submit"
    rb"|\bmap\b|filter|apply|to_thread|executor|\bfor\b[^\n:]*\)|([\w.]+)\s*=[^=][^=]{0,300}?(?<![\w.])\1\b"
)
"""What a decorator can be wrong about: how the function runs, lazy values, a name bound anew to a value of itself."""
LONG = 20_000
"""Bytes beyond which a look takes longer than it saves."""
PLAIN_PARAMETER = re.compile(
    rb"^[ \t]*self\.\w+\s*(?::[^=\n]+)?=\s*(?:torch\.)?(?:nn\.)?Parameter\s*\(\s*"
    rb"(?:[-\w.*/+ ]+\s*\*\s*)?torch\.(?:zeros|ones|randn|rand|empty|full|eye|linspace)\s*\("
    rb"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)(?:\s*\*\s*[-\w.]+(?:\([^()]*\))?)?\s*,?\s*\)[ \t]*(?:\r?\n|\r|\Z)",
    re.MULTILINE,
)
"""A floating parameter made from nothing and registered: nothing to complain of."""
IN_PLACE = re.compile(rb"(?<!init)(?<!\.data)\.\w*[a-z0-9]_\s*\(|(?:[-+*/@%&|^]|//|\*\*)=|\]\s*=(?!=)")
CALLED_IN_PLACE = re.compile(rb"(?<![\w.])(?<!def )(\w*[a-z0-9]_)\s*\(")
ANNOTATED = re.compile(rb"\w\s*:\s*(?:\w+\.)*(?:[A-Z]\w*|list|tuple|dict|set|type)\[[^=\n]*\]\s*=(?!=)")
"""A variable or parameter with a type and a value: no assignment to an index."""
LEARNT = re.compile(rb"\bweight(?!_decay|_init)|\bbias\b|Parameter|requires_grad|parameters")
"""In-place changes matter where something that is learnt is near."""
INITIALISERS = frozenset({
    b"uniform_", b"normal_", b"trunc_normal_", b"constant_", b"ones_", b"zeros_", b"eye_", b"dirac_", b"xavier_uniform_",
    b"xavier_normal_", b"kaiming_uniform_", b"kaiming_normal_", b"orthogonal_", b"sparse_",
})  # fmt: skip
RENAMED = re.compile(
    rb"\b(?:no_grad|enable_grad|set_grad_enabled|inference_mode|autograd|grad|checkpoint|checkpoint_sequential|deepcopy"
    rb"|Variable|Parameter|jvp|vjp|jacfwd|jacrev|hessian|jacobian|dual_level|SGD|Adam\w*|RMSprop|LBFGS)\s+as\s+(\w+)"
    rb"|^(\w+)\s*=\s*[\w.]*\b(?:no_grad|enable_grad|set_grad_enabled|inference_mode)[ \t]*(?:\r?\n|\r|\Z)",
    re.MULTILINE,
)
"""Names of a file's own for what the words above stand for."""
ADVICE = re.compile(rb"\.eval\s*\(|\+=|append\s*\(|[lL]oss")
PARAMETERS = re.compile(rb"self\.(\w+)\s*(?::[^=\n]+)?=\s*(?:torch\.)?(?:nn\.)?Parameter\s*\(")


def is_hot(unit: Unit, text: bytes, advice: bool, around: Around = EVERYTHING) -> bool:
    """Whether a stretch of source can have a finding by itself."""
    if advice and ADVICE.search(text):
        return True
    text = bare(text)
    if BY_ITSELF.search(text) or any(name in text for name in _renamed(unit.data)):
        return True
    if around.differentiates and WITH_BACKWARD.search(text):
        return True
    if DECORATED.search(text) and (len(text) > LONG or ABOUT_MODES.search(text)):
        return True
    if b"Parameter" in text and re.search(rb"\bParameter\s*\(", PLAIN_PARAMETER.sub(b"", text)):
        return True
    return _changes(text, around) and (
        LEARNT.search(text) is not None or any(n in text for n in _parameters_of(unit.data))
    )


def _changes(text: bytes, around: Around) -> bool:
    """Whether something is changed in place. Those functions of `torch.nn.init` are meant for parameters."""
    if IN_PLACE.search(ANNOTATED.sub(b"", text)):
        return True
    called = set(CALLED_IN_PLACE.findall(text))
    return bool(called & around.changing or called - INITIALISERS - around.tame)


@lru_cache(maxsize=8)
def _renamed(data: bytes) -> tuple[bytes, ...]:
    """The names that a file gives to modes and the like (`from torch import no_grad as ng`)."""
    if b" as " not in data and b"= torch." not in data:
        return ()
    return tuple(imported or assigned for imported, assigned in RENAMED.findall(data))


@lru_cache(maxsize=8)
def _parameters_of(data: bytes) -> tuple[bytes, ...]:
    """Names of attributes that hold parameters somewhere in the file, as they are read."""
    return tuple(b"self." + name for name in dict.fromkeys(PARAMETERS.findall(data)))
