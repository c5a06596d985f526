"""`torch.utils`, `torch.nn.utils` and serialisation."""
