import torch
import torch.nn.functional as F

from model import Classifier


def accuracy(model, batches):
    torch.set_grad_enabled(False)
    model.eval()
    right = total = 0
    for images, labels in batches:
        right += (model(images).argmax(dim=1) == labels).sum().item()
        total += len(labels)
    return right / total


def fit(batches, epochs=3):
    model = Classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        print(epoch, accuracy(model, batches))


if __name__ == "__main__":
    fit([(torch.randn(4, 8), torch.tensor([0, 1, 2, 0]))])
