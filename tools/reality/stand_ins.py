"""Run before a program is recorded: stand-ins for what it would download.

Data sets hold random images, models start from fresh weights, `gym` is gymnasium, loaders work in this process.
"""

import contextlib
import functools
import os
import sys
from typing import Any

import numpy as np
import torch

os.environ.setdefault("MPLBACKEND", "Agg")
torch.set_num_threads(1)
SIZES = {
    "MNIST": (28, 28), "FashionMNIST": (28, 28), "KMNIST": (28, 28), "CIFAR10": (32, 32, 3), "STL10": (32, 32, 3),
    "SVHN": (32, 32, 3), "CelebA": (32, 32, 3),
}  # fmt: skip
EXAMPLES = 1600


def data_set(shape: tuple[int, ...]) -> type:
    """A data set of torchvision with random images of a shape."""
    from PIL import Image

    class Random(torch.utils.data.Dataset):  # type: ignore[type-arg]
        classes = [str(number) for number in range(10)]

        def __init__(
            self, root: Any = None, train: bool = True, transform: Any = None, target_transform: Any = None, **others: Any
        ) -> None:  # fmt: skip
            chance = np.random.default_rng(0)
            self.transform, self.target_transform = transform, target_transform
            self.data: Any = chance.integers(0, 255, (EXAMPLES, *shape), dtype=np.uint8)
            self.targets: Any = [int(one) for one in chance.integers(0, 10, EXAMPLES)]
            if len(shape) == 2:
                self.data, self.targets = torch.from_numpy(self.data), torch.tensor(self.targets)

        def __len__(self) -> int:
            return EXAMPLES

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            image, target = Image.fromarray(np.asarray(self.data[index])), int(self.targets[index])
            image = self.transform(image) if self.transform else image
            return image, self.target_transform(target) if self.target_transform else target

    return Random


def untrained(make: Any) -> Any:
    @functools.wraps(make)
    def made(*args: Any, **options: Any) -> Any:
        for name in ("pretrained", "weights", "weights_backbone"):
            options.pop(name, None)
        if "rcnn" in make.__name__:
            options.update(weights=None, weights_backbone=None)
        return make(**options)

    return made


with contextlib.suppress(ImportError):
    import torchvision
    import torchvision.datasets

    for name, shape in SIZES.items():
        setattr(torchvision.datasets, name, data_set(shape))
    models = torchvision.models
    for name in models.list_models():
        for home in (models, models.segmentation, models.detection):
            if hasattr(home, name):
                setattr(home, name, untrained(getattr(home, name)))
with contextlib.suppress(ImportError):
    import gymnasium

    sys.modules["gym"], sys.modules["gym.spaces"] = gymnasium, gymnasium.spaces

_begin = torch.utils.data.DataLoader.__init__


def _alone(self: Any, *args: Any, **options: Any) -> None:
    for name in ("prefetch_factor", "persistent_workers"):
        options.pop(name, None)
    _begin(self, *args[:5], **{**options, "num_workers": 0})


torch.utils.data.DataLoader.__init__ = _alone  # type: ignore[method-assign]
