"""A cell unrolled by hand, whose hidden state is cut every few steps."""

import torch
from torch import nn


class Forecaster(nn.Module):
    def __init__(self, hidden=8):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.GRUCell(1, hidden)
        self.readout = nn.Linear(hidden, 1)

    def initial(self, batch):
        return torch.zeros(batch, self.hidden)

    def forward(self, x, h):
        h = self.cell(x, h)
        return self.readout(h), h


def run_epoch(model, series, optimizer, every=4):
    h = model.initial(series.size(0))
    loss = 0.0
    total = 0.0
    for t in range(series.size(1) - 1):
        prediction, h = model(series[:, t : t + 1], h)
        loss = loss + (prediction - series[:, t + 1 : t + 2]).pow(2).mean()
        if (t + 1) % every == 0:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            loss = 0.0
            h = h.detach()
    return total


@torch.no_grad()
def forecast(model, start, steps):
    h = model.initial(start.size(0))
    x = start
    out = []
    for _ in range(steps):
        x, h = model(x, h)
        out.append(x)
    return torch.cat(out, dim=1).numpy()


if __name__ == "__main__":
    torch.manual_seed(6)
    series = torch.sin(torch.linspace(0, 6, 17)).repeat(3, 1)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        print(run_epoch(model, series, optimizer))
    print(forecast(model, series[:, :1], 5).shape)
