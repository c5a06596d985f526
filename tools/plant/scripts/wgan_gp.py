"""A Wasserstein GAN with gradient penalty."""

import torch
import torch.nn as nn
from torch import autograd


class Critic(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(size, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        return self.model(x)


class Generator(nn.Module):
    def __init__(self, latent, size):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(latent, 16), nn.ReLU(), nn.Linear(16, size))

    def forward(self, z):
        return self.model(z)


def compute_gradient_penalty(critic, real, fake):
    alpha = torch.rand(real.size(0), 1)
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    scores = critic(interpolates)
    gradients = autograd.grad(
        outputs=scores,
        inputs=interpolates,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def main(latent=3, size=5, batch=8, weight=10.0):
    torch.manual_seed(7)
    generator = Generator(latent, size)
    critic = Critic(size)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
    optimizer_c = torch.optim.Adam(critic.parameters(), lr=1e-3)
    for i in range(4):
        real = torch.randn(batch, size)
        optimizer_c.zero_grad()
        z = torch.randn(batch, latent)
        fake = generator(z).detach()
        penalty = compute_gradient_penalty(critic, real, fake)
        c_loss = -critic(real).mean() + critic(fake).mean() + weight * penalty
        c_loss.backward()
        optimizer_c.step()
        if i % 2 == 0:
            for p in critic.parameters():
                p.requires_grad_(False)
            optimizer_g.zero_grad()
            fake = generator(z)
            g_loss = -critic(fake).mean()
            g_loss.backward()
            optimizer_g.step()
            for p in critic.parameters():
                p.requires_grad_(True)
            print(i, c_loss.item(), g_loss.item())


if __name__ == "__main__":
    main()
