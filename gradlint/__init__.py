"""gradlint: finds misuse of PyTorch's gradient modes, and predicts which tensors require grad.

    check_source(source)    the findings in a source
    predict_source(source)  what each name that is bound to a tensor holds

Both are pure: they read nothing but their arguments (no file, no configuration), run nothing of the source, and what
they take and give can be pickled, so that any engine can map them over a corpus.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlint.findings import FileResult

__version__ = "0.1.0"
__all__ = ["__version__", "check_source", "predict_source"]


def check_source(source: str | bytes, path: str = "<source>", **settings: Any) -> FileResult:
    """The findings in a source. `settings` are those of `[tool.gradlint]`, with `_` for `-`: `select=["GRD101"]`."""
    from gradlint.pipeline import check_bytes  # late, like the next: importing the package costs nothing

    return check_bytes(path, _bytes(source), _settings(settings), alone=True)


def predict_source(source: str | bytes, path: str = "<source>", **settings: Any) -> FileResult:
    """What each name that a source binds to a tensor holds."""
    from gradlint.pipeline import predict_bytes

    return predict_bytes(path, _bytes(source), _settings(settings), alone=True)


def _bytes(source: str | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    # A text has no encoding any more, whatever its first two lines declare.
    head = re.match(r"(?:[^\r\n]*(?:\r\n?|\n)?){2}", source)
    end = head.end() if head else 0
    text = re.sub(r"coding[:=]", "coding ", source[:end]) + source[end:]
    return text.encode("utf-8", "surrogatepass")


def _settings(settings: dict[str, Any]) -> Any:
    from gradlint.sources.config import settings_of
    from gradlint.sources.settings import Settings

    table = {key.replace("_", "-"): value for key, value in settings.items()}
    return settings_of(table, "") if table else Settings()
