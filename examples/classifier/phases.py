import torch
import torch.nn.functional as F

from model import Classifier


def run(batches, epochs=2):
    model = Classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for phase in ("train", "val"):
            model.train(phase == "train")
            for images, labels in batches:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    loss = F.cross_entropy(model(images), labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()


if __name__ == "__main__":
    run([(torch.randn(4, 8), torch.tensor([0, 1, 2, 0]))])
