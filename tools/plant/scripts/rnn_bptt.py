"""A recurrent language model trained on stretches of one long text: truncated backpropagation through time."""

import torch
import torch.nn as nn


class RNNLM(nn.Module):
    def __init__(self, vocabulary, embed, hidden, layers):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, embed)
        self.lstm = nn.LSTM(embed, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, vocabulary)

    def forward(self, x, h):
        x = self.embed(x)
        out, (h, c) = self.lstm(x, h)
        out = out.reshape(out.size(0) * out.size(1), out.size(2))
        return self.linear(out), (h, c)


def detach(states):
    return [state.detach() for state in states]


torch.manual_seed(5)
vocabulary, hidden, layers, batch, length = 11, 8, 1, 2, 5
ids = torch.randint(0, vocabulary, (batch, 21))
model = RNNLM(vocabulary, 6, hidden, layers)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(2):
    states = (torch.zeros(layers, batch, hidden), torch.zeros(layers, batch, hidden))
    for i in range(0, ids.size(1) - length, length):
        inputs = ids[:, i : i + length]
        targets = ids[:, (i + 1) : (i + 1) + length]
        states = detach(states)
        outputs, states = model(inputs, states)
        loss = criterion(outputs, targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    print(epoch, loss.item())

with torch.no_grad():
    state = (torch.zeros(layers, 1, hidden), torch.zeros(layers, 1, hidden))
    token = torch.multinomial(torch.ones(vocabulary), num_samples=1).unsqueeze(1)
    words = []
    for _ in range(4):
        output, state = model(token, state)
        word = torch.multinomial(output.exp(), num_samples=1).item()
        token.fill_(word)
        words.append(word)
    print(words)
