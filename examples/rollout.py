import torch
import torch.nn as nn


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))

    def forward(self, observation):
        return self.body(observation).log_softmax(dim=-1)


def collect(policy, steps=8):
    observations, log_probs = [], []
    with torch.inference_mode():
        for _ in range(steps):
            observation = torch.randn(4)
            observations.append(observation)
            log_probs.append(policy(observation)[0])
        return torch.stack(observations), torch.stack(log_probs)


def update(policy, optimizer, observations, old_log_probs, advantages):
    log_probs = policy(observations)[:, 0]
    ratio = (log_probs - old_log_probs).exp()
    loss = -(ratio * advantages).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters())
    observations, old_log_probs = collect(policy)
    update(policy, optimizer, observations, old_log_probs, torch.ones(8))
