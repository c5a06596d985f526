"""A look at the bytes of a file that throws out what cannot matter, before anything is parsed.

A file stays if it holds a token of a rule that is on (or switches a mode, which can make a finding in a file that it
imports), and if torch can come into it: it names torch or a framework over it, or imports, directly or through others,
a file of the project that does. Strings and comments count: they can only keep a file that could have been left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

CAUSES = (b"no_grad", b"enable_grad", b"set_grad_enabled", b"inference_mode", b"requires_grad", b"detach")
# Packages that bring torch tensors in although their names do not say torch.
FRAMEWORKS = (
    "accelerate", "avalanche", "catalyst", "composer", "deepspeed", "detectron2", "diffusers", "einops", "fastai",
    "flair", "ignite", "keras", "kornia", "lightning", "mmcv", "mmdet", "mmengine", "monai", "open_clip", "peft",
    "poutyne", "pyro", "ray", "sentence_transformers", "speechbrain", "stable_baselines3", "tianshou", "timm",
    "transformers", "trl", "ultralytics",
)  # fmt: skip
FRAMEWORK = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:%s)\b" % "|".join(FRAMEWORKS).encode(), re.MULTILINE)
IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\r\n]*)"
    rb"|import[ \t]+(?P<plain>[^\r\n#;]+))",
    re.MULTILINE,
)
WORD = re.compile(rb"[A-Za-z_][\w.]*")


def wants(data: bytes, tokens: Sequence[bytes], imports_torch: Callable[[], bool] | None = None) -> bool:
    """Whether a file can have a finding. `imports_torch` is asked where the file itself does not name torch."""
    if not (holds(data, CAUSES) or holds(data, tokens)):
        return False
    return names_torch(data) or (imports_torch is not None and imports_torch())


def holds(data: bytes, tokens: Sequence[bytes]) -> bool:
    return any(token in data for token in tokens)


def names_torch(data: bytes) -> bool:
    return b"torch" in data or FRAMEWORK.search(data) is not None


class Reach:
    """Which files lead to torch by their imports, looked for beside them and in some roots; each is read once."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self._leads: dict[str, bool] = {}
        self._files: dict[str, tuple[bool, list[str]]] = {}

    def leads(self, path: str, data: bytes) -> bool:
        """Whether one of the files that this one imports names torch, or leads to it."""
        seen: set[str] = set()
        waiting = self._imported(path, data)
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

    def _look(self, file: str) -> tuple[bool, list[str]]:
        """Whether a file names torch, and what it imports."""
        if file not in self._files:
            try:
                with open(file, "rb") as handle:
                    data = handle.read()
            except OSError:
                data = b""
            named = names_torch(data)
            self._files[file] = named, [] if named else self._imported(file, data)
        return self._files[file]

    def _imported(self, path: str, data: bytes) -> list[str]:
        found: dict[str, None] = {}
        for match in IMPORT.finditer(data):
            for dotted in _dotted(match):
                file = self._file(dotted, path)
                if file is not None:
                    found[file] = None
        return list(found)

    def _file(self, dotted: str, path: str) -> str | None:
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        folder = os.path.dirname(os.path.abspath(path))
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        inside = name.replace(".", os.sep)
        for root in (folder,) if level else (folder, *self.roots):
            for candidate in (os.path.join(root, inside + ".py"), os.path.join(root, inside, "__init__.py")):
                if os.path.isfile(candidate):
                    return candidate
        return None


def _dotted(match: re.Match[bytes]) -> list[str]:
    """The modules that an import statement may mean; a name behind `from … import` may be one too."""
    if match["plain"] is not None:
        parts = (part.split(b" as ")[0] for part in match["plain"].split(b","))
        return [word[0].decode() for word in map(WORD.search, parts) if word]
    base = match["base"].decode()
    join = base if base.endswith(".") else base + "."
    names = (part.split(b" as ")[0] for part in match["names"].split(b","))
    return [base, *(join + word[0].decode() for word in map(WORD.search, names) if word)]
