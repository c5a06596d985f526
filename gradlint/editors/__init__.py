"""Doors into editors and other linters. They call the pipeline and convert what it says."""
