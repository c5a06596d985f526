"""An actor and a critic over one body, advantages from a bootstrapped value."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal


class ActorCritic(nn.Module):
    def __init__(self, observations, actions):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(observations, 16), nn.Tanh())
        self.mean = nn.Linear(16, actions)
        self.value = nn.Linear(16, 1)
        self.log_std = nn.Parameter(torch.zeros(actions))

    def act(self, state):
        mean = self.mean(self.body(state))
        return Normal(mean, self.log_std.exp().expand_as(mean))

    def evaluate(self, state):
        return self.value(self.body(state)).squeeze(-1)


class Rollout:
    def __init__(self):
        self.clear()

    def clear(self):
        self.states, self.actions, self.rewards, self.values = [], [], [], []

    def add(self, state, action, reward, value):
        self.states.append(state)
        self.actions.append(action)
        self.rewards.append(reward)
        self.values.append(value)


@torch.no_grad()
def collect(net, rollout, state, length=5):
    rollout.clear()
    for _ in range(length):
        action = net.act(state).sample()
        reward = -(action.pow(2).sum())
        rollout.add(state, action, reward, net.evaluate(state))
        state = state + 0.1 * torch.randn_like(state)
    return state


def returns_of(rewards, last, gamma=0.9):
    running = last
    out = []
    for reward in reversed(rewards):
        running = reward + gamma * running
        out.insert(0, running)
    return torch.stack(out)


def update(net, optimizer, rollout, state):
    with torch.no_grad():
        last = net.evaluate(state)
        returns = returns_of(rollout.rewards, last)
        advantages = returns - torch.stack(rollout.values)
    states = torch.stack(rollout.states)
    actions = torch.stack(rollout.actions)
    for _ in range(2):
        policy = net.act(states)
        log_prob = policy.log_prob(actions).sum(-1)
        actor_loss = -(log_prob * advantages).mean()
        critic_loss = F.mse_loss(net.evaluate(states), returns)
        entropy = policy.entropy().mean()
        loss = actor_loss + 0.5 * critic_loss - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
    return loss.item()


def main():
    torch.manual_seed(3)
    net = ActorCritic(3, 2)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-2)
    rollout = Rollout()
    state = torch.randn(3)
    for _ in range(2):
        state = collect(net, rollout, state)
        print(update(net, optimizer, rollout, state))


main()
