"""Policy gradient: an agent that remembers log probabilities and learns at the end of an episode."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

GAMMA = 0.98


class Line:
    """Walk to the right end of a line."""

    def __init__(self):
        self.at = 0

    def reset(self):
        self.at = 0
        return [0.0, 1.0]

    def step(self, action):
        self.at += 1 if action == 1 else -1
        done = abs(self.at) >= 3
        return [self.at / 3, 1.0], float(self.at), done


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.data = []
        self.fc1 = nn.Linear(2, 16)
        self.fc2 = nn.Linear(16, 2)
        self.optimizer = optim.Adam(self.parameters(), lr=0.01)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=0)

    def put_data(self, item):
        self.data.append(item)

    def train_net(self):
        total = 0
        self.optimizer.zero_grad()
        for reward, log_prob in self.data[::-1]:
            total = reward + GAMMA * total
            loss = -log_prob * total
            loss.backward()
        self.optimizer.step()
        self.data = []


def main():
    torch.manual_seed(2)
    env = Line()
    policy = Policy()
    score = 0.0
    for _ in range(3):
        state = env.reset()
        done = False
        steps = 0
        while not done and steps < 6:
            probabilities = policy(torch.tensor(state).float())
            distribution = Categorical(probabilities)
            action = distribution.sample()
            state, reward, done = env.step(action.item())
            policy.put_data((reward, distribution.log_prob(action)))
            score += reward
            steps += 1
        policy.train_net()
    print(score)


if __name__ == "__main__":
    main()
