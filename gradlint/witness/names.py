"""Names and comments of a script: whatever the user calls things comes in, safe and readable text goes out."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

LONGEST = 30
RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "torch", "F", "error", "self", "cls"})


class Names:
    """Gives out identifiers, each one once. `taken`: words that something else in the script means."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}

    def fresh(self, wish: str, otherwise: str) -> str:
        """An identifier like `wish`, or like `otherwise` where nothing is left of the wish."""
        base = identifier(wish) or otherwise
        made, number = base, 1
        while made in self._taken:
            number += 1
            made = f"{base}_{number}"
        self._taken.add(made)
        return made


def identifier(text: str) -> str:
    """`self.encoder[0].weight` as `encoder_0_weight`; "" where no letter is left."""
    text = unicodedata.normalize("NFKC", text[: 4 * LONGEST])
    text = re.sub(r"^(self|cls)\.", "", text)
    text = re.sub(r"\W+", "_", text).strip("_")[:LONGEST].rstrip("_")
    if not text.isidentifier():
        text = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lstrip("_0123456789")
    if not text.isidentifier():
        return ""
    return text + "_" if text in RESERVED else text


def is_keyword(name: str) -> bool:
    """Whether a call may name an argument so."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def comment(text: str, longest: int = 70) -> str:
    """The text on one line, printable, not too long."""
    flat = "".join(c if c.isprintable() else " " for c in text[: 2 * longest])
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def words(text: str) -> set[str]:
    """Every identifier that stands in a piece of source."""
    return set(re.findall(r"[^\W\d]\w*", text))
