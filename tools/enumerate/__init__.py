"""Every transfer function of the analyser over all its finite inputs: `python -m tools.enumerate`."""
