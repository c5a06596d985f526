"""What is found in classes whose methods a framework calls: nobody in view makes them or runs their steps."""

from __future__ import annotations

from gradlint import pipeline
from gradlint.sources.settings import Settings

GAN = b"""import lightning as L
import torch
import torch.nn as nn
import torch.nn.functional as F


class GAN(L.LightningModule):
    def __init__(self, latent=8):
        super().__init__()
        self.latent = latent
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(latent, 32), nn.ReLU(), nn.Linear(32, 16))
        self.critic = nn.Sequential(nn.Linear(16, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def configure_optimizers(self):
        return torch.optim.Adam(self.generator.parameters()), torch.optim.Adam(self.critic.parameters())

    def training_step(self, batch, batch_idx):
        real, _ = batch
        by_generator, by_critic = self.optimizers()
        fake = self.generator(torch.randn(len(real), self.latent))DETACH
        wrong = F.softplus(-self.critic(real)).mean() + F.softplus(self.critic(fake.detach())).mean()
        by_critic.zero_grad()
        self.manual_backward(wrong)
        by_critic.step()
        missed = F.softplus(-self.critic(fake)).mean()
        by_generator.zero_grad()
        self.manual_backward(missed)
        by_generator.step()
"""


def found(source: bytes) -> list[tuple[str, int]]:
    checked = pipeline.check_bytes("gan.py", source, Settings())
    assert checked.failure is None
    return [(one.code, one.span.line) for one in checked.findings]


def test_a_generator_that_only_the_detached_images_come_from_is_starved() -> None:
    assert found(GAN.replace(b"DETACH", b".detach()")) == [("GRD308", 21)]


def test_a_generator_whose_images_are_detached_for_the_critic_is_trained() -> None:
    assert found(GAN.replace(b"DETACH", b"")) == []


def test_layers_that_another_method_adds_are_not_known() -> None:
    grown = (
        GAN.replace(b"DETACH", b".detach()") + b"\n    def grow(self, layer):\n        self.generator.append(layer)\n"
    )
    assert found(grown) == []
