import numpy as np
import torch
import torch.nn as nn


def curve(model, start, end, points=50):
    """Inputs and outputs of a model of one variable, to be drawn."""
    inputs = torch.linspace(start, end, points)
    outputs = model(inputs[:, None]).squeeze(1)
    return inputs.numpy(), outputs.numpy()


if __name__ == "__main__":
    xs, ys = curve(nn.Linear(1, 1), -1.0, 1.0)
    print(np.abs(ys).max())
