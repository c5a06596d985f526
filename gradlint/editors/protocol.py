"""The base of the Language Server Protocol: messages of JSON with a header, on two streams of bytes."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NOT_INITIALIZED = -32002

Message = dict[str, Any]


class RequestError(Exception):
    """A request that cannot be answered, with the code that the protocol has for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_message(stream: BinaryIO) -> Message | None:
    """The next message; None at the end of the stream. RequestError where it is no JSON object."""
    size = 0
    while True:
        line = stream.readline()
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            if size:
                break
            continue
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            size = int(value)
    body = stream.read(size)
    if len(body) < size:
        return None
    try:
        message = json.loads(body)
    except ValueError as error:
        raise RequestError(PARSE_ERROR, f"no JSON: {error}") from None
    if not isinstance(message, dict):
        raise RequestError(INVALID_REQUEST, "a message is an object")
    return message


def write_message(stream: BinaryIO, message: Message) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8", "backslashreplace")
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()


class Columns:
    """Columns as a client counts them, from 0: in UTF-16 units, unless it takes code points."""

    def __init__(self, encodings: object = None) -> None:
        offered = encodings if isinstance(encodings, list) else []
        self.encoding = "utf-32" if "utf-32" in offered else "utf-16"

    def told(self, line: str, column: int) -> int:
        """A column of ours (code points, from 1) for the client."""
        before = line[: column - 1]
        return _units(before) if self.encoding == "utf-16" else len(before)

    def heard(self, line: str, character: int) -> int:
        """A column of the client's as one of ours."""
        if self.encoding == "utf-32":
            return min(character, len(line)) + 1
        units = 0
        for index, char in enumerate(line):
            if units >= character:
                return index + 1
            units += _units(char)
        return len(line) + 1


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
