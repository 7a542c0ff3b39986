"""The same backend over NumPy as it is and behind an adapter, both asked for the same methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from gruverify import float32
from gruverify.backends import EVERY_METHOD, Backend, completed, declarations_of, offers
from gruverify.cell import LAYOUTS, PACKED, AnyCase, Cell, Variant
from gruverify.engine import streams_for


class Pair(NamedTuple):
    """A backend in two ways, each built anew when called, for it may have a memory.

    place: what it is put behind. drawn_for: what cases are drawn for. declared: plainly, with the
    declarations of the adapter, which leave out questions and widen bounds.
    """

    place: str
    drawn_for: Backend
    plain: Callable[[], Backend]
    declared: Callable[[], Backend]
    behind: Callable[[], Backend]


def cases_for(backend: Backend, number: int) -> list[AnyCase]:
    """The first cases of a run, of cells and of stacks."""
    found: list[AnyCase] = []
    for stream in streams_for(backend, float32, 0, number):
        stream.draw(found.append)
    return found


def pair_of_jax(
    build: Callable[[], Backend], turn: int = 0, shapes: Literal["few", "any"] = "few"
) -> Pair | None:
    """Behind the adapter of JAX, arranged by turns as one of its libraries that have such a
    variant; None if none has. shapes: few is what it declares, for it compiles for each.
    """
    from ._behind_jax import PLACES, behind_jax
    from ._given_by_jax import methods_as_given

    fit = [place for place in PLACES if _has(build(), place[1])]
    if not fit or not _is_usual(build()):
        return None
    layout, variant = fit[turn % len(fit)]

    def given(**declared: Any) -> Any:
        made = completed(build())
        same = {"masked_outputs": "zero", "zoneout": None, "min_length": 1}
        instead = {**dict(methods_as_given(made)), **same, **declared}
        return _Asked(made, EVERY_METHOD, [variant], **instead)

    # What a fault lacks its library lacks, and so does the fault what the adapter does not ask for.
    like = behind_jax(given(), layout, variant)
    shared = [method for method in EVERY_METHOD if offers(given(), method) and offers(like, method)]

    def behind() -> Backend:
        inner = given()
        adapter = behind_jax(inner, layout, variant)
        declared = {"kappa_sigma": _accuracy(inner), "shapes": shapes}
        return _Asked(adapter, shared, [variant], **declared)

    def plain(*names: str) -> Backend:
        declared = {name: getattr(like, name) for name in ("unbatched", *names)}
        if "shapes" in declared:
            declared["shapes"] = shapes
        return _Asked(given(), shared, [variant], **declared)

    of_adapter = partial(plain, "shapes", "subnormals", "sums_in_format")
    return Pair(f"{layout}: {variant}", behind(), plain, of_adapter, behind)


def pair_of_onnx(build: Callable[[], Backend]) -> Pair | None:
    """Behind the adapter of ONNX, which declares nothing of numbers; None if it has no such
    variant.
    """
    from ._behind_onnx import behind_onnx
    from ._layers import layer_by_layer

    like = completed(build())
    variants = [variant for variant in LAYOUTS["onnx"].variants if variant in like.variants]
    if not (variants and offers(like, "sequence") and _is_usual(like)):
        return None

    def given() -> Any:
        made = completed(build())
        instead = {"unbatched": False, "zoneout": None, "min_length": 1}
        return _Asked(made, ["stack"], variants, stack=layer_by_layer(made), **instead)

    def plain() -> Backend:
        # What a runtime offers besides follows from its stacks.
        return completed(given())

    def behind() -> Backend:
        inner = given()
        asked = _Asked(behind_onnx(inner), ["stack"], variants, kappa_sigma=_accuracy(inner))
        return completed(asked)

    return Pair("onnx", behind(), plain, plain, behind)


class _Asked:
    """A backend of which some methods are asked, in some variants; what is given besides stands in
    place of its attributes.
    """

    formats = (float32,)

    def __init__(
        self, backend: Any, methods: Sequence[str], variants: Sequence[Variant], **instead: Any
    ) -> None:
        self.name, self.variants = backend.name, variants
        self._backend, self._methods, self._instead = backend, methods, instead

    def __getattr__(self, name: str) -> Any:
        if name in EVERY_METHOD and name not in self._methods:
            raise AttributeError(name)
        if name in self._instead:
            return self._instead[name]
        return getattr(self._backend, name)


def _has(backend: Backend, variant: Variant) -> bool:
    """Whether there is such a backend, but for biases that the variant lacks."""
    if Variant(variant.reset, variant.update, variant.bias) not in backend.variants:
        return False
    weights = [np.ones((6, 2), np.float32), np.ones((6, 2), np.float32)]
    biases = [np.repeat(variant.mask(name), 2).astype(np.float32) for name in PACKED[2:]]
    cell = Cell(variant, *weights, *(biases if variant.bias else ()))
    try:
        completed(backend).step(cell, weights[0][:1], weights[1][:1])  # type: ignore[attr-defined]
    except ValueError:  # it moves a bias to where the variant has none
        return False
    return True


def _is_usual(backend: Backend) -> bool:
    """Whether its activation functions are: the adapters have no others."""
    return not declarations_of(backend).other_functions


def _accuracy(backend: Any) -> Any:
    """That of σ: the one declaration of a fault that is true of it behind an adapter, too."""
    return getattr(backend, "kappa_sigma", None)
