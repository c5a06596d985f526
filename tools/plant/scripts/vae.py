"""A variational autoencoder."""

import torch
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self, size=12, hidden=8, latent=3):
        super().__init__()
        self.encoder = nn.Linear(size, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.up = nn.Linear(latent, hidden)
        self.decoder = nn.Linear(hidden, size)

    def encode(self, x):
        h = F.relu(self.encoder(x))
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h = F.relu(self.up(z))
        return torch.sigmoid(self.decoder(h))

    def forward(self, x):
        mu, logvar = self.encode(x.view(x.size(0), -1))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


torch.manual_seed(4)
model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
images = torch.rand(16, 1, 3, 4)


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.view(x.size(0), -1), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def train(epoch):
    model.train()
    train_loss = 0
    for data in images.split(8):
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    print(f"epoch {epoch}: {train_loss / len(images):.3f}")


def test():
    model.eval()
    test_loss = 0
    with torch.no_grad():
        for data in images.split(8):
            recon, mu, logvar = model(data)
            test_loss += loss_function(recon, data, mu, logvar).item()
    print(f"test: {test_loss / len(images):.3f}")


if __name__ == "__main__":
    for epoch in range(1, 3):
        train(epoch)
        test()
        with torch.no_grad():
            sample = torch.randn(4, 3)
            sample = model.decode(sample).cpu().numpy()
