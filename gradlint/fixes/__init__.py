"""Edits to source: applied so that a file is either mended and still Python, or left as it was."""
