"""Which GRU: the declared conventions (theory.md, head)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Reset: TypeAlias = Literal["after", "before"]
Update: TypeAlias = Literal["keep", "replace"]
Biases: TypeAlias = Literal["both", "none", "input", "recurrent", "merged", "input+candidate"]

#: The gates r, z, c of which a form has the input bias, and those of which it has the recurrent
#: bias.
_GATES: dict[str, tuple[str, str]] = {
    "both": ("rzc", "rzc"),
    "none": ("", ""),
    "input": ("rzc", ""),
    "recurrent": ("", "rzc"),
    "input+candidate": ("rzc", "c"),
}
#: The forms, PyTorch's first; "merged" is another word for "input".
BIAS_FORMS: tuple[str, ...] = tuple(_GATES)
_WORDS = {
    "both": "",
    "none": ", no bias",
    "input": ", bias_ih alone",
    "recurrent": ", bias_hh alone",
    "input+candidate": ", bias_ih and bias_hh of the candidate",
}


@dataclass(frozen=True, order=True, init=False, repr=False)
class Variant:
    """The conventions of a GRU. They are always declared, never guessed.

    Attributes:
        reset: "after" the recurrent product (PyTorch, cuDNN, Keras `reset_after=True`, ONNX
            `linear_before_reset=1`) or "before" it (Cho et al. 2014 v3, Keras `reset_after=False`,
            the ONNX default).
        update: z multiplies the old state, "keep" (Cho et al. 2014, PyTorch, Keras, ONNX), or the
            candidate, "replace" (Chung et al. 2014).
        biases: Which of the two bias vectors the cell has: "both"; "none"; "input", bias_ih alone
            (Flax nnx); "recurrent", bias_hh alone; "input+candidate", bias_ih and the candidate's
            part of bias_hh (Equinox, MLX, ncnn). "merged", one bias per gate outside the reset
            product, is the same function as "input" and becomes it.
        bias: Whether there are biases, for short: True is "both", False is "none".

    Raises:
        ValueError: An argument is none of the words above, or `bias` contradicts `biases`.
    """

    reset: Reset = "after"
    update: Update = "keep"
    biases: Biases = "both"

    def __init__(
        self,
        reset: Reset = "after",
        update: Update = "keep",
        bias: bool | None = None,
        biases: Biases | None = None,
    ) -> None:
        _require(reset, update, bias, biases)
        if biases is None:
            if bias is not None and not bias:
                form: str = "none"
            else:
                form = "both"
        else:
            form = "input" if biases == "merged" else biases
        if bias is not None and bool(bias) != (form != "none"):
            raise ValueError(f"bias={bias!r} contradicts biases={biases!r}: give biases alone")
        for name, value in {"reset": reset, "update": update, "biases": form}.items():
            object.__setattr__(self, name, value)
        # How much was said of biases: a backend may declare them for variants that say nothing of
        # them.
        object.__setattr__(
            self, "_said", "biases" if biases is not None else "bias" if bias is not None else ""
        )

    @property
    def bias(self) -> bool:
        """Whether the cell has any bias."""
        return self.biases != "none"

    @property
    def input_bias(self) -> bool:
        """Whether the cell has bias_ih."""
        return bool(_GATES[self.biases][0])

    def has(self, block: str) -> bool:
        """Whether the cell has a block of parameters, such as "W_xr" or "b_hc"; what it lacks is 0
        in packed arrays.
        """
        input_side, recurrent_side = _GATES[self.biases]
        sides = {"b_x": input_side, "b_h": recurrent_side}
        return block[:3] not in sides or block[3] in sides[block[:3]]

    def mask(self, packed: str) -> tuple[bool, bool, bool]:
        """Of which gates r, z, c the cell has its part of a packed array, such as "bias_hh"."""
        if not packed.startswith("bias"):
            return True, True, True
        side = _GATES[self.biases][packed.startswith("bias_hh")]
        return "r" in side, "z" in side, "c" in side

    def with_biases(self, biases: Biases) -> Variant:
        """The same conventions with these biases, unless the variant was made with others.

        Raises:
            ValueError: it was.
        """
        other = Variant(self.reset, self.update, biases=biases)
        said: str = getattr(self, "_said", "")
        if (said == "bias" and self.bias != other.bias) or (said == "biases" and self != other):
            raise ValueError(f"biases={biases!r} contradicts {self!r}: leave one of the two out")
        return other

    def __str__(self) -> str:
        return f"reset {self.reset}, {self.update}{_WORDS[self.biases]}"

    def __repr__(self) -> str:
        if self.biases in ("both", "none"):
            biases = f"bias={self.bias}"
        else:
            biases = f"biases={self.biases!r}"
        return f"Variant(reset={self.reset!r}, update={self.update!r}, {biases})"


def _require(reset: object, update: object, bias: object, biases: object) -> None:
    """Raise ValueError unless each is one of its words."""
    if reset not in ("after", "before"):
        raise ValueError(f'reset={reset!r} must be "after" or "before" (the recurrent product)')
    if update not in ("keep", "replace"):
        raise ValueError(
            f'update={update!r} must be "keep" (z multiplies the old state) or "replace" (the '
            "candidate)"
        )
    if bias not in (None, True, False):
        raise ValueError(
            f"bias={bias!r} must be True or False: say which biases there are as biases="
        )
    if biases is not None and biases != "merged" and biases not in BIAS_FORMS:
        raise ValueError(
            f"biases={biases!r} must be one of {', '.join(map(repr, (*BIAS_FORMS, 'merged')))}"
        )


#: The variants with both biases or none, PyTorch's first.
VARIANTS: tuple[Variant, ...] = tuple(
    Variant(reset, update, bias)
    for bias in (True, False)
    for update in ("keep", "replace")
    for reset in ("after", "before")
)
#: Those of which some biases are missing.
PARTLY_BIASED: tuple[Variant, ...] = tuple(
    Variant(variant.reset, variant.update, biases=biases)
    for biases in ("input", "recurrent", "input+candidate")
    for variant in VARIANTS[:4]
)
