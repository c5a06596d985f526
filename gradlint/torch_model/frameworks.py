"""Frameworks (placeholder)."""
LIGHTNING = ("pytorch_lightning.LightningModule", "lightning.LightningModule", "pytorch_lightning.core.LightningModule")


def hook_mode(base: str, method: str) -> "str | None":
    if base.endswith("LightningModule") and method in ("validation_step", "test_step", "predict_step"):
        return "inference"
    return None


def backward_call(cls: str, method: str) -> "int | None":
    return 0 if method in ("manual_backward",) or cls == "accelerate.Accelerator" and method == "backward" else None


def call_mode(name: str) -> "str | None":
    return None


def is_class(name: str) -> bool:
    return name in ("accelerate.Accelerator",)
