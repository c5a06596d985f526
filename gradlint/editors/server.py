"""A language server on standard input and output: diagnostics while one types, quick fixes, hovers with predictions.

One thread reads, one works. A document is checked when its text has been left alone for a moment, and its findings are
tried out (see `witness`) when nothing else is to be done; what is refuted then disappears. Documents are taken from the
client, what they import from disk.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from gradlint import __version__, pipeline
from gradlint.editors import convert
from gradlint.editors.protocol import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    Columns,
    Message,
    RequestError,
    read_message,
    write_message,
)
from gradlint.findings import Failure, Finding, Prediction
from gradlint.sources.config import Configs
from gradlint.sources.discover import is_excluded
from gradlint.sources.settings import Settings, SettingsError

QUIET = 0.2
"""Seconds without a change after which a document is checked."""
IDLE = 0.8
"""Seconds more after which its findings are tried out."""
ERROR, LOG = 1, 4
FIX_ALL = "source.fixAll.gradlint"


@dataclass
class Document:
    """A text that a client has open. `seen` is the version that the findings are about, None before the first check."""

    uri: str
    path: str
    version: int
    text: str
    seen: int | None = None
    due: float | None = None
    confirm_at: float | None = None
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
    predictions: tuple[int, tuple[Prediction, ...]] | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path or "untitled.py"


class Server:
    """Answers messages. `wait` and `idle` are in seconds; `tried` says whether witnesses are run at all."""

    def __init__(self, given: BinaryIO, taken: BinaryIO, *, wait: float = QUIET, tried: bool = True) -> None:
        self.given, self.taken, self.wait, self.tried = given, taken, wait, tried
        self.inbox: queue.Queue[Message | None | RequestError] = queue.Queue()
        self.documents: dict[str, Document] = {}
        self.columns = Columns()
        self.related = False
        self.ready = False
        self.stopped = False
        self.status: int | None = None
        self.warned: set[str] = set()

    def run(self) -> int:
        """Exit status 0 where the client has said goodbye, as the protocol wants it."""
        threading.Thread(target=self._read, daemon=True).start()
        while self.status is None:
            try:
                message = self.inbox.get(timeout=self._pause())
            except queue.Empty:
                try:
                    self._work()
                except OSError:
                    return 1
                continue
            if message is None:
                return 0 if self.stopped else 1
            self._take(message)
        return self.status

    def _read(self) -> None:
        while True:
            try:
                message = read_message(self.given)
            except RequestError as error:
                self.inbox.put(error)
                continue
            except (OSError, ValueError):
                message = None
            self.inbox.put(message)
            if message is None:
                return

    # Messages.

    def _take(self, message: Message | RequestError) -> None:
        if isinstance(message, RequestError):
            self._send({"id": None, "error": {"code": message.code, "message": str(message)}})
            return
        method, number = message.get("method"), message.get("id")
        if not isinstance(method, str):
            return  # an answer, and nothing was asked
        answer = self._handler(method)
        params = message.get("params")
        try:
            if number is None:
                if answer and (self.ready or method == "exit"):
                    answer(params if isinstance(params, dict) else {})
                return
            if self.stopped:
                raise RequestError(INVALID_REQUEST, "the server has been shut down")
            if not self.ready and method != "initialize":
                raise RequestError(NOT_INITIALIZED, "`initialize` comes first")
            if answer is None:
                raise RequestError(METHOD_NOT_FOUND, f"{method} is not known here")
            self._send({"id": number, "result": answer(params if isinstance(params, dict) else {})})
        except RequestError as error:
            self._refuse(number, error.code, str(error))
        except (KeyError, TypeError, AttributeError) as error:
            self._refuse(number, INVALID_PARAMS, f"{method}: {type(error).__name__}: {error}")
        except Exception as error:  # the next message may be answered all the same
            self._refuse(number, INTERNAL_ERROR, f"{method}: {type(error).__name__}: {error}")

    def _refuse(self, number: object, code: int, told: str) -> None:
        if number is not None:
            self._send({"id": number, "error": {"code": code, "message": told}})
        else:
            self._tell("window/logMessage", {"type": LOG, "message": f"gradlint: {told}"})

    def _handler(self, method: str) -> Callable[[Any], Any] | None:
        return {
            "initialize": self._initialize,
            "initialized": lambda params: None,
            "shutdown": self._shutdown,
            "exit": self._exit,
            "textDocument/didOpen": self._open,
            "textDocument/didChange": self._change,
            "textDocument/didSave": self._save,
            "textDocument/didClose": self._close,
            "textDocument/codeAction": self._actions,
            "textDocument/hover": self._hover,
            "workspace/didChangeWatchedFiles": self._look_again,
            "workspace/didChangeConfiguration": self._look_again,
        }.get(method)

    def _send(self, message: Message) -> None:
        write_message(self.taken, message)

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _initialize(self, params: Any) -> Any:
        able = params.get("capabilities") or {}
        self.columns = Columns((able.get("general") or {}).get("positionEncodings"))
        published = (able.get("textDocument") or {}).get("publishDiagnostics") or {}
        self.related = bool(published.get("relatedInformation"))
        self.ready = True
        return {
            "capabilities": {
                "positionEncoding": self.columns.encoding,
                "textDocumentSync": {"openClose": True, "change": 1, "save": {"includeText": False}},
                "codeActionProvider": {"codeActionKinds": ["quickfix", FIX_ALL]},
                "hoverProvider": True,
            },
            "serverInfo": {"name": "gradlint", "version": __version__},
        }

    def _shutdown(self, params: Any) -> None:
        self.stopped = True

    def _exit(self, params: Any) -> None:
        self.status = 0 if self.stopped else 1

    def _open(self, params: Any) -> None:
        given = params["textDocument"]
        uri = given["uri"]
        document = Document(uri, convert.path_of(uri), given.get("version") or 0, given["text"], due=time.monotonic())
        self.documents[uri] = document

    def _change(self, params: Any) -> None:
        document = self.documents[params["textDocument"]["uri"]]
        document.text = params["contentChanges"][-1]["text"]
        document.version = params["textDocument"].get("version") or document.version + 1
        document.due = time.monotonic() + self.wait
        document.confirm_at = None

    def _save(self, params: Any) -> None:
        self._look_again(params)

    def _look_again(self, params: Any) -> None:
        """A file on disk has changed: what imports it may read otherwise now."""
        pipeline.forget()
        for document in self.documents.values():
            document.due = time.monotonic()
            document.predictions = None

    def _close(self, params: Any) -> None:
        uri = params["textDocument"]["uri"]
        if self.documents.pop(uri, None):
            self._tell("textDocument/publishDiagnostics", {"uri": uri, "diagnostics": []})

    # Work.

    def _pause(self) -> float | None:
        times = [t for one in self.documents.values() for t in (one.due, one.confirm_at) if t is not None]
        return max(min(times) - time.monotonic(), 0.0) if times else None

    def _work(self) -> None:
        """The most urgent thing to do, if its time has come."""
        now = time.monotonic()
        documents = list(self.documents.values())
        waiting = next((one for one in documents if one.due is not None and one.due <= now), None)
        untried = next((one for one in documents if one.confirm_at is not None and one.confirm_at <= now), None)
        document = waiting or untried
        if document is None:
            return
        try:
            (self._check if waiting else self._confirm)(document)
        except OSError:
            raise  # the client has gone
        except Exception as error:  # one document less is better than no server
            document.due = document.confirm_at = None
            told = f"gradlint: {document.name}: {type(error).__name__}: {error}"
            self._tell("window/logMessage", {"type": ERROR, "message": told})

    def _settings(self, document: Document) -> Settings | None:
        """The settings in force for a document, read anew as they may have changed; None where it is not to be checked."""
        configs = Configs()
        try:
            settings = configs.of_file(document.path) if document.path else configs.of_folder(os.curdir)
            pipeline.chosen_rules(settings)
        except SettingsError as error:
            if str(error) not in self.warned:
                self.warned.add(str(error))
                self._tell("window/showMessage", {"type": ERROR, "message": f"gradlint: {error}"})
            return None
        return None if document.path and is_excluded(document.path, settings) else settings

    def _check(self, document: Document) -> None:
        document.due = None
        document.lines = convert.NEWLINE.split(document.text)
        settings = self._settings(document)
        document.findings, document.failure = (), None
        if settings is not None:
            source = pipeline.bytes_of(document.text)
            result = pipeline.check_bytes(document.name, source, settings, alone=not document.path)
            document.findings = tuple(one for one in result.findings if one.path == document.name)
            document.failure = result.failure
        document.seen = document.version
        self._publish(document)
        if document.findings and self.tried:
            document.confirm_at = time.monotonic() + IDLE

    def _confirm(self, document: Document) -> None:
        document.confirm_at = None
        kept = pipeline.standing(pipeline.confirm(document.findings))
        changed = len(kept) != len(document.findings)
        document.findings = kept
        if changed:
            self._publish(document)

    def _publish(self, document: Document) -> None:
        rows = [self._diagnostic(document, one) for one in document.findings]
        if document.failure:
            rows.append(convert.broken(document.failure, document.lines, self.columns))
        params = {"uri": document.uri, "version": document.seen, "diagnostics": rows}
        self._tell("textDocument/publishDiagnostics", params)

    def _diagnostic(self, document: Document, finding: Finding) -> Message:
        def lines(path: str) -> Sequence[str]:
            return document.lines if path == document.name else _lines(path)

        return convert.diagnostic(finding, document.uri, lines, self.columns, self.related)

    def _up_to_date(self, document: Document) -> None:
        if document.seen != document.version:
            self._check(document)

    # Questions.

    def _actions(self, params: Any) -> list[Message]:
        document = self.documents.get(params["textDocument"]["uri"])
        if document is None:
            return []
        self._up_to_date(document)
        only = (params.get("context") or {}).get("only")
        first, last = params["range"]["start"]["line"] + 1, params["range"]["end"]["line"] + 1
        made: list[Message] = []
        if _wanted("quickfix", only):
            here = [f for f in document.findings if f.span.line <= last and first <= f.span.end_line]
            for finding in here:
                made += self._quick(document, finding)
        if _wanted(FIX_ALL, only):
            made += self._fix_all(document)
        return made

    def _quick(self, document: Document, finding: Finding) -> list[Message]:
        shown = [self._diagnostic(document, finding)]
        made = []
        if finding.fix:
            made.append(convert.action(finding, finding.fix, document.uri, document.text, shown, self.columns))
        source = pipeline.bytes_of(document.text)
        silenced = pipeline.with_ignores(document.name, source, [finding]).decode("utf-8", "surrogatepass")
        edits = convert.rewriting(source.decode("utf-8", "surrogatepass"), silenced, self.columns)
        if edits:
            title = f"Ignore {finding.code} {finding.name} here"
            made.append({
                "title": title, "kind": "quickfix", "diagnostics": shown, "edit": {"changes": {document.uri: edits}},
            })  # fmt: skip
        return made

    def _fix_all(self, document: Document) -> list[Message]:
        if not any(finding.fix for finding in document.findings):
            return []
        settings = self._settings(document)
        if settings is None:
            return []
        source = pipeline.bytes_of(document.text)
        mended = pipeline.fix_bytes(document.name, source, settings, alone=not document.path)
        before, after = (one.decode("utf-8", "surrogatepass") for one in (source, mended))
        edits = convert.rewriting(before, after, self.columns)
        title = "Apply all safe fixes of gradlint"
        return [{"title": title, "kind": FIX_ALL, "edit": {"changes": {document.uri: edits}}}] if edits else []

    def _hover(self, params: Any) -> Message | None:
        document = self.documents.get(params["textDocument"]["uri"])
        if document is None:
            return None
        lines = convert.NEWLINE.split(document.text)
        line = params["position"]["line"] + 1
        text = lines[line - 1] if line <= len(lines) else ""
        column = self.columns.heard(text, params["position"]["character"])
        told = convert.hover(self._predictions(document), line, column, text)
        return {"contents": {"kind": "markdown", "value": told}} if told else None

    def _predictions(self, document: Document) -> tuple[Prediction, ...]:
        if document.predictions is None or document.predictions[0] != document.version:
            settings = self._settings(document)
            made: tuple[Prediction, ...] = ()
            if settings is not None:
                source = pipeline.bytes_of(document.text)
                made = pipeline.predict_bytes(document.name, source, settings, alone=not document.path).predictions
            document.predictions = document.version, made
        return document.predictions[1]


def _wanted(kind: str, only: object) -> bool:
    """Whether a client asks for a kind of action: without a choice for all, else for those that it names or holds."""
    if not isinstance(only, list):
        return True
    return any(kind == one or kind.startswith(f"{one}.") for one in only)


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as handle:
            return pipeline.lines_of(path, handle.read())
    except OSError:
        return []


def serve() -> int:
    """On the standard streams. What anything else prints must not come between the messages."""
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Server(given, taken).run()
