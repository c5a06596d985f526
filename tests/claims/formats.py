"""Reads every output format back to the same rows, so that they can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

Row = tuple[str, int, str]

TEXT = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+): (?P<code>GRD\d{3}) ", re.MULTILINE)
GITHUB = re.compile(r"^::(?:error|warning|notice) (?P<values>[^:]*)::(?P<message>.*)$", re.MULTILINE)
CODE = re.compile(r"GRD\d{3}")
PLACE = re.compile(r"(?P<path>[^\s:\"']+\.py)(?::|, line |\" line=\")(?P<line>\d+)")


def path_of(text: str) -> str:
    """A path without what formats put in front of it."""
    return text.removeprefix("file://").removeprefix("./")


def read_text(text: str) -> list[Row]:
    return [(path_of(m["path"]), int(m["line"]), m["code"]) for m in TEXT.finditer(text)]


def read_object(row: dict[str, Any]) -> Row:
    return path_of(row["path"]), int(row["line"]), str(row["code"])


def read_jsonl(text: str) -> list[Row]:
    return [read_object(json.loads(line)) for line in text.splitlines() if line.strip()]


def read_json(text: str) -> list[Row]:
    found = json.loads(text)
    return [read_object(row) for row in (found["findings"] if isinstance(found, dict) else found)]


def read_sarif(text: str) -> list[Row]:
    rows = []
    for result in json.loads(text)["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        rows.append((path_of(place["artifactLocation"]["uri"]), int(place["region"]["startLine"]), result["ruleId"]))
    return rows


def read_github(text: str) -> list[Row]:
    rows = []
    for found in GITHUB.finditer(text):
        values = dict(part.split("=", 1) for part in found["values"].split(","))
        code = CODE.search(found[0])
        assert code, found[0]
        rows.append((path_of(values["file"]), int(values["line"]), code[0]))
    return rows


def read_gitlab(text: str) -> list[Row]:
    rows = []
    for row in json.loads(text):
        place = row["location"]
        line = place["lines"]["begin"] if "lines" in place else place["positions"]["begin"]["line"]
        rows.append((path_of(place["path"]), int(line), str(row["check_name"])))
    return rows


def read_junit(text: str) -> list[Row]:
    rows = []
    for case in ElementTree.fromstring(text).iter("testcase"):
        for failure in case.iter("failure"):
            told = " ".join([*case.attrib.values(), *failure.attrib.values(), failure.text or ""])
            code, place = CODE.search(told), PLACE.search(told)
            path = case.get("file") or (place["path"] if place else "")
            line = case.get("line") or (place["line"] if place else "0")
            rows.append((path_of(path), int(line), code[0] if code else ""))
    return rows


READERS: dict[str, Callable[[str], list[Row]]] = {
    "text": read_text,
    "json": read_json,
    "jsonl": read_jsonl,
    "sarif": read_sarif,
    "github": read_github,
    "gitlab": read_gitlab,
    "junit": read_junit,
}
