"""Fourier transforms, window functions, and the short-time transform.

All transforms come down to three: complex to complex, real to complex, and complex to real. Each is linear, and its way
back is one of the three again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import errors
from ..apply import record
from ..dtypes import COMPLEX, COMPLEX_OF, FLOATING, as_dtype, default_float, dtype, float64
from ..tensor import Tensor
from .common import dim_of
from .complex import view_as_real
from .factories import made
from .joining import roll
from .padding import constant_pad_nd, pad
from .pieces import sliced
from .strided import as_strided, element_strides

Norm = Literal["backward", "ortho", "forward"]
_NORMS = (None, "backward", "ortho", "forward")
# The other normalisation: that of the transform in the opposite direction with the same factor.
_OPPOSITE: dict[Norm, Norm] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _c2c(input: Tensor, dims: tuple[int, ...], norm: Norm, forward: bool) -> Tensor:
    function = np.fft.fftn if forward else np.fft.ifftn
    value = function(input._array, axes=dims, norm=norm)
    # The adjoint goes the other way with the same factor in front.
    back = lambda grad: _c2c(grad, dims, _OPPOSITE[norm], not forward)  # noqa: E731
    return record("FftC2CBackward0", value, (input, back), dtype=input._dtype)


def _r2c(input: Tensor, dims: tuple[int, ...], norm: Norm, onesided: bool) -> Tensor:
    kind = COMPLEX_OF[input._dtype]
    function = np.fft.rfftn if onesided else np.fft.fftn
    value = function(input._array, axes=dims, norm=norm).astype(kind.numpy)
    size, last = input._array.shape[dims[-1]], dims[-1]

    def back(grad: Any) -> Any:
        if onesided:
            grown = [0, 0] * (grad._array.ndim - 1 - last) + [0, size - grad._array.shape[last]]
            grad = constant_pad_nd(grad, grown)
        return _c2c(grad, dims, _OPPOSITE[norm], False).real

    return record("FftR2CBackward0", value, (input, back), dtype=kind)


def _c2r(input: Tensor, dims: tuple[int, ...], norm: Norm, size: int) -> Tensor:
    real = input._dtype.to_real()
    sizes = [input._array.shape[dim] for dim in dims[:-1]] + [size]
    value = np.fft.irfftn(input._array, s=sizes, axes=dims, norm=norm).astype(real.numpy)
    last = dims[-1]

    def back(grad: Any) -> Any:
        half = _r2c(grad, dims, _OPPOSITE[norm], True)
        twice = size - half._array.shape[last]
        weights = np.ones(half._array.shape[last], grad._array.dtype)
        weights[1 : 1 + twice] = 2
        shape = [1] * half._array.ndim
        shape[last] = -1
        return half * made(weights.reshape(shape), grad._dtype)

    return record("FftC2RBackward0", value, (input, back), dtype=real)


def _checked_norm(norm: Any) -> Norm:
    if norm not in _NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return "backward" if norm is None else norm


def _promoted(input: Tensor, imaginary: bool) -> Tensor:
    kind = input._dtype
    if kind.category < FLOATING:
        kind = default_float()
    if kind.name in ("float16", "bfloat16"):
        raise RuntimeError(f"Unsupported dtype {kind.short}")
    if imaginary and kind.category != COMPLEX:
        kind = COMPLEX_OF[kind]
    return input if kind is input._dtype else input.to(kind)


def _resized(input: Tensor, sizes: Sequence[int], dims: Sequence[int]) -> Tensor:
    """Cut or padded with zeros along the transformed dimensions."""
    for size, dim in zip(sizes, dims, strict=True):
        if size < 1:
            raise RuntimeError(f"Invalid number of data points ({size}) specified")
        now = input._array.shape[dim]
        if now > size:
            input = sliced(input, dim, 0, size, 1)
        elif now < size:
            input = constant_pad_nd(input, [0, 0] * (input._array.ndim - 1 - dim) + [0, size - now])
    return input


def _one(input: Tensor, n: int | None, dim: int) -> tuple[int, int]:
    at = dim_of(dim, input._array.ndim)
    if not input._array.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    size = input._array.shape[at] if n is None else n
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return size, at


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, False)
    size, at = _one(source, n, dim)
    source = _resized(source, [size], [at])
    mode = _checked_norm(norm)
    return _c2c(source, (at,), mode, True) if source._dtype.is_complex else _r2c(source, (at,), mode, False)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, False)
    size, at = _one(source, n, dim)
    source = _resized(source, [size], [at])
    mode = _checked_norm(norm)
    if source._dtype.is_complex:
        return _c2c(source, (at,), mode, False)
    return _r2c(source, (at,), _OPPOSITE[mode], False).conj()


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    if input._dtype.is_complex:
        raise RuntimeError(f"rfft expects a real input tensor, but got {input._dtype.short}")
    source = _promoted(input, False)
    size, at = _one(source, n, dim)
    return _r2c(_resized(source, [size], [at]), (at,), _checked_norm(norm), True)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    return _to_real(input, n, dim, _checked_norm(norm), False)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    return _to_real(input, n, dim, _OPPOSITE[_checked_norm(norm)], True)


def _to_real(input: Tensor, n: int | None, dim: int, norm: Norm, conjugate: bool) -> Tensor:
    source = _promoted(input, True)
    _, at = _one(source, None, dim)
    size = 2 * (source._array.shape[at] - 1) if n is None else n
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    source = _resized(source, [size // 2 + 1], [at])
    return _c2r(source.conj() if conjugate else source, (at,), norm, size)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: Norm | None = None) -> Tensor:
    if input._dtype.is_complex:
        raise RuntimeError(f"ihfft expects a real input tensor, but got {input._dtype.short}")
    source = _promoted(input, False)
    size, at = _one(source, n, dim)
    return _r2c(_resized(source, [size], [at]), (at,), _OPPOSITE[_checked_norm(norm)], True).conj()


# several dimensions


def _several(input: Tensor, s: Any, dim: Any) -> tuple[list[int], tuple[int, ...]]:
    ndim = input._array.ndim
    if dim is None:
        dims = tuple(range(ndim)) if s is None else tuple(range(ndim - len(s), ndim))
    else:
        dims = tuple([dim_of(each, ndim) for each in ((dim,) if isinstance(dim, int) else dim)])
    if len(set(dims)) != len(dims):
        raise RuntimeError("FFT dims must be unique")
    if s is None:
        return [input._array.shape[at] for at in dims], dims
    wanted = [s] if isinstance(s, int) else list(s)
    if len(wanted) != len(dims):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return [input._array.shape[at] if size == -1 else size for size, at in zip(wanted, dims, strict=True)], dims


def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, True)
    sizes, dims = _several(source, s, dim)
    source = _resized(source, sizes, dims)
    return _c2c(source, dims, _checked_norm(norm), True) if dims else source.clone()


def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, True)
    sizes, dims = _several(source, s, dim)
    source = _resized(source, sizes, dims)
    return _c2c(source, dims, _checked_norm(norm), False) if dims else source.clone()


def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    if input._dtype.is_complex:
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {input._dtype.short}")
    source = _promoted(input, False)
    sizes, dims = _several(source, s, dim)
    if not dims:
        raise RuntimeError("rfftn must transform at least one axis")
    return _r2c(_resized(source, sizes, dims), dims, _checked_norm(norm), True)


def _half(input: Tensor, s: Any, dim: Any, function: str) -> tuple[list[int], tuple[int, ...], int]:
    sizes, dims = _several(input, s, dim)
    if not dims:
        raise RuntimeError(f"{function} must transform at least one axis")
    given = s is not None and (s if isinstance(s, int) else list(s)[-1]) != -1
    last = sizes[-1] if given else 2 * (sizes[-1] - 1)
    if last < 1:
        raise RuntimeError(f"Invalid number of data points ({last}) specified")
    return [*sizes[:-1], last // 2 + 1], dims, last


def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, True)
    sizes, dims, last = _half(source, s, dim, "irfftn")
    return _c2r(_resized(source, sizes, dims), dims, _checked_norm(norm), last)


def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    source = _promoted(input, True)
    sizes, dims, last = _half(source, s, dim, "hfftn")
    mode = _checked_norm(norm)
    source = _resized(source, sizes, dims)
    if len(dims) > 1:
        source = _c2c(source, dims[:-1], mode, True)
    return _c2r(source.conj(), dims[-1:], _OPPOSITE[mode], last)


def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: Norm | None = None) -> Tensor:
    if input._dtype.is_complex:
        raise RuntimeError(f"ihfftn expects a real-valued input tensor, but got {input._dtype.short}")
    source = _promoted(input, False)
    sizes, dims = _several(source, s, dim)
    if not dims:
        raise RuntimeError("ihfftn must transform at least one axis")
    mode = _checked_norm(norm)
    half = _r2c(_resized(source, sizes, dims), dims[-1:], _OPPOSITE[mode], True)
    if len(dims) == 1:
        return half.conj()
    return _c2c(half.conj_physical(), dims[:-1], mode, False)


def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return fftn(input, s, dim, norm)


def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return ifftn(input, s, dim, norm)


def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return rfftn(input, s, dim, norm)


def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return irfftn(input, s, dim, norm)


def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return hfftn(input, s, dim, norm)


def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: Norm | None = None) -> Tensor:
    return ihfftn(input, s, dim, norm)


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    _, dims = _several(input, None, dim)
    return roll(input, [input._array.shape[at] // 2 for at in dims], dims)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    _, dims = _several(input, None, dim)
    return roll(input, [(input._array.shape[at] + 1) // 2 for at in dims], dims)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    kind = default_float() if dtype is None else as_dtype(dtype)
    return made(np.fft.fftfreq(n, d).astype(kind.numpy), kind, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    kind = default_float() if dtype is None else as_dtype(dtype)
    return made(np.fft.rfftfreq(n, d).astype(kind.numpy), kind, requires_grad)


# windows


def _window(name: str, length: int, periodic: bool, kind: Any, requires_grad: bool, values: Any) -> Tensor:
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    wanted: dtype = default_float() if kind is None else as_dtype(kind)
    if wanted.category != FLOATING:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {wanted.short}")
    if length < 2:
        return made(np.ones(length, wanted.numpy), wanted, requires_grad)
    size = length + 1 if periodic else length
    shape = values(np.arange(size), size - 1)
    return made(shape[:length].astype(wanted.numpy), wanted, requires_grad)


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    values = lambda n, last: 0.5 - 0.5 * np.cos(2 * math.pi * n / last)  # noqa: E731
    return _window("hann_window", window_length, periodic, dtype, requires_grad, values)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
    requires_grad: bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    values = lambda n, last: alpha - beta * np.cos(2 * math.pi * n / last)  # noqa: E731
    return _window("hamming_window", window_length, periodic, dtype, requires_grad, values)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    def values(n: Any, last: int) -> Any:
        return 0.42 - 0.5 * np.cos(2 * math.pi * n / last) + 0.08 * np.cos(4 * math.pi * n / last)

    return _window("blackman_window", window_length, periodic, dtype, requires_grad, values)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    values = lambda n, last: 1 - np.abs(2 * n / last - 1)  # noqa: E731
    return _window("bartlett_window", window_length, periodic, dtype, requires_grad, values)


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, requires_grad: bool = False,
    **options: Any,
) -> Tensor:  # fmt: skip
    values = lambda n, last: np.i0(beta * np.sqrt(np.maximum(1 - (2 * n / last - 1) ** 2, 0))) / np.i0(beta)  # noqa: E731
    return _window("kaiser_window", window_length, periodic, dtype, requires_grad, values)


# short-time transforms


def stft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Tensor | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Tensor:  # fmt: skip
    if align_to_window is not None:
        raise errors.unsupported("torch.stft(align_to_window=...)")
    imaginary = input._dtype.is_complex or (window is not None and window._dtype.is_complex)
    if return_complex is None:
        if not imaginary:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require "
                "that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    hop, width = hop_length or n_fft // 4, win_length or n_fft
    single = input._array.ndim == 1
    if center:
        input = _centred(input, n_fft, pad_mode)
    wave = input.unsqueeze(0) if single else input
    length = wave._array.shape[1]
    if not 0 < n_fft <= length:
        raise RuntimeError(
            f"stft(torch.{wave._dtype.short}Tensor{list(wave._array.shape)}, n_fft={n_fft}, ...): expected 0 < n_fft <= "
            f"{length}, but got n_fft={n_fft}"
        )
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    frames = 1 + (length - n_fft) // hop
    rows, step = element_strides(wave._array)
    pieces = as_strided(wave, (wave._array.shape[0], frames, n_fft), (rows, hop * step, step))
    if window is not None:
        if window._array.shape != (width,):
            raise RuntimeError(
                f"stft: expected a 1D window tensor of size equal to win_length={width}, but got window with "
                f"size {list(window._array.shape)}"
            )
        if width < n_fft:
            left = (n_fft - width) // 2
            window = pad(window, (left, n_fft - width - left))
        pieces = pieces * window
    elif width < n_fft:
        window = made(np.ones(width), float64).to(wave._dtype.to_real())
        left = (n_fft - width) // 2
        pieces = pieces * pad(window, (left, n_fft - width - left))
    half = not imaginary if onesided is None else onesided
    mode: Norm = "ortho" if normalized else "backward"
    if pieces._dtype.is_complex:
        if half:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        spectrum = _c2c(pieces, (2,), mode, True)
    else:
        spectrum = _r2c(pieces, (2,), mode, half)
    turned = _turned(spectrum)
    result = _without_first(turned) if single else turned
    return result if return_complex else view_as_real(result)


def _centred(input: Tensor, n_fft: int, pad_mode: str) -> Tensor:
    shape = input._array.shape
    wide = input.view((1,) * (3 - len(shape)) + shape)
    around = n_fft // 2
    return pad(wide, (around, around), pad_mode).view(shape[:-1] + (-1,))


def _turned(input: Tensor) -> Tensor:
    """Time and frequency swapped in place, which leaves autograd another node than `transpose` does."""
    value = np.swapaxes(input._array, 1, 2)
    return record("TransposeBackward1", value, (input, lambda grad: grad.transpose(1, 2)), dtype=input._dtype)


def _without_first(input: Tensor) -> Tensor:
    return record("SqueezeBackward4", input._array[0], (input, lambda grad: grad.unsqueeze(0)), dtype=input._dtype)
