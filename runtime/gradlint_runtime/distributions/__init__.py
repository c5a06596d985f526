"""`torch.distributions`, as far as reinforcement learning and variational methods use it."""
