"""Random numbers, in the stream that torch draws on the CPU: the same seed gives the same numbers.

A generator is a Mersenne twister. Single-precision uniforms take 24 bits of one output, double ones 53 bits of two;
normals are made of pairs of uniforms, sixteen at a time in long tensors and one pair at a time in short ones.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from .dtypes import dtype, float32

MASK = 0xFFFF_FFFF_FFFF_FFFF


class Generator:
    """`torch.Generator`"""

    def __init__(self, device: Any = "cpu") -> None:
        self._bits = np.random.MT19937()
        self._next_normal: float | None = None
        self.manual_seed(67280421310721)

    @property
    def device(self) -> Any:
        from .things import CPU

        return CPU

    def manual_seed(self, seed: int) -> Generator:
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError("Overflow when unpacking long long")
        self._seed = seed & MASK
        # numpy's name for how the reference implementation takes a number for a seed.
        self._bits._legacy_seeding(self._seed & 0xFFFF_FFFF)
        self._next_normal = None
        return self

    def seed(self) -> int:
        self.manual_seed(int(time.time_ns()) & MASK)
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    def get_state(self) -> Any:
        from .tensor import wrap

        state = self._bits.state["state"]
        held = math.nan if self._next_normal is None else self._next_normal
        words = np.concatenate([
            np.array([self._seed, state["pos"]], np.uint64), np.array([held], np.float64).view(np.uint64),
            state["key"].astype(np.uint64),
        ])  # fmt: skip
        return wrap(words.view(np.uint8).copy())

    def set_state(self, state: Any) -> Generator:
        words = np.ascontiguousarray(state._array).view(np.uint64)
        self._seed = int(words[0])
        held = float(words[2:3].view(np.float64)[0])
        self._next_normal = None if math.isnan(held) else held
        self._bits.state = {
            "bit_generator": "MT19937", "state": {"key": words[3:].astype(np.uint32), "pos": int(words[1])},
        }  # fmt: skip
        return self

    def clone_state(self) -> Generator:
        return Generator().set_state(self.get_state())

    def words(self, count: int) -> np.ndarray:
        """So many outputs of 32 bits."""
        return self._bits.random_raw(count) if count else np.zeros(0, np.uint64)

    def long_words(self, count: int) -> np.ndarray:
        """So many of 64 bits, each made of two."""
        words = self.words(2 * count)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def uniform(self, count: int, kind: dtype) -> np.ndarray:
        """Numbers in [0, 1) with the resolution of the dtype."""
        if kind.numpy == np.float64:
            return (self.long_words(count) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53
        return (self.words(count) & np.uint64(2**24 - 1)).astype(np.float32) * np.float32(2.0**-24)

    def double(self, count: int) -> np.ndarray:
        return (self.long_words(count) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53

    def normal(self, count: int, kind: dtype) -> np.ndarray:
        """Standard normal numbers."""
        return self._short_normal(count) if count < 16 else self._long_normal(count, kind)

    def _short_normal(self, count: int) -> np.ndarray:
        values: list[float] = []
        if count and self._next_normal is not None:
            values.append(self._next_normal)
            self._next_normal = None
        pairs = (count - len(values) + 1) // 2
        uniform = self.double(2 * pairs)
        radius = np.sqrt(-2.0 * np.log1p(-uniform[1::2]))
        angle = 2.0 * math.pi * uniform[0::2]
        made = np.concatenate([values, np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)])
        if len(made) > count:
            self._next_normal = float(made[-1])
        return made[:count]

    def _long_normal(self, count: int, kind: dtype) -> np.ndarray:
        wide = kind if kind.numpy == np.float64 else float32
        uniform = self.uniform(count, wide)
        made = uniform.copy()
        whole = count // 16 * 16
        made[:whole] = _box_muller(uniform[:whole])
        if count % 16:
            made[-16:] = _box_muller(self.uniform(16, wide))
        return made

    def integers(self, low: int, high: int, count: int) -> np.ndarray:
        span = high - low
        words = self.long_words(count) if span >= 2**32 else self.words(count)
        return (words % np.uint64(span)).astype(np.int64) + low

    def permutation(self, size: int) -> np.ndarray:
        """A shuffle of range(size): the swaps of Fisher and Yates, resolved all at once."""
        if size < 2:
            return np.arange(size, dtype=np.int64)
        steps = np.arange(size - 1)
        target = steps + (self.words(size - 1) % (size - steps).astype(np.uint64)).astype(np.int64)
        return _swapped(size, target)


def _swapped(size: int, target: np.ndarray) -> np.ndarray:
    """range(size) after swapping item i with item target[i] >= i, for each i in turn.

    What stands at place k just before step k was put there by the last earlier step that swapped with k, and came from
    that step's own place: following these links, with the distance doubled each time, leads to the number that started it.
    """
    steps = np.arange(len(target))
    order = np.lexsort((steps, target))
    sorted_target = target[order]
    # The last step before step i with the same target as i, and the last step of all with target k.
    same = np.empty(len(target), np.int64)
    same[order] = np.where(np.r_[False, sorted_target[1:] == sorted_target[:-1]], np.r_[0, order[:-1]], -1)
    arrived = np.full(size, -1, np.int64)
    proper = target > steps
    np.maximum.at(arrived, target[proper], steps[proper])
    root = np.where(arrived >= 0, arrived, np.arange(size))
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    picked = np.where(target == steps, root[:-1], np.where(same >= 0, root[np.maximum(same, 0)], target))
    return np.r_[picked, root[size - 1]].astype(np.int64)


def _box_muller(uniform: np.ndarray) -> np.ndarray:
    """Normal numbers of uniform ones: in each sixteen the first eight give the radius, the others the angle."""
    rows = uniform.reshape(-1, 16)
    radius = np.sqrt(rows.dtype.type(-2) * np.log(1 - rows[:, :8]))
    angle = rows.dtype.type(2 * math.pi) * rows[:, 8:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    return default_generator.manual_seed(seed)


def seed() -> int:
    return default_generator.seed()


def initial_seed() -> int:
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    default_generator.set_state(new_state)


class fork_rng:
    """`torch.random.fork_rng`: the block leaves the state as it was."""

    def __init__(self, devices: Any = None, enabled: bool = True, device_type: str = "cuda", **options: Any) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        self.state = get_rng_state()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self.enabled:
            set_rng_state(self.state)


Generator.__module__ = "torch._C"
