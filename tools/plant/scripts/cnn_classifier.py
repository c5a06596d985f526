"""A convolutional classifier with a function for training and one for validation."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(8 * 4 * 4, classes)

    def forward(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.head(self.dropout(x))


def train_one_epoch(model, loader, criterion, optimizer, device):
    model.train()
    running = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * images.size(0)
    return running / len(loader.dataset)


def validate(model, loader, device):
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            predicted = model(images).argmax(dim=1)
            correct += (predicted == labels).sum().item()
    return correct / len(loader.dataset)


def predict(model, images):
    model.eval()
    with torch.no_grad():
        return F.softmax(model(images), dim=1).numpy()


def main():
    torch.manual_seed(0)
    device = torch.device("cpu")
    data = TensorDataset(torch.randn(32, 1, 8, 8), torch.randint(0, 4, (32,)))
    train_loader = DataLoader(data, batch_size=8, shuffle=True)
    val_loader = DataLoader(data, batch_size=16)
    model = Net().to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.9)
    best = 0.0
    for epoch in range(2):
        loss = train_one_epoch(model, train_loader, criterion, optimizer, device)
        accuracy = validate(model, val_loader, device)
        scheduler.step()
        best = max(best, accuracy)
        print(f"epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.2f}")
    print(predict(model, torch.randn(2, 1, 8, 8)).shape, best)


if __name__ == "__main__":
    main()
