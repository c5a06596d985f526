"""Deep Q-learning with replay memory and a target network that follows slowly."""

import collections
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

GAMMA = 0.9
TAU = 0.05


class ReplayBuffer:
    def __init__(self, limit=100):
        self.buffer = collections.deque(maxlen=limit)

    def put(self, transition):
        self.buffer.append(transition)

    def sample(self, n):
        states, actions, rewards, nexts = zip(*random.sample(self.buffer, n))
        return torch.stack(states), torch.tensor(actions), torch.tensor(rewards), torch.stack(nexts)

    def __len__(self):
        return len(self.buffer)


class QNet(nn.Module):
    def __init__(self, states=4, actions=2):
        super().__init__()
        self.fc1 = nn.Linear(states, 16)
        self.fc2 = nn.Linear(16, actions)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))

    def sample_action(self, observation, epsilon):
        out = self.forward(observation)
        if random.random() < epsilon:
            return random.randint(0, 1)
        return out.argmax().item()


def soft_update(target, source):
    with torch.no_grad():
        for t, s in zip(target.parameters(), source.parameters()):
            t.mul_(1 - TAU).add_(TAU * s)


def optimize(q, q_target, memory, optimizer, batch_size=8):
    states, actions, rewards, nexts = memory.sample(batch_size)
    q_values = q(states).gather(1, actions.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best = q_target(nexts).max(1)[0]
        target = rewards + GAMMA * best
    loss = F.smooth_l1_loss(q_values, target)
    optimizer.zero_grad()
    loss.backward()
    for param in q.parameters():
        param.grad.clamp_(-1, 1)
    optimizer.step()
    return loss


def main():
    torch.manual_seed(11)
    random.seed(11)
    q = QNet()
    q_target = QNet()
    q_target.load_state_dict(q.state_dict())
    optimizer = torch.optim.Adam(q.parameters(), lr=1e-2)
    memory = ReplayBuffer()
    state = torch.randn(4)
    losses = []
    for _ in range(14):
        action = q.sample_action(state, 0.1)
        following = torch.randn(4)
        memory.put((state, action, float(state[action] > 0), following))
        state = following
        if len(memory) > 10:
            losses.append(optimize(q, q_target, memory, optimizer).item())
            soft_update(q_target, q)
    print(sum(losses) / len(losses))


if __name__ == "__main__":
    main()
