"""`torch.autograd`: the calls that start a walk, custom functions, and what hangs on the graph."""
