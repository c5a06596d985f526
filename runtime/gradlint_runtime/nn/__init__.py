"""`torch.nn`: modules, layers, losses, and what belongs to them."""
