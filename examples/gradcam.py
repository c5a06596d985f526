import torch
import torch.nn as nn


class GradCam:
    """Which parts of the features speak for a class."""

    def __init__(self, model):
        self.model = model
        self.gradients = None

    @torch.no_grad()
    def __call__(self, image, category):
        features = self.model[:2](image)
        features.register_hook(self.keep)
        score = self.model[2:](features.flatten(1))[0, category]
        score.backward()
        return (features * self.gradients).sum(dim=1)

    def keep(self, gradient):
        self.gradients = gradient


if __name__ == "__main__":
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(4 * 36, 2))
    print(GradCam(net)(torch.randn(1, 1, 8, 8), 1).shape)
