"""A classifier hardened by projected gradient descent, and attacked at the end."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class PGD:
    def __init__(self, model, eps=0.3, alpha=0.1, steps=2):
        self.model = model
        self.eps = eps
        self.alpha = alpha
        self.steps = steps
        self.loss = nn.CrossEntropyLoss()

    def __call__(self, images, labels):
        adv = images.clone().detach()
        adv = adv + torch.empty_like(adv).uniform_(-self.eps, self.eps)
        for _ in range(self.steps):
            adv.requires_grad = True
            outputs = self.model(adv)
            cost = self.loss(outputs, labels)
            grad = torch.autograd.grad(cost, adv)[0]
            adv = adv.detach() + self.alpha * grad.sign()
            delta = torch.clamp(adv - images, min=-self.eps, max=self.eps)
            adv = (images + delta).detach()
        return adv


def fgsm(model, image, label, epsilon):
    image = image.clone().detach()
    image.requires_grad = True
    output = model(image)
    loss = F.nll_loss(F.log_softmax(output, dim=1), label)
    model.zero_grad()
    loss.backward()
    sign = image.grad.data.sign()
    return (image + epsilon * sign).detach()


def adversarial_training(model, images, labels, epochs=3):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attack = PGD(model)
    for _ in range(epochs):
        adv = attack(images, labels)
        logits = model(torch.cat([images, adv]))
        loss = F.cross_entropy(logits, torch.cat([labels, labels]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(10)
    net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))
    x = torch.randn(16, 6)
    y = torch.randint(0, 3, (16,))
    print(adversarial_training(net, x, y))
    net.eval()
    moved = fgsm(net, x, y, 0.2)
    print(accuracy(net, x, y), accuracy(net, moved, y))
