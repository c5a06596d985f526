"""A client of the language server: starts it as an editor does, and speaks with it over its standard streams."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from gradlint.editors.protocol import read_message, write_message

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0

Row = dict[str, Any]


class Client:
    """`asked` numbers its requests; what the server says unasked waits in `told`."""

    def __init__(self, folder: Path) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradlint", "server"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        self.heard: queue.Queue[Row | None] = queue.Queue()
        self.told: list[Row] = []
        self.number = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        while True:
            message = read_message(self.process.stdout)  # type: ignore[arg-type]
            self.heard.put(message)
            if message is None:
                return

    def send(self, message: Row) -> None:
        assert self.process.stdin
        write_message(self.process.stdin, message)  # type: ignore[arg-type]

    def notify(self, method: str, params: Row | None = None) -> None:
        self.send({"method": method, "params": params or {}})

    def ask(self, method: str, params: Row | None = None) -> Any:
        """The result of a request; a refusal is given as a whole."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params or {}})
        while True:
            message = self._next()
            if message.get("id") == self.number:
                return message["result"] if "result" in message else message
            self.told.append(message)

    def wait_for(self, method: str, uri: str = "") -> Row:
        """The parameters of the next notification of a kind."""
        while True:
            for at, message in enumerate(self.told):
                if message.get("method") == method and uri in ("", message["params"].get("uri")):
                    del self.told[at]
                    params: Row = message["params"]
                    return params
            self.told.append(self._next())

    def _next(self) -> Row:
        message = self.heard.get(timeout=SECONDS)
        assert message is not None, "the server has gone"
        return message

    def start(self, **capabilities: Any) -> Any:
        result = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.notify("initialized")
        return result

    def open(self, uri: str, text: str, version: int = 1) -> None:
        self.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "python", "version": version, "text": text}},
        )

    def change(self, uri: str, text: str, version: int) -> None:
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]},
        )

    def diagnostics(self, uri: str) -> Row:
        return self.wait_for("textDocument/publishDiagnostics", uri)

    def stop(self) -> int:
        self.ask("shutdown")
        self.notify("exit")
        return self.process.wait(timeout=SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()
