"""Random programs about grad modes, run on the engine and on PyTorch: `python -m tools.fuzz --seed 1 --count 1000`."""
