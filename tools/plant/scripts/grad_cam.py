"""A heat map of what a trained classifier looks at: gradients where everything else runs without."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x):
        maps = F.relu(self.conv(x))
        return self.fc(maps.flatten(1)), maps


class GradCAM:
    def __init__(self, model):
        self.model = model
        self.gradients = None

    def save(self, grad):
        self.gradients = grad

    def __call__(self, image, target):
        with torch.enable_grad():
            logits, maps = self.model(image)
            maps.register_hook(self.save)
            logits[:, target].sum().backward()
        weights = self.gradients.mean(dim=(2, 3), keepdim=True)
        return F.relu((weights * maps.detach()).sum(dim=1))


def fit(model, images, labels):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        logits, _ = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def report(model, images):
    cam = GradCAM(model)
    logits, _ = model(images)
    best = logits.argmax(1)
    return [cam(image[None], int(label)).max().item() for image, label in zip(images, best)]


def main():
    torch.manual_seed(14)
    images = torch.randn(6, 1, 6, 6)
    labels = torch.randint(0, 3, (6,))
    model = Classifier()
    fit(model, images, labels)
    print(report(model, images))


if __name__ == "__main__":
    main()
