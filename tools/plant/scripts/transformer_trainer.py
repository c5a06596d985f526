"""A small transformer language model in the hands of a trainer class."""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocabulary: int = 13
    block: int = 6
    width: int = 8
    heads: int = 2
    layers: int = 2
    steps: int = 3
    rate: float = 3e-3


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)
        mask = torch.tril(torch.ones(config.block, config.block))
        self.register_buffer("mask", mask.view(1, 1, config.block, config.block))

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = self.qkv(x).split(c, dim=2)
        q = q.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        k = k.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        v = v.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) / (c // self.heads) ** 0.5
        att = att.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        y = (att @ v).transpose(1, 2).contiguous().view(b, t, c)
        return self.proj(y)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.width)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.width)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 2 * config.width), nn.GELU(), nn.Linear(2 * config.width, config.width)
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.block = config.block
        self.wte = nn.Embedding(config.vocabulary, config.width)
        self.wpe = nn.Parameter(torch.zeros(1, config.block, config.width))
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.ln_f = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)

    def forward(self, ids, targets=None):
        x = self.wte(ids) + self.wpe[:, : ids.size(1)]
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
        return logits, loss

    @torch.no_grad()
    def generate(self, ids, count):
        for _ in range(count):
            logits, _ = self(ids[:, -self.block :])
            probs = F.softmax(logits[:, -1, :], dim=-1)
            ids = torch.cat((ids, torch.multinomial(probs, num_samples=1)), dim=1)
        return ids


class Trainer:
    def __init__(self, model, config, data):
        self.model = model
        self.config = config
        self.data = data
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=0.0)
        self.losses = []

    def batch(self):
        starts = torch.randint(len(self.data) - self.config.block - 1, (4,))
        x = torch.stack([self.data[s : s + self.config.block] for s in starts])
        y = torch.stack([self.data[s + 1 : s + 1 + self.config.block] for s in starts])
        return x, y

    def training_step(self, x, y):
        self.model.train()
        logits, loss = self.model(x, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        x, y = self.batch()
        _, loss = self.model(x, y)
        return loss.item()

    def run(self):
        for _ in range(self.config.steps):
            x, y = self.batch()
            self.losses.append(self.training_step(x, y))
        return self.evaluate()


def main():
    torch.manual_seed(8)
    config = Config()
    data = torch.randint(0, config.vocabulary, (60,))
    model = GPT(config)
    trainer = Trainer(model, config, data)
    print(trainer.run(), trainer.losses)
    print(model.generate(data[None, :3], 4).tolist())


if __name__ == "__main__":
    main()
