"""Linear regression whose weights are updated by hand, and an exponential average of them."""

import torch

torch.manual_seed(13)
x = torch.randn(20, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.1

w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
average = w.detach().clone()
lr = 0.1

for epoch in range(4):
    prediction = x @ w + b
    loss = ((prediction - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
        average.mul_(0.9).add_(0.1 * w)
        w.grad.zero_()
        b.grad.zero_()
    print(epoch, loss.item())
