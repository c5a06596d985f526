"""A frozen backbone under a new head, trained and validated in one loop over phases."""

import copy

import torch
import torch.nn as nn
import torch.optim as optim


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.pool(x).flatten(1)
        return self.fc(x)


def set_parameter_requires_grad(model, feature_extracting):
    if feature_extracting:
        for param in model.parameters():
            param.requires_grad = False


def initialize_model(num_classes, feature_extract=True):
    model = Backbone()
    set_parameter_requires_grad(model, feature_extract)
    num_ftrs = model.fc.in_features
    model.fc = nn.Linear(num_ftrs, num_classes)
    return model


def train_model(model, batches, criterion, optimizer, num_epochs=2):
    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0
    for _ in range(num_epochs):
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()
            running_loss = 0.0
            running_corrects = 0
            for inputs, labels in batches[phase]:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    loss = criterion(outputs, labels)
                    _, preds = torch.max(outputs, 1)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data).item()
            if phase == "val" and running_corrects >= best_acc:
                best_acc = running_corrects
                best_model_wts = copy.deepcopy(model.state_dict())
            print(phase, running_loss, running_corrects)
    model.load_state_dict(best_model_wts)
    return model


if __name__ == "__main__":
    torch.manual_seed(9)
    batches = {
        "train": [(torch.randn(4, 3, 6, 6), torch.randint(0, 3, (4,))) for _ in range(3)],
        "val": [(torch.randn(4, 3, 6, 6), torch.randint(0, 3, (4,)))],
    }
    model_ft = initialize_model(3)
    params_to_update = [p for p in model_ft.parameters() if p.requires_grad]
    optimizer_ft = optim.SGD(params_to_update, lr=0.05, momentum=0.9)
    train_model(model_ft, batches, nn.CrossEntropyLoss(), optimizer_ft)
