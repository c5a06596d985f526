"""JUnit XML: one failed test case for each finding, an error for each file that could not be analysed."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree as Xml

from gradlint.output.report import Page, Reported, one_line, without_cells

# What XML 1.0 cannot hold, whatever the escape.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(run: Reported, page: Page) -> str:
    run = without_cells(run, page)
    tests = max(len(run.findings) + len(run.failures), 1)
    about = {"tests": str(tests), "failures": str(len(run.findings)), "errors": str(len(run.failures))}
    root = Xml.Element("testsuites", {"name": "gradlint", **about})
    for path, group in groupby(run.findings, key=lambda one: one.path):
        found = list(group)
        suite = _suite(root, path, len(found), failures=len(found))
        for one in found:
            where = {"file": _clean(path), "line": str(one.span.line), "column": str(one.span.column)}
            about = {"name": f"{one.code} {one.name}", "classname": _clean(path), **where}
            case = Xml.SubElement(suite, "testcase", about)
            told = _clean(one_line(one.message))
            failure = Xml.SubElement(case, "failure", {"message": told, "type": one.severity.value})
            failure.text = f"line {one.span.line}, col {one.span.column}, {told}"
    for broken in run.failures:
        suite = _suite(root, broken.path, 1, errors=1)
        case = Xml.SubElement(suite, "testcase", {"name": "analysed", "classname": _clean(broken.path)})
        told = _clean(one_line(broken.message))
        Xml.SubElement(case, "error", {"message": told}).text = f"line {broken.line}, col {broken.column}, {told}"
    if not run.findings and not run.failures:
        Xml.SubElement(_suite(root, "gradlint", 1), "testcase", {"name": "no findings", "classname": "gradlint"})
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _suite(root: Xml.Element, name: str, tests: int, failures: int = 0, errors: int = 0) -> Xml.Element:
    about = {"tests": str(tests), "failures": str(failures), "errors": str(errors)}
    return Xml.SubElement(root, "testsuite", {"name": _clean(name), **about})


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)
