import torch
import torch.nn as nn
import torch.nn.functional as F


def build():
    backbone = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
    for parameter in backbone.parameters():
        parameter.require_grad = False
    return nn.Sequential(backbone, nn.Linear(16, 2))


def train(model, batches):
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.1)
    for inputs, labels in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), labels).backward()
        optimizer.step()


if __name__ == "__main__":
    train(build(), [(torch.randn(4, 8), torch.tensor([0, 1, 1, 0]))])
