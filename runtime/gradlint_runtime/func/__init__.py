"""`torch.func`: gradients, Jacobians and calls of functions."""
