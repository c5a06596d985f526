"""Findings and predictions become text: one file a format, each a function of plain data."""
