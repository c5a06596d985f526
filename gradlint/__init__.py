"""gradlint: finds misuse of PyTorch's gradient modes, and predicts which tensors require grad.

    check_source(source)    the findings in a source
    predict_source(source)  what each name that is bound to a tensor holds

Both are pure: they read nothing but their arguments (no file, no configuration), run nothing of the source, and what
they take and give can be pickled, so that any engine can map them over a corpus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlint.findings import FileResult

__version__ = "0.1.0"
__all__ = ["__version__", "check_source", "predict_source"]


def check_source(source: str | bytes, path: str = "<source>", **settings: Any) -> FileResult:
    """The findings in a source. `settings` are those of `[tool.gradlint]`, with `_` for `-`: `select=["GRD101"]`."""
    from gradlint.pipeline import bytes_of, check_bytes  # late, like the others: importing the package costs nothing

    return check_bytes(path, bytes_of(source), _settings(settings), alone=True)


def predict_source(source: str | bytes, path: str = "<source>", **settings: Any) -> FileResult:
    """What each name that a source binds to a tensor holds."""
    from gradlint.pipeline import bytes_of, predict_bytes

    return predict_bytes(path, bytes_of(source), _settings(settings), alone=True)


def _settings(settings: dict[str, Any]) -> Any:
    from gradlint.sources.config import settings_of
    from gradlint.sources.settings import Settings

    table = {key.replace("_", "-"): value for key, value in settings.items()}
    return settings_of(table, "") if table else Settings()
