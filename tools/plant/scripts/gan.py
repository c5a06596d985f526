"""A generative adversarial network with an optimizer for each side."""

import torch
import torch.nn as nn


class Generator(nn.Module):
    def __init__(self, latent, size):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent, 16), nn.LeakyReLU(0.2), nn.Linear(16, size), nn.Tanh())

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(size, 16), nn.LeakyReLU(0.2))
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        return torch.sigmoid(self.out(self.body(x)))


torch.manual_seed(1)
latent, size, batch = 4, 6, 8
generator = Generator(latent, size)
discriminator = Discriminator(size)
criterion = nn.BCELoss()
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
real_label = torch.ones(batch, 1)
fake_label = torch.zeros(batch, 1)

for step in range(3):
    real = torch.rand(batch, size) * 2 - 1

    # the discriminator
    optimizer_d.zero_grad()
    z = torch.randn(batch, latent)
    fake = generator(z)
    d_real = criterion(discriminator(real), real_label)
    d_fake = criterion(discriminator(fake.detach()), fake_label)
    d_loss = (d_real + d_fake) / 2
    d_loss.backward()
    optimizer_d.step()

    # the generator
    optimizer_g.zero_grad()
    score = discriminator(fake)
    g_loss = criterion(score, real_label)
    g_loss.backward()
    optimizer_g.step()
    print(f"{step}: {d_loss.item():.3f} {g_loss.item():.3f}")

with torch.no_grad():
    samples = generator(torch.randn(2, latent)).numpy()
print(samples.shape)
