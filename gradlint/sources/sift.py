"""A look at the bytes of a file that throws out what cannot matter, before anything is parsed.

A file stays if it holds a token of a rule that is on (or switches a mode, which can make a finding in a file that it
imports), and if torch can come into it: it names torch or a framework over it, or imports, directly or through others,
a file of the project that does. Strings and comments count: they can only keep a file that could have been left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from gradlint.words import bare

CAUSES = (b"no_grad", b"enable_grad", b"set_grad_enabled", b"inference_mode", b"requires_grad", b"detach")
# Packages that bring torch tensors in although their names do not say torch.
FRAMEWORKS = frozenset({
    "accelerate", "avalanche", "catalyst", "composer", "deepspeed", "detectron2", "diffusers", "einops", "fastai",
    "flair", "ignite", "keras", "kornia", "lightning", "mmcv", "mmdet", "mmengine", "monai", "open_clip", "peft",
    "poutyne", "pyro", "ray", "sentence_transformers", "speechbrain", "stable_baselines3", "tianshou", "timm",
    "transformers", "trl", "ultralytics",
})  # fmt: skip
KEYWORD = re.compile(rb"import(?=[ \t(*\\])")
FROM = re.compile(rb"[ \t]*from[ \t]+([.\w\x80-\xff]+)[ \t]*\Z")
BEFORE = re.compile(rb"[\n\r;:]")
LINE = 200
"""So long is what stands before `import` on its line, at most: `from` and a dotted name."""
PLAIN = re.compile(rb"[ \t]*\Z")
NAMES = re.compile(rb"[ \t]*(\([^)]*\)|(?:\\\r?\n|[^\r\n#;])*)")
BACKWARD = re.compile(
    rb"\.(?:manual_)?backward\b|(?<![\w.])(?<!def )backward\s*\(|autograd\.(?:grad|backward|functional)|(?<!def )\bgrad\s*\("
    rb"|autograd\s+import\s+(?!Function\b|Variable\b|profiler)|torch\.func\b|\b(?:jacobian|hessian|[vj]vp|hvp|vhp|jacfwd|jacrev)\s*\("
)
"""What runs a backward pass, or hands on what does."""
CHANGING = re.compile(rb"^[ \t]*def (\w+_)\s*\([\s\S]*?(?=^\S|^[ \t]*def |\Z)", re.MULTILINE)
"""A function whose name says that it changes what it is given."""
WORD = re.compile(rb"[A-Za-z_\x80-\xff][\w.\x80-\xff]*")


def wants(path: str, data: bytes, tokens: Callable[[], Sequence[bytes]], reach: Reach | None = None) -> bool:
    """Whether a file can have a finding. Without a `reach`, what it imports counts for nothing.

    Torch is asked for first: most files have none, and then the tokens need not be known.
    """
    return brings_torch(path, data, reach) and (holds(data, CAUSES) or holds(data, tokens()))


def brings_torch(path: str, data: bytes, reach: Reach | None = None) -> bool:
    """Whether torch can come into a file."""
    if b"torch" in data:
        return True
    modules = imported(data)
    return names_framework(modules) or (reach is not None and reach.leads(path, modules))


def holds(data: bytes, tokens: Sequence[bytes]) -> bool:
    return any(token in data for token in tokens)


def names_framework(modules: Sequence[str]) -> bool:
    return any(module.partition(".")[0] in FRAMEWORKS for module in modules)


def imported(data: bytes) -> list[str]:
    """The dotted modules that a source may import, relative ones with their dots; `from a import b` may mean `a.b`."""
    found: dict[str, None] = {}
    for keyword in KEYWORD.finditer(data):
        before = BEFORE.split(data[max(keyword.start() - LINE, 0) : keyword.start()])[-1]
        named = FROM.match(before)
        if not named and not PLAIN.match(before):
            continue
        base = named[1].decode("utf-8", "replace") if named else ""
        join = base if not base or base.endswith(".") else base + "."
        if base:
            found[base] = None
        names = NAMES.match(data, keyword.end())
        for part in names[1].split(b",") if names else ():
            word = WORD.search(part)
            if word:
                found[join + word[0].decode("utf-8", "replace")] = None
    return list(found)


Facts = tuple[bool, frozenset[bytes], frozenset[bytes]]


def facts_of(data: bytes) -> Facts:
    """Whether a source runs a backward pass, and its functions that change what they are given: with gradients on, off."""
    on: set[bytes] = set()
    off: set[bytes] = set()
    for found in CHANGING.finditer(data):
        (off if b"no_grad" in found[0] else on).add(found[1])
    differentiates = BACKWARD.search(data) is not None and BACKWARD.search(bare(data)) is not None
    return differentiates, frozenset(on), frozenset(off)


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as handle:
            return handle.read()
    except OSError:
        return b""


class Reach:
    """Which files lead to torch by their imports, looked for beside them and in some roots; each is read once."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self._leads: dict[str, bool] = {}
        self._files: dict[str, tuple[bool, list[str]]] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._views: dict[str, tuple[Facts, list[str]]] = {}

    def leads(self, path: str, modules: Sequence[str]) -> bool:
        """Whether one of the modules that a file imports is a file that names torch, or leads to one."""
        seen: set[str] = set()
        waiting = self._imported(path, modules)
        while waiting:
            file = waiting.pop()
            known = self._leads.get(file)
            if known:
                return True
            if file in seen or known is False:
                continue
            seen.add(file)
            named, imported = self._look(file)
            if named:
                self._leads[file] = True
                return True
            waiting += imported
        # Nothing that was seen leads on to torch, or it would have been found.
        self._leads.update(dict.fromkeys(seen, False))
        return False

    def view(self, path: str, data: bytes) -> tuple[bool, frozenset[bytes], frozenset[bytes]]:
        """Of a file and all that it leads to: whether something runs a backward pass, and the functions that change what
        they are given, as their names say: those that do so with gradients on, and those that do so with gradients off."""
        facts, waiting = self._facts_of(path, data)
        waiting = list(waiting)
        differentiates, changing, tame = facts
        seen = {os.path.abspath(path)}
        while waiting:
            file = waiting.pop()
            if file in seen:
                continue
            seen.add(file)
            (more, on, off), imported = self._facts(file)
            waiting += imported
            if more or on or off:
                differentiates, changing, tame = differentiates or more, changing | on, tame | off
        return differentiates, changing, tame - changing

    def _facts(self, file: str) -> tuple[Facts, list[str]]:
        if file not in self._views:
            self._views[file] = self._facts_of(file, _read(file))
        return self._views[file]

    def _facts_of(self, path: str, data: bytes) -> tuple[Facts, list[str]]:
        return facts_of(data), self._imported(path, imported(data))

    def _look(self, file: str) -> tuple[bool, list[str]]:
        """Whether a file names torch, and what it imports."""
        if file not in self._files:
            data = _read(file)
            modules = imported(data)
            named = b"torch" in data or names_framework(modules)
            self._files[file] = named, [] if named else self._imported(file, modules)
        return self._files[file]

    def _imported(self, path: str, modules: Sequence[str]) -> list[str]:
        folder = os.path.dirname(os.path.abspath(path))
        files = (self._file(dotted, folder) for dotted in modules)
        return list(dict.fromkeys(file for file in files if file is not None))

    def _file(self, dotted: str, folder: str) -> str | None:
        key = folder, dotted
        if key not in self._found:
            self._found[key] = self._search(dotted, folder)
        return self._found[key]

    def _search(self, dotted: str, folder: str) -> str | None:
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        for root in (folder,) if level else (folder, *self.roots):
            if not level and not self._holds(root, name.partition(".")[0]):
                continue
            base = os.path.join(root, *name.split("."))
            for candidate in (base + ".py", os.path.join(base, "__init__.py")):
                if os.path.isfile(candidate):
                    return candidate
        return None

    def _holds(self, folder: str, top: str) -> bool:
        """Whether a folder has a module or package of that name: most imports are of none of the project."""
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return top in self._listed[folder] or f"{top}.py" in self._listed[folder]
