"""`torch.save` and `torch.load`, in a format of the engine's own, and what multiprocessing sends."""

from __future__ import annotations

import os
import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

from ..errors import unsupported
from ..nn.parameter import Parameter
from ..tensor import Tensor, needs_grad, node_of

_MAGIC = b"gradlint-runtime-1\n"


def save(obj: Any, f: Any, pickle_module: Any = pickle, pickle_protocol: int = 2, **options: Any) -> None:
    data = _MAGIC + pickle_module.dumps(obj, protocol=max(pickle_protocol, 2))
    if isinstance(f, str | os.PathLike):
        with open(f, "wb") as file:
            file.write(data)
    else:
        f.write(data)


def load(f: Any, map_location: Any = None, pickle_module: Any = pickle, **options: Any) -> Any:
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            data = file.read()
    else:
        data = f.read()
    if not data.startswith(_MAGIC):
        raise unsupported("torch.load of a file that the engine did not write")
    return pickle_module.loads(data[len(_MAGIC) :])


def _reduce_for_process(tensor: Tensor) -> Any:
    if needs_grad(tensor) and node_of(tensor) is not None:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
            "crossing process boundaries.  If you just want to transfer the data, call detach() on the tensor before "
            "serializing (e.g., putting it on the queue)."
        )
    return tensor.__reduce_ex__(2)


def register_reductions() -> None:
    """What importing `torch.multiprocessing` does."""
    for kind in (Tensor, Parameter):
        ForkingPickler.register(kind, _reduce_for_process)
