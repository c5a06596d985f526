"""Sample calls for what torch's operator database lacks, and the edges that it does not sample.

An entry is a list of calls `(args, kwargs)` under a function's name; `torch_dropout`, `linalg_norm` or `init_ones_` where only
the function of that namespace is meant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tools.measure.probes import BINARY, CASTS, IMAGES, UNARY, Call, c, call, f, flag, i


def _sparse() -> Tensor:
    return torch.tensor([[1.0, 0.0], [0.0, 2.0]]).to_sparse()


def _lstm() -> Call:
    weights = [f(8, 3), f(8, 2), f(8), f(8)]
    return call(f(4, 1, 3), (f(1, 1, 2), f(1, 1, 2)), weights, True, 1, 0.0, True, False, False)


def _rnn(gates: int) -> Call:
    weights = [f(2 * gates, 3), f(2 * gates, 2), f(2 * gates), f(2 * gates)]
    return call(f(4, 1, 3), f(1, 1, 2), weights, True, 1, 0.0, True, False, False)


def _cell(gates: int, state: Any) -> Call:
    return call(f(1, 3), state, f(2 * gates, 3), f(2 * gates, 2), f(2 * gates), f(2 * gates))


def by_name() -> dict[str, list[Call]]:
    """The calls that serve every function of a name."""
    drops = [
        call(f(2, 3, 4), p, train) for p in (0.5, 0.0, 1.0) for train in (True, False)
    ] + [call(f(3), 0.5, True), call(f(), 0.5, True), call(f(), 0.5, False)]  # fmt: skip
    made: dict[str, list[Call]] = {
        "detach": UNARY,
        "detach_": UNARY,
        "detach_copy": UNARY,
        "relu": UNARY,
        "selu": UNARY,
        "celu": UNARY,
        "rrelu": UNARY,
        "requires_grad_": [call(f(2, 3)), call(f()), call(f(3), True)],
        "contiguous": [call(f(2, 3)), call(f(2, 3).t()), call(f()), call(f(3)), call(i(2, 3).t())],
        "reshape": [
            call(f(2, 3), (3, 2)), call(f(2, 3), (2, 3)), call(f(2, 3).t(), (6,)), call(f(4), (-1,)),
            call(f(), (1,)), call(f(1), ()),
        ],
        "flatten": [call(f(2, 3)), call(f(3)), call(f()), call(f(2, 3).t()), call(i(3)), call(f(2, 3, 4), 1)],
        "ravel": [call(f(2, 3)), call(f(3)), call(f()), call(f(2, 3).t())],
        "reshape_as": [call(f(2, 3), f(3, 2)), call(f(2, 3), f(2, 3)), call(f(2, 3).t(), f(6)), call(f(4), f(2, 2))],
        "expand": [call(f(1, 3), (2, 3)), call(f(2, 3), (2, 3)), call(f(), (2,))],
        "expand_as": [call(f(1, 3), f(2, 3)), call(f(2, 3), f(2, 3)), call(f(), f(2))],
        "squeeze": [call(f(2, 3)), call(f(1, 3)), call(f(1)), call(f()), call(f(1, 3), 0), call(f(2, 3), 0)],
        "squeeze_": [call(f(2, 3)), call(f(1, 3)), call(f(1)), call(f(1, 3), 0)],
        "view_as": [call(f(2, 3), f(3, 2)), call(f(2, 3), f(2, 3))],
        "resolve_conj": [call(c(2)), call(c(2).conj()), call(f(2)), call(c())],
        "resolve_neg": [call(c(2)), call(c(2).conj().imag), call(f(2)), call(f())],
        "conj": [call(c(2)), call(f(2)), call(f()), call(c())],
        "atleast_1d": [call(f()), call(f(2)), call(f(), f(2))],
        "atleast_2d": [call(f()), call(f(2)), call(f(2, 2)), call(f(), f(2))],
        "atleast_3d": [call(f()), call(f(2)), call(f(2, 2, 2)), call(f(), f(2))],
        "broadcast_tensors": [call(f(2), f(2)), call(f(1), f(2)), call(f(2, 1), f(3), f())],
        "to": [
            call(f(2, 3), torch.float32), call(f(2, 3), torch.float64), call(f(2, 3), "cpu"),
            call(f(2, 3), torch.int64), call(i(2), torch.float32), call(f(2, 3), f(1)), call(f(2, 3), i(1)),
            call(f(2), "cpu", torch.float64), call(f(2), dtype=torch.float32, copy=True), call(f(), "cpu"),
            call(f(2, 3), device="cpu"), call(i(2), "cpu"),
        ],
        "cpu": UNARY,
        "type_as": [
            call(f(2), f(3)), call(f(2), i(3)), call(i(2), f(3)), call(f(2), f(3).double()), call(f(), f(3)),
            call(i(), i(2)),
        ],
        "type": [
            call(f(2), torch.float32), call(f(2), torch.float64), call(f(2)), call(i(2), torch.float32),
            call(f(2), torch.int64),
        ],
        "as_tensor": [
            call(f(2)), call(f()), call(i(2)), call(f(2), dtype=torch.float64), call(f(2), dtype=torch.float32),
            call([1.0, 2.0]), call([1, 2]), call(1.5), call(1), call([f(), f()]), call([f(), f(), f()]),
            call(np.ones(2)), call(np.ones(2, dtype=np.int64)),
        ],
        "asarray": [
            call(f(2)), call(f()), call(i(2)), call(f(2), dtype=torch.float64), call([1.0, 2.0]), call([1, 2]),
            call(1.5), call(1), call([f(), f()]), call([f(), f(), f()]), call(f(2), copy=True), call(np.ones(2)),
            call(np.ones(2, dtype=np.int64)),
        ],
        "tensor": [
            call([1.0, 2.0]), call([1, 2]), call(1.5), call(1), call(f(2)), call(i(2)), call([f(), f()]),
            call([True]), call([[1, 2.5]]), call(1j), call(f()), call([]),
        ],
        "from_numpy": [
            call(np.ones(2)), call(np.ones((), dtype=np.float32)), call(np.ones(2, dtype=np.int64)),
            call(np.ones(2, dtype=bool)),
        ],
        "frombuffer": [call(bytearray(8), dtype=torch.float32), call(bytearray(8), dtype=torch.int32)],
        "new_tensor": [
            call(f(2), [1.0]), call(f(2), [1]), call(i(2), [1]), call(i(2), [1.5]), call(f(2), 1.0),
            call(f(2), f(3)), call(i(2), 3),
        ],
        "new": [call(f(2), 3), call(i(2), 3)],
        **{name: [call(2), call((2, 3)), call(()), call(1, 2)] for name in ("rand", "randn", "zeros", "ones", "empty")},
        "empty_permuted": [call((2, 3), (0, 1)), call((), ())],
        "empty_strided": [call((2,), (1,)), call((), ())],
        "eye": [call(2), call(2, 3), call(1)],
        "linspace": [call(0, 1, 3), call(0.0, 1.0, 3), call(f(), 1, 3)],
        "logspace": [call(0, 1, 3), call(0.0, 1.0, 3), call(f(), 1, 3)],
        "tril_indices": [call(2, 2), call(2, 3)],
        "triu_indices": [call(2, 2), call(2, 3)],
        "bincount": [call(i(3)), call(i(3), f(3)), call(i(3), i(3))],
        "randint": [call(3, (2,)), call(0, 3, (2,)), call(3, ())],
        "new_zeros": [call(f(2), (2,)), call(f(2), ()), call(i(2), (2,)), call(f(2), 2, 3)],
        "new_ones": [call(f(2), (2,)), call(f(2), ()), call(i(2), (2,)), call(f(2), 2, 3)],
        "new_empty": [call(f(2), (2,)), call(f(2), ()), call(i(2), (2,)), call(f(2), 2, 3)],
        "new_full": [
            call(f(2), (2,), 1), call(f(2), (), 1), call(i(2), (2,), 1), call(i(2), (2,), 1.5),
            call(f(2), (2,), 1.0),
        ],
        "local_response_norm": [call(IMAGES, 2), call(f(2, 3, 4), 2)],
        "__getitem__": [
            call(f(3), 0), call(f(2, 3), 0), call(f(2, 3), (0, 1)), call(f(3), slice(0, 2)),
            call(f(2, 3), (slice(None), 0)), call(f(3), None), call(f(3), ...), call(f(), ()), call(f(3), i(2)),
            call(f(3), [0, 1]), call(f(3), flag(3)), call(i(3), 0), call(f(2, 3), (0, [0, 1])), call(f(3), i()),
            call(f(3), flag()), call(f(2, 3), (i(2), 0)), call(f(3), True),
        ],
        "select": [call(f(3), 0, 0), call(f(2, 3), 0, 0), call(i(3), 0, 1)],
        "take": [call(f(3), i(2)), call(f(3), i()), call(f(2, 3), i(2, 2))],
        "narrow": [call(f(3), 0, 0, 2), call(f(2, 3), 1, 0, 2)],
        "unbind": [call(f(3)), call(f(2, 3)), call(f(4, 2)), call(i(3))],
        "gather": [call(f(3), 0, i(2)), call(f(), 0, i()), call(f(2, 3), 0, i(2, 3))],
        "index_select": [call(f(3), 0, i(2)), call(f(), 0, i(1)), call(f(2, 3), 1, i(2)), call(f(3), 0, i())],
        "repeat": [call(f(3), 2), call(f(2, 3), 2, 1), call(f(), ()), call(f(), 2)],
        "tile": [call(f(3), 2), call(f(2, 3), (2, 1)), call(f(), ()), call(f(), (2,))],
        "rand_like": UNARY,
        "zeros_like": UNARY,
        "ones_like": UNARY,
        "empty_like": UNARY,
        "randn_like": UNARY,
        "full_like": [call(f(2), 1), call(f(2), 1.0), call(i(2), 1), call(i(2), 1.5), call(f(), 1)],
        "full": [call((2,), 1), call((2,), 1.0), call((), 1), call((), 1.0), call((2,), True), call((2,), 1j)],
        "arange": [call(3), call(3.0), call(1, 3), call(1.0, 3), call(1, 3.0), call(0, 3, 1), call(0, 3, 0.5)],
        "range": [call(0, 3), call(0.0, 3.0), call(0, 3, 1)],
        "randperm": [call(3), call(4)],
        "scalar_tensor": [call(1), call(1.0), call(True)],
        "poisson": [call(f(2)), call(f()), call(f(2, 3))],
        "binomial": [call(f(2), f(2)), call(f(), f())],
        "bernoulli": [call(f(2)), call(f()), call(f(2), 0.5), call(i(2), 0.5)],
        "dropout": (
            [call(f(2, 3), p, t) for p in (0.5, 0.0, 1.0) for t in (True, False)] + [call(f(), 0.5, False),
            call(f(3), 0.5), call(f(3), training=False)]
        ),
        "torch_dropout": drops,
        "alpha_dropout": drops,
        "feature_dropout": drops,
        "feature_alpha_dropout": drops,
        "dropout1d": drops,
        "native_dropout": drops,
        "dropout2d": [call(IMAGES, p, t) for p in (0.5, 0.0, 1.0) for t in (True, False)],
        "dropout3d": [call(f(1, 2, 3, 3, 3), p, t) for p in (0.5, 0.0, 1.0) for t in (True, False)],
        "threshold": [call(f(2, 3), 0.1, 0.2), call(f(), 0.1, 0.2), call(i(3), 1, 2)],
        "threshold_": [call(f(2, 3), 0.1, 0.2), call(f(), 0.1, 0.2)],
        "hardtanh_": UNARY,
        "leaky_relu_": UNARY,
        "elu_": UNARY,
        "logsigmoid": UNARY,
        "copy_": [
            call(f(2), f(2)), call(f(2), i(2)), call(i(2), f(2)), call(f(2), c(2)), call(f(), f()), call(f(2), 1.0),
            call(c(2), f(2)),
        ],
        "random_": [call(f(2)), call(i(2)), call(f()), call(f(2), 3)],
        "fill_diagonal_": [call(f(2, 2), 1.0), call(i(2, 2), 1)],
        "set_": [call(f(2), f(3)), call(f(2))],
        "share_memory_": UNARY,
        "__setitem__": [
            call(f(3), 0, 1.0), call(f(3), 0, f()), call(f(2, 3), slice(0, 1), f(1, 3)), call(f(3), flag(3), f()),
            call(i(3), 0, 1),
        ],
        "__contains__": [call(f(3), 0.1), call(i(3), 1), call(f(3), f())],
        "index": [call(f(3), [i(2)]), call(f(2, 3), [i(2), i(2)])],
        "where": [
            call(flag(2)), call(flag(2, 2)), call(flag(2, 2, 2)), call(flag(2), f(2), f(2)),
            call(flag(2), f(2), 1.0), call(flag(2), 1.0, f(2)), call(flag(2), 1, i(2)), call(flag(2), f(2), f(2)),
            call(flag(), f(), f()),
        ],
        "nonzero": [
            call(f(2), as_tuple=True), call(f(2, 2), as_tuple=True), call(f(2, 2), as_tuple=False),
            call(f(2, 2, 2), as_tuple=True),
        ],
        "norm": [
            call(f(2, 3)), call(f(3), 1), call(f(2, 3), 2, 1), call(f(2, 3), dim=0), call(f()), call(c(2)),
            call(f(2, 3), "fro"), call(f(2, 2), "nuc"), call(f(2, 3), 2, 1, True),
        ],
        "linalg_norm": [
            call(f(2, 3)), call(f(3), 1), call(f(2, 3), 2, 1), call(f(2, 3), dim=0), call(c(2)),
            call(f(2, 3), "fro"), call(f(2, 2), "nuc"),
        ],
        "nuclear_norm": [call(f(2, 3)), call(f(3, 3))],
        "frobenius_norm": [call(f(2, 3), (0, 1)), call(f(2, 3), [1])],
        "norm_except_dim": [call(f(2, 3)), call(f(2, 3), 2, 0)],
        "linalg_svd": [call(f(2, 3)), call(torch.eye(3) + f(3, 3)), call(f(2, 2), full_matrices=False)],
        "linalg_lu": [call(f(3, 3)), call(torch.eye(3) + f(3, 3))],
        "linalg_lu_solve": [call(*torch.linalg.lu_factor(torch.eye(3) + f(3, 3)), f(3, 2))],
        "svd_lowrank": [call(f(4, 3), 2)],
        "pca_lowrank": [call(f(4, 3), 2)],
        "lobpcg": [call(torch.diag(torch.arange(1.0, 10.0)), 1)],
        "chain_matmul": [call(f(2, 3), f(3, 2)), call(f(2, 2), f(2, 2), f(2, 2))],
        "inverse": [call(torch.eye(2) + f(2, 2)), call(torch.eye(3))],
        "orgqr": [call(f(3, 2), f(2))],
        "polygamma": [call(1, f(2)), call(1, f()), call(2, i(2))],
        "slogdet": [call(torch.eye(2) + f(2, 2)), call(torch.eye(3))],
        "lu": [call(torch.eye(2) + f(2, 2)), call(torch.eye(2), get_infos=True)],
        "stft": [
            call(f(16), 4, window=f(4), return_complex=True),
            call(f(16), 4, window=torch.ones(4), return_complex=False),
        ],
        "fold": [call(f(1, 8, 4), (3, 3), (2, 2)), call(f(8, 4), (3, 3), (2, 2))],
        "gumbel_softmax": [call(f(2, 3)), call(f(3)), call(f(2, 3), hard=True)],
        "lp_pool1d": [call(f(1, 2, 6), 2.0, 2)],
        "lp_pool2d": [call(IMAGES, 2.0, 2)],
        "lp_pool3d": [call(f(1, 1, 4, 4, 4), 2.0, 2)],
        "upsample": [call(IMAGES, scale_factor=2), call(IMAGES, size=(8, 8), mode="bilinear")],
        "upsample_nearest": [call(IMAGES, scale_factor=2)],
        "upsample_bilinear": [call(IMAGES, scale_factor=2)],
        "affine_grid": [call(f(1, 2, 3), (1, 1, 4, 4)), call(f(1, 3, 4), (1, 1, 2, 2, 2))],
        "affine_grid_generator": [call(f(1, 2, 3), (1, 1, 4, 4), False)],
        "grid_sampler": [call(IMAGES, f(2, 3, 3, 2), 0, 0, False)],
        "conv_tbc": [call(f(5, 2, 3), f(2, 3, 4), f(4)), call(f(5, 2, 3), f(2, 3, 4), f(4), 1)],
        "convolution": [
            call(IMAGES, f(3, 4, 2, 2), f(3), (1, 1), (0, 0), (1, 1), False, (0, 0), 1),
            call(IMAGES, f(3, 4, 2, 2), None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1),
        ],
        "batch_norm": [
            call(f(3, 4), f(4), f(4), f(4), f(4), True), call(f(3, 4), f(4), f(4), f(4), f(4), False),
            call(f(3, 4), None, None, training=True), call(f(3, 4), f(4), f(4), training=True),
            call(f(3, 4, 5), f(4), f(4), f(4), f(4), True),
        ],
        "torch_batch_norm": [call(f(3, 4), f(4), f(4), f(4), f(4), train, 0.1, 1e-5, False) for train in (True, False)],
        "torch_instance_norm": (
            [call(f(2, 4, 5), f(4), f(4), f(4), f(4), use, 0.1, 1e-5, False) for use in (True, False)]
        ),
        "torch_embedding": [call(f(5, 2), i(3)), call(f(5, 2), i())],
        "embedding": [
            call(i(3), f(5, 2)), call(i(2, 3), f(5, 2), max_norm=0.5), call(i(), f(5, 2)),
            call(i(3), f(5, 2), padding_idx=0),
        ],
        "torch_embedding_bag": [
            call(f(5, 2), i(4), torch.tensor([0, 2])), call(f(5, 2), i(4), torch.tensor([0, 2]), False, 1),
            call(f(5, 2), i(4), torch.tensor([0, 2]), False, 2),
        ],
        "max_pool1d": [call(f(2, 4, 6), 2), call(f(4, 6), 2), call(f(2, 4, 6), 2, return_indices=True)],
        "max_pool2d": [call(IMAGES, 2), call(f(4, 6, 6), 2), call(IMAGES, 2, return_indices=True)],
        "max_pool3d": [call(f(1, 2, 4, 4, 4), 2), call(f(1, 2, 4, 4, 4), 2, return_indices=True)],
        "adaptive_max_pool1d": [call(f(2, 4, 6), 2), call(f(2, 4, 6), 2, return_indices=True)],
        "torch_adaptive_max_pool1d": [call(f(2, 4, 6), 2)],
        "adaptive_max_pool2d": [call(IMAGES, 2), call(IMAGES, 2, return_indices=True)],
        "adaptive_max_pool3d": [call(f(1, 2, 4, 4, 4), 2), call(f(1, 2, 4, 4, 4), 2, return_indices=True)],
        "lstm": [_lstm()],
        "gru": [_rnn(3)],
        "rnn_tanh": [_rnn(1)],
        "rnn_relu": [_rnn(1)],
        "lstm_cell": [_cell(4, (f(1, 2), f(1, 2)))],
        "gru_cell": [_cell(3, f(1, 2))],
        "rnn_tanh_cell": [_cell(1, f(1, 2))],
        "rnn_relu_cell": [_cell(1, f(1, 2))],
        "hann_window": [call(4)],
        "hamming_window": [call(4)],
        "bartlett_window": [call(4)],
        "blackman_window": [call(4)],
        "kaiser_window": [call(4)],
        "bartlett": [call(4)],
        "blackman": [call(4)],
        "cosine": [call(4)],
        "exponential": [call(4)],
        "gaussian": [call(4)],
        "general_cosine": [call(4, a=[0.5, 0.5])],
        "general_hamming": [call(4)],
        "hamming": [call(4)],
        "hann": [call(4)],
        "kaiser": [call(4)],
        "nuttall": [call(4)],
        "fftfreq": [call(4)],
        "rfftfreq": [call(4)],
        "native_channel_shuffle": [call(IMAGES, 2)],
        "native_norm": [call(f(2, 3)), call(f(2, 3), 2)],
        "unsafe_split_with_sizes": [call(f(4), [2, 2]), call(f(3), [1, 1, 1]), call(f(2, 3), [1, 1])],
        "split_copy": [call(f(4), 2), call(f(6), 2)],
        "select_copy": [call(f(2, 3), 0, 1)],
        "slice_copy": [call(f(4)), call(f(4), 0, 1, 2)],
        "view_as_complex_copy": [call(f(2, 2))],
        "view_as_real_copy": [call(c(2))],
        "kl_div": [call(f(2, 3), f(2, 3)), call(f(), f())],
        "hinge_embedding_loss": [call(f(2, 3), i(2, 3))],
        "margin_ranking_loss": [call(f(3), f(3), i(3).float())],
        "triplet_margin_loss": [call(f(2, 3), f(2, 3) + 1, f(2, 3) + 2)],
        "cosine_embedding_loss": [call(f(2, 3), f(2, 3) + 1, i(2).float())],
        "torch_poisson_nll_loss": [call(f(2, 3), f(2, 3), True, False, 1e-8, r) for r in (0, 1, 2)],
        "torch_kl_div": [call(f(2, 3), f(2, 3), r) for r in (0, 1, 2)],
        "torch_binary_cross_entropy_with_logits": [call(f(2, 3), f(2, 3), None, None, r) for r in (0, 1, 2)],
        "torch_ctc_loss": (
            [call(f(5, 2, 3).log(), i(2, 2), torch.tensor([5, 5]), torch.tensor([2, 2]), 0, r) for r in (0, 1,
            2)]
        ),
        "torch_cosine_embedding_loss": [call(f(2, 3), f(2, 3) + 1, i(2).float(), 0.0, r) for r in (0, 1, 2)],
        "torch_hinge_embedding_loss": [call(f(2, 3), i(2, 3), 1.0, r) for r in (0, 1, 2)],
        "torch_margin_ranking_loss": [call(f(3), f(3), i(3).float(), 0.0, r) for r in (0, 1, 2)],
        "cross_entropy": [
            call(f(2, 3), i(2)), call(f(2, 3), f(2, 3)), call(f(3), i()), call(f(2, 3), i(2), f(3)),
            call(f(2, 3), f(2, 3), f(3)),
        ],
        "spdiags": [call(f(1, 3), torch.tensor([0]), (3, 3))],
        "sparse_sum": [call(_sparse()), call(_sparse(), dim=0)],
        "sparse_softmax": [call(_sparse(), 1)],
        "sparse_log_softmax": [call(_sparse(), 1)],
        "sparse_mm": [call(_sparse(), f(2, 2))],
        "sparse_addmm": [call(f(2, 2), _sparse(), f(2, 2))],
        "smm": [call(_sparse(), f(2, 2))],
        "spmm": [call(_sparse(), f(2, 2))],
        "hspmm": [call(_sparse(), f(2, 2))],
        "sspaddmm": [call(_sparse(), _sparse(), f(2, 2))],
        "saddmm": [call(f(2, 2), _sparse(), f(2, 2))],
        "coalesce": [call(_sparse())],
        "indices": [call(_sparse())],
        "values": [call(_sparse())],
        "sparse_dim": [call(_sparse())],
        "dense_dim": [call(_sparse())],
        "is_coalesced": [call(_sparse())],
        "indices_copy": [call(_sparse())],
        "values_copy": [call(_sparse())],
        "to_dense": [call(_sparse()), call(f(2, 2)), call(f())],
        "sparse_mask": [call(f(2, 2), _sparse())],
        "to_sparse": [call(f(2, 2)), call(_sparse())],
        "to_sparse_coo": [call(f(2, 2))],
        "to_sparse_csr": [call(f(2, 2))],
        "to_sparse_csc": [call(f(2, 2))],
        "to_sparse_bsr": [call(f(2, 2), (1, 1))],
        "to_sparse_bsc": [call(f(2, 2), (1, 1))],
        "crow_indices": [call(f(2, 2).to_sparse_csr())],
        "col_indices": [call(f(2, 2).to_sparse_csr())],
        "ccol_indices": [call(f(2, 2).to_sparse_csc())],
        "row_indices": [call(f(2, 2).to_sparse_csc())],
        "sparse_coo_tensor": [
            call(torch.zeros(1, 2, dtype=torch.int64), f(2), (3,)),
            call(torch.zeros(1, 2, dtype=torch.int64), i(2), (3,)),
        ],
        "sparse_csr_tensor": [call(torch.tensor([0, 1, 2]), torch.tensor([0, 1]), f(2), (2, 2))],
        "sparse_csc_tensor": [call(torch.tensor([0, 1, 2]), torch.tensor([0, 1]), f(2), (2, 2))],
        "sparse_compressed_tensor": [
            call(torch.tensor([0, 1, 2]), torch.tensor([0, 1]), f(2), (2, 2), layout=torch.sparse_csr),
        ],
        "quantize_per_tensor": [call(f(2), 0.1, 0, torch.qint8)],
        "fake_quantize_per_tensor_affine": [call(f(2), 0.1, 0, -128, 127)],
        "fake_quantize_per_channel_affine": [call(f(2, 2), f(2), torch.zeros(2, dtype=torch.int32), 0, -128, 127)],
        "dequantize": [call(torch.quantize_per_tensor(f(2), 0.1, 0, torch.qint8)), call(f(2))],
        "int_repr": [call(torch.quantize_per_tensor(f(2), 0.1, 0, torch.qint8))],
        "q_scale": [call(torch.quantize_per_tensor(f(2), 0.1, 0, torch.qint8))],
        "q_zero_point": [call(torch.quantize_per_tensor(f(2), 0.1, 0, torch.qint8))],
        "qscheme": [call(torch.quantize_per_tensor(f(2), 0.1, 0, torch.qint8))],
        "nested_tensor": [call([f(2), f(3)])],
        "as_nested_tensor": [call([f(2), f(3)])],
        "to_padded_tensor": [call(torch.nested.nested_tensor([f(2), f(3)]), 0.0)],
        "can_cast": [call(torch.float32, torch.int64)],
        "promote_types": [call(torch.float32, torch.int64)],
        "result_type": [call(f(2), i(2)), call(f(2), 1)],
        "is_tensor": [call(f(2)), call(1)],
        "broadcast_shapes": [call((2,), (2,)), call((1, 2), (3, 1))],
        "numel": UNARY,
        "typename": UNARY,
        "is_grad_enabled": [call()],
        "is_inference_mode_enabled": [call()],
        "masked_normalize": [call(f(2, 3), 2.0, 1)],
        "masked_norm": [call(f(2, 3), 2.0, 1), call(f(2, 3), 2.0)],
        "masked_softmin": [call(f(2, 3), 1)],
        "is_set_to": BINARY,
        "is_same_size": BINARY,
        "isin": [call(f(3), f(2)), call(i(3), i(2)), call(f(3), 1.0)],
        "float_power_": [call(f(2).double(), 2), call(f(2).double(), f(2).double()), call(f().double(), 2.0)],
        "linear": [call(f(3), f(3)), call(f(2, 3), f(4, 3)), call(f(2, 3), f(4, 3), f(4)), call(f(2, 3), f(3))],
        "as_strided": [call(f(4), (2,), (1,)), call(f(4), (), ())],
        "as_strided_copy": [call(f(4), (2,), (1,)), call(f(4), (), ())],
        "as_strided_": [call(f(4), (2,), (1,)), call(f(4), (), ())],
        "tensordot": [call(f(2, 3), f(2, 3), 2), call(f(2, 3), f(3, 2), 1), call(f(3), f(3), 1), call(f(2), f(3), 0)],
        "index_put": [call(f(), (flag(),), f()), call(f(3), (i(2),), f(2)), call(f(3), (i(2),), f())],
        "index_put_": [call(f(), (flag(),), f()), call(f(3), (i(2),), f(2)), call(f(3), (i(2),), f())],
        "take_along_dim": [call(f(), i()), call(f(3), i()), call(f(2, 3), i(2, 1), 1), call(f(3), i(2))],
        "pad": [call(f(), ()), call(f(3), (1, 1)), call(f(2, 3), (1, 1)), call(f(1, 2, 3), (1, 1), "reflect")],
        "constant_pad_nd": [call(f(), ()), call(f(3), (1, 1)), call(f(3), (1, 1), 2.0)],
        "cov": [call(f(2, 3)), call(f(3)), call(i(3))],
        "corrcoef": [call(f(2, 3)), call(f(3))],
        "movedim": [call(f(), (), ()), call(f(2, 3), 0, 1), call(f(2, 3, 4), (0, 1), (1, 0))],
        "swapaxes": [call(f(2, 3), 0, 1), call(i(2, 3), 0, 1), call(f(2, 3, 4), 1, 2)],
        "swapdims": [call(f(2, 3), 0, 1), call(f(2, 3, 4), 1, 2)],
        "moveaxis": [call(f(), (), ()), call(f(2, 3), 0, 1), call(f(2, 3, 4), 1, 2)],
        "swapaxes_": [call(f(2, 3), 0, 1)],
        "swapdims_": [call(f(2, 3), 0, 1)],
        "transpose_": [call(f(2, 3), 0, 1)],
        "t_": [call(f(2, 3)), call(f(3))],
        "polygamma_": [call(f(2), 1), call(f(), 1)],
        "as_subclass": [call(f(2), Tensor), call(f(), Tensor)],
        "view": [
            call(f(2, 3), (3, 2)), call(f(2, 3), (6,)), call(f(2, 3), torch.int32), call(f(), ()), call(f(), (1,)),
            call(f(2), torch.float32), call(f(2, 3), torch.float32), call(f(6), 2, 3), call(f(6), -1),
        ],
        "numpy": UNARY,
        "tolist": UNARY,
        "item": [call(f()), call(f(1)), call(i())],
        "dim_order": UNARY,
        "storage": UNARY,
        "untyped_storage": UNARY,
        "stride": UNARY,
        "storage_offset": UNARY,
        "size": [call(f(2, 3)), call(f(2, 3), 0)],
        "clamp": [
            call(f(3), 0.1), call(f(3), 0.1, 0.5), call(f(3), max=0.5), call(i(3), 0.5), call(i(3), 0, 1),
            call(f(3), f(3)), call(f(3), f(3), f(3)), call(f(), 0.1),
        ],
        "clip": [
            call(f(3), 0.1), call(f(3), 0.1, 0.5), call(f(3), max=0.5), call(i(3), 0.5), call(i(3), 0, 1),
            call(f(3), f(3)), call(f(3), f(3), f(3)), call(f(), 0.1),
        ],
        "sum": [
            call(f(2, 3)), call(f(2, 3), 1), call(f(3), 0), call(i(2, 3)), call(f(2, 3), (0, 1)),
            call(f(2, 3), (0, 1), True),
        ],
        "mse_loss": [
            call(f(2, 3), f(2, 3)), call(f(), f()), call(f(2), f(2), reduction="none"),
            call(f(2), f(2), reduction="sum"),
        ],
        "unique_consecutive": [
            call(f(3)), call(i(3)), call(i(3), return_counts=True), call(f(3), return_counts=True),
            call(i(3), return_inverse=True), call(f(3), return_inverse=True),
            call(i(3), return_inverse=True, return_counts=True),
            call(f(3), return_inverse=True, return_counts=True),
        ],
        "unique": [
            call(f(3)), call(i(3), return_counts=True), call(f(3), return_inverse=True),
            call(f(3), return_inverse=True, return_counts=True), call(i(3), return_inverse=True),
            call(i(3), return_inverse=True, return_counts=True), call(f(3), return_counts=True),
        ],
    }  # fmt: skip
    weight = [call(f(3, 4)), call(f(2, 2))]
    inits = "kaiming_normal_ kaiming_uniform_ orthogonal_ xavier_normal_ xavier_uniform_ normal_ uniform_ trunc_normal_"
    made |= {f"init_{name}": weight for name in (*inits.split(), "ones_", "zeros_", "eye_")}
    made |= {
        "init_constant_": [call(f(3, 4), 1.0)],
        "init_sparse_": [call(f(3, 4), 0.5)],
        "init_dirac_": [call(f(3, 3, 2))],
        "parameters_to_vector": [call([f(2), f(2, 3)]), call([f(3)])],
        "get_total_norm": [call([f(2), f(2, 3)]), call([f(3)])],
        "pad_sequence": [call([f(2), f(3)]), call([f(2, 2), f(3, 2)], True), call([i(2), i(3)])],
        "pack_sequence": [call([f(3, 2), f(2, 2)]), call([f(2), f(2)])],
        "pack_padded_sequence": [call(f(3, 2, 2), torch.tensor([3, 2])), call(f(3, 2), [3, 2])],
        "unpad_sequence": [call(f(3, 2), torch.tensor([3, 2]))],
        "pad_packed_sequence": [call(torch.nn.utils.rnn.pack_sequence([f(3, 2), f(2, 2)]))],
        "unpack_sequence": [call(torch.nn.utils.rnn.pack_sequence([f(3, 2), f(2, 2)]))],
    }  # fmt: skip
    for name in CASTS:
        same = getattr(torch, {"byte": "uint8", "char": "int8"}.get(name, name))
        made[name] = [call(f(2, 3).to(same)), call(f(2, 3)), call(f().to(same)), call(i(2)), call(f(2).double())]
    return made


def attribute_calls() -> list[Call]:
    """Tensors of which every attribute is read."""
    tensors = [f(2, 3), f(), f(3), i(2, 2), c(2, 2), flag(2), f(2, 3, 4), c(2, 2).conj()]
    return [call(t) for t in tensors]
