"""What a running script is kept from: limits on time and memory, no files, no network, no other programs.

`limit` is called in the process that runs one script, right before it; nothing of it can be undone in there.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from gradlint.witness.guard import IMPORTS, READING, REFUSED_NAMES

resource: Any
try:
    import resource
except ImportError:
    resource = None

MEMORY = 1 << 30
"""Bytes that a script may use beyond what the engine holds."""

_FOLDERS = (sys.prefix, sys.base_prefix, *sys.path)
_READABLE = tuple({os.path.realpath(folder) + os.sep for folder in _FOLDERS if os.path.isabs(folder)})
_REFUSED = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile", "os.remove",
    "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.link", "os.symlink", "os.utime",
    "os.kill", "os.putenv", "os.unsetenv", "os.setxattr", "os.removexattr", "os.chdir", "os.chroot", "shutil.",
    "subprocess.", "pty.", "socket.connect", "socket.bind", "socket.send", "socket.getaddrinfo", "socket.gethost",
    "urllib.", "ftplib.", "http.", "smtplib.", "imaplib.", "poplib.", "webbrowser.", "syslog.", "winreg.",
    "_winapi.", "msvcrt.", "ctypes.dlopen", "ctypes.dlsym", "ctypes.string_at", "ctypes.cdata", "mmap.", "sqlite3.",
    "tempfile.", "signal.pthread_kill",
)  # fmt: skip


class Forbidden(BaseException):
    """The script tried what it may not do. No script catches it by chance."""


class NotReadable(PermissionError):
    """A file is no business of the script; an error that libraries expect where they look for one."""


def limit(seconds: float) -> None:
    """Confine this process for good."""
    sys.dont_write_bytecode = True
    allowed = _mapped() + MEMORY
    sys.addaudithook(_audit)
    if resource is None:
        return  # Windows: the parent's time limit still holds
    for kind, value in (
        ("RLIMIT_AS", allowed), ("RLIMIT_CPU", int(seconds) + 1), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0),
    ):  # fmt: skip
        try:
            resource.setrlimit(getattr(resource, kind), (value, value))
        except (AttributeError, ValueError, OSError):
            continue  # a limit that this system does not know, or has set lower already


def _mapped() -> int:
    """Bytes of address space in use, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 4 * MEMORY


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED):
        raise Forbidden(event)
    if event == "open":
        _open(*args)


def _open(path: Any, mode: Any, flags: Any) -> None:
    """Let through the reading of what the interpreter and the engine import late."""
    if isinstance(path, int):
        return
    writes = isinstance(mode, str) and any(c in mode for c in "wax+")
    writes = writes or (isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))
    if writes:
        raise Forbidden(f"write {path!r}")
    if not os.path.realpath(os.fsdecode(path)).startswith(_READABLE):
        raise NotReadable(f"read {path!r}")


def namespace() -> dict[str, Any]:
    """The globals of a script: Python's builtins without those that reach out of it."""
    allowed = {name: value for name, value in vars(builtins).items() if name not in REFUSED_NAMES - READING}
    allowed["__import__"] = _guarded(builtins.__import__)
    module = types.ModuleType("witness")
    sys.modules["witness"] = module
    module.__dict__.update(__builtins__=allowed)
    return module.__dict__


def _guarded(real: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level or name.split(".")[0] not in IMPORTS:
            raise Forbidden(f"import {name}")
        return real(name, globals, locals, fromlist, level)

    return guarded
