"""A small network learns from a large one, whose answers are softened."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def make_teacher():
    return nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 4)

    def features(self, x):
        return F.gelu(self.norm(self.layer(x)))

    def forward(self, x):
        return self.out(self.features(x))


class DistillationLoss(nn.Module):
    def __init__(self, temperature=2.0, weight=0.5):
        super().__init__()
        self.temperature = temperature
        self.weight = weight

    def forward(self, student_logits, teacher_logits, labels):
        t = self.temperature
        soft = F.kl_div(
            F.log_softmax(student_logits / t, dim=1),
            F.softmax(teacher_logits / t, dim=1),
            reduction="batchmean",
        )
        hard = F.cross_entropy(student_logits, labels)
        return self.weight * soft * t * t + (1 - self.weight) * hard


def train_teacher(teacher, x, y, steps=4):
    optimizer = torch.optim.Adam(teacher.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        optimizer.step()


def distill(student, teacher, x, y, steps=4, accumulate=2):
    criterion = DistillationLoss()
    optimizer = torch.optim.AdamW(student.parameters(), lr=0.01, weight_decay=0.0)
    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad = False
    history = []
    for step in range(steps):
        with torch.no_grad():
            guide = teacher(x)
        logits = student(x)
        loss = criterion(logits, guide, y) / accumulate
        loss.backward()
        if (step + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
        history.append(loss.detach())
    return torch.stack(history).mean().item()


def agreement(student, teacher, x):
    torch.set_grad_enabled(False)
    same = (student(x).argmax(1) == teacher(x).argmax(1)).float().mean()
    torch.set_grad_enabled(True)
    return same.item()


if __name__ == "__main__":
    torch.manual_seed(12)
    data = torch.randn(20, 6)
    labels = torch.randint(0, 4, (20,))
    teacher = make_teacher()
    student = Student()
    train_teacher(teacher, data, labels)
    agreement(student, teacher, data)
    print(distill(student, teacher, data, labels))
