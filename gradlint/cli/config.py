"""`gradlint config [PATH]`: the settings in force for a path, and where they come from."""

from __future__ import annotations

import argparse
import json
import os

from gradlint import pipeline
from gradlint.sources.config import Configs
from gradlint.sources.settings import Settings


def run(options: argparse.Namespace, configs: Configs) -> int:
    """Exit status 0; a configuration that cannot be followed is told by the caller."""
    path = options.path
    settings = configs.of_folder(path) if os.path.isdir(path) else configs.of_file(path)
    codes = [rule.code for rule in pipeline.chosen_rules(settings)]
    print(described(settings, codes), end="")
    return 0


def described(settings: Settings, codes: list[str]) -> str:
    """The settings as the table that would say them."""
    rows = [f"# from {settings.source or 'no configuration file'}", f"# rules that are on: {' '.join(codes) or 'none'}"]
    rows.append("[tool.gradlint]")
    for name in ("select", "ignore", "extend_select", "extend_ignore", "exclude", "extend_exclude"):
        rows.append(f"{name.replace('_', '-')} = {json.dumps(list(getattr(settings, name)))}")
    rows.append(f'target-torch = "{settings.target_torch[0]}.{settings.target_torch[1]}"')
    rows.append(f"respect-gitignore = {json.dumps(settings.respect_gitignore)}")
    rows.append(f"report-unused-ignores = {json.dumps(settings.report_unused_ignores)}")
    if settings.baseline:
        rows.append(f"baseline = {json.dumps(settings.baseline)}")
    if settings.per_file_ignores:
        rows.append("[tool.gradlint.per-file-ignores]")
        rows += [f"{json.dumps(pattern)} = {json.dumps(list(chosen))}" for pattern, chosen in settings.per_file_ignores]
    return "\n".join(rows) + "\n"
