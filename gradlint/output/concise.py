"""`path:line:col: CODE message`, one finding a line, as flake8 prints them."""

from __future__ import annotations

from gradlint.output.report import SEVERITY_STYLE, Page, Reported, one_line, place


def render(run: Reported, page: Page) -> str:
    rows = []
    for finding in run.findings:
        where = place(finding.path, finding.span.line, finding.span.column, page)
        where = page.paint(finding.path, "bold") + where[len(finding.path) :] + ":"
        code = page.paint(finding.code, "bold", SEVERITY_STYLE[finding.severity.value])
        rows.append(f"{where} {code} {one_line(finding.message)}\n")
    return "".join(rows)


def render_predictions(run: Reported, page: Page) -> str:
    rows = []
    for one in run.predictions:
        flag = {True: "True", False: "False", None: "unknown"}[one.requires_grad]
        style = {True: "green", False: "yellow", None: "dim"}[one.requires_grad]
        likely = " (likely)" if one.requires_grad is not None and one.certainty.value == "likely" else ""
        said = f"{page.paint(f'requires_grad={flag}', style)}{likely}"
        modes = f"grad mode {_mode(one.grad_mode)}"
        if one.inference_mode is not False:
            modes += f", inference mode {_mode(one.inference_mode)}"
        why = f": {one_line(one.why)}" if one.why else ""
        rows.append(
            f"{place(one.path, one.line, one.column, page)}: {page.paint(one.name, 'bold')} {said}, {modes}{why}\n"
        )
    return "".join(rows)


def _mode(flag: bool | None) -> str:
    return {True: "on", False: "off", None: "unknown"}[flag]
