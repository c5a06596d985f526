"""Bytes that a source must hold for several rules to fire."""

from __future__ import annotations

from string import ascii_lowercase, digits

IN_PLACE = (
    *(f"{last}_(".encode() for last in ascii_lowercase + digits),
    *(b"+=", b"-=", b"*=", b"/=", b"%=", b"@=", b"&=", b"|=", b"^=", b"<<=", b">>=", b"] =", b"]=", b"inplace", b"out="),
)  # fmt: skip
"""In-place methods, whose names end in one underscore, augmented assignments, assignments to an index."""

INFERENCE = (b"inference_mode", b"InferenceMode", b"predict_step", b"test_step", b"validation_step")
"""What makes inference tensors: the mode, and the hooks that frameworks run in it."""
