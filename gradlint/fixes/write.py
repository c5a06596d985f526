"""A changed source goes to disk as a whole or not at all, with the file's mode; or is shown as a diff."""

from __future__ import annotations

import contextlib
import os
import tempfile

from gradlint.fixes.apply import decoded


def replace_file(path: str, source: bytes, expected: bytes) -> bool:
    """Write a file through a temporary one beside it. False where it is not (any more) what was analysed.

    A link stays a link: the file it leads to is replaced. Raises OSError where the file cannot be written.
    """
    real = os.path.realpath(path)
    with open(real, "rb") as handle:
        if handle.read() != expected:
            return False
    if not os.access(real, os.W_OK):
        raise PermissionError(13, "the file may not be written", path)
    about = os.stat(real)
    descriptor, temporary = tempfile.mkstemp(prefix=".gradlint-", dir=os.path.dirname(real))
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(source)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, about.st_mode & 0o7777)
        if hasattr(os, "chown"):
            with contextlib.suppress(OSError):  # only the owner can be kept by everybody
                os.chown(temporary, about.st_uid, about.st_gid)
        os.replace(temporary, real)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return True


def unified(path: str, before: bytes, after: bytes) -> str:
    """A diff that `patch` and `git apply` take."""
    import difflib  # late: few runs print a diff

    name = path.replace(os.sep, "/")
    old, new = (decoded(one)[2].splitlines(keepends=True) for one in (before, after))
    made = []
    for line in difflib.unified_diff(_kept(old), _kept(new), f"a/{name}", f"b/{name}"):
        made.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(made)


def _kept(lines: list[str]) -> list[str]:
    """Lines as `patch` counts them: only `\\n` ends one."""
    joined: list[str] = []
    for line in lines:
        if joined and not joined[-1].endswith("\n"):
            joined[-1] += line
        else:
            joined.append(line)
    return joined
