"""Which GRU: the declared conventions (theory.md, head)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Reset: TypeAlias = Literal["after", "before"]
Update: TypeAlias = Literal["keep", "replace"]


@dataclass(frozen=True, order=True)
class Variant:
    """The conventions of a GRU. They are always declared, never guessed.

    reset: "after" the recurrent product (PyTorch, cuDNN, Keras `reset_after=True`, ONNX `linear_before_reset=1`) or
        "before" it (Cho et al. 2014 v3, Keras `reset_after=False`, the ONNX default).
    update: z multiplies the old state, "keep" (Cho et al. 2014, PyTorch, Keras, ONNX), or the candidate, "replace"
        (Chung et al. 2014).
    bias: whether the cell has its two bias vectors.

    Raises:
        ValueError: `reset` or `update` is none of the words above.
    """

    reset: Reset = "after"
    update: Update = "keep"
    bias: bool = True

    def __post_init__(self) -> None:
        if self.reset not in ("after", "before"):
            raise ValueError(f'reset={self.reset!r} must be "after" or "before" (the recurrent product)')
        if self.update not in ("keep", "replace"):
            raise ValueError(
                f'update={self.update!r} must be "keep" (z multiplies the old state) or "replace" (the candidate)'
            )

    def __str__(self) -> str:
        return f"reset {self.reset}, {self.update}" + ("" if self.bias else ", no bias")


#: Every variant, PyTorch's first.
VARIANTS: tuple[Variant, ...] = tuple(
    Variant(reset, update, bias)
    for bias in (True, False)
    for update in ("keep", "replace")
    for reset in ("after", "before")
)
