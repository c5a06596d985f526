"""What makes the engine look like `torch`: the names, the signatures, the modules."""
