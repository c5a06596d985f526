import torch
from model import Classifier


def accuracy(model, batches):
    torch.set_grad_enabled(False)
    model.eval()
    right = total = 0
    for images, labels in batches:
        right += (model(images).argmax(dim=1) == labels).sum().item()
        total += len(labels)
    return right / total


if __name__ == "__main__":
    model = Classifier()
    batches = [(torch.randn(4, 8), torch.tensor([0, 1, 2, 0]))]
    print(accuracy(model, batches))
