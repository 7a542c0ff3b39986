"""D(diagonal) + Σ_k D(d_k) W_k for exact W_k, with its radius: one matrix product for each row of
the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._bounds import Bound
from gruverify.arithmetic._exactness import Mask, everywhere
from gruverify.arithmetic._rounding import OUTWARD, Rounding
from gruverify.arithmetic._sums import Shares, shares

if TYPE_CHECKING:
    from gruverify.arithmetic._ball import Ball

Floats = npt.NDArray[np.float64]
#: The pairs d_k, W_k, and where each of the two is anything but an exact 0.
Terms: TypeAlias = "Sequence[tuple[Ball, Ball]]"
Counted: TypeAlias = Sequence[tuple[Mask, Mask]]


def rows_combined(terms: Terms, diagonal: Ball | None) -> tuple[Floats, Floats, Bound]:
    """Midpoint, radius before overflow, and Σ_k Π max(1, |factor|), for balls d_k (B, n), W_k (n,
    m), diagonal (B, n).

    An entry sums up one product for each k, and one number more on the diagonal, but for those that
    are exactly 0.
    """
    m: Rounding = terms[0][0].mode
    # All K products of a row at once: a loop over K would write (B, n, m) K times.
    gates = np.stack([d.mid for d, _ in terms], -1)
    weights = np.stack([W.mid for _, W in terms], 1)
    sizes, heavy = np.abs(gates), np.abs(weights)
    mid = _rows(gates, weights)
    weight = _rows(sizes, heavy)
    error = _errors(m, terms, sizes, heavy)
    if diagonal is not None:
        i = np.arange(diagonal.shape[-1])
        mid[..., i, i] += diagonal.mid
        weight[..., i, i] += diagonal.size
        error[..., i, i] += diagonal.rad
    scales = [_scale_of_rows(d, W) for d, W in terms]
    counted = [(d.nonzero, W.nonzero) for d, W in terms]
    if all(one is None and other is None for one, other in counted):
        # Usual weights: one count for all entries, and one more on the diagonal.
        count = _counts(m, len(terms), mid.shape[-2:] if diagonal is not None else None)
        floor = sum(d.factors * scale for (d, _), scale in zip(terms, scales, strict=True))
    else:
        N = _nonzero_terms(terms, counted, diagonal, mid.shape)
        count = shares(m, N, N)
        present = [
            everywhere(d, v.shape)[..., None] * everywhere(W, M.mid.shape)
            for (v, M), (d, W) in _zip(terms, counted)
        ]
        floor = sum(
            v.factors * scale * mask
            for (v, _), scale, mask in zip(terms, scales, present, strict=True)
        )
    return mid, _radius(m, count, mid, weight, error, floor), sum(scales)


def _zip(terms: Terms, counted: Counted) -> Iterator[tuple[tuple[Ball, Ball], tuple[Mask, Mask]]]:
    return zip(terms, counted, strict=True)


def _errors(m: Rounding, terms: Terms, sizes: Floats, heavy: Floats) -> Floats:
    """What is wrong inside the products: d's radius, and a rounding each, unless W is an exact
    power of two there.
    """
    # What d is off by is rounded with its product; W is exact.
    wrong = np.stack([d.rad * (1 + m.u) + np.zeros(d.shape) for d, _ in terms], -1)
    rough = [W.rough for _, W in terms]
    if all(mask is None for mask in rough):
        return _rows(sizes * m.u + wrong, heavy)
    masks = np.stack(
        [everywhere(mask, W.mid.shape) for mask, (_, W) in zip(rough, terms, strict=True)], 1
    )
    return _rows(sizes * m.u, heavy * masks) + _rows(wrong, heavy)


def _nonzero_terms(
    terms: Terms,
    counted: Counted,
    diagonal: Ball | None,
    shape: tuple[int, ...],
) -> Floats:
    gates = np.stack([everywhere(mask, d.shape) for (d, _), (mask, _) in _zip(terms, counted)], -1)
    weights = np.stack(
        [everywhere(mask, W.mid.shape) for (_, W), (_, mask) in _zip(terms, counted)], 1
    )
    count = np.broadcast_to(_rows(gates, weights), shape).copy()
    if diagonal is not None:
        i = np.arange(shape[-1])
        count[..., i, i] += everywhere(diagonal.nonzero, diagonal.shape)
    return count


def _counts(m: Rounding, products: int, diagonal: tuple[int, int] | None) -> Shares:
    if diagonal is None:
        return shares(m, float(products), float(products))
    key = products, diagonal
    if key not in m.remembered:
        N = products + np.eye(*diagonal)
        m.remembered[key] = shares(m, N, N)
    found: Shares = m.remembered[key]
    return found


def _radius(
    m: Rounding, count: Shares, mid: Floats, weight: Floats, error: Floats, floor: Bound
) -> Floats:
    if count.of_stored is None:
        of_weight = count.of_weight
    else:
        # Every term is an operand of its own here, no matrix product: Σ|operand| is Σ|term|.
        of_weight = count.of_weight + count.of_stored
    error += (floor + count.flushed) * (m.eta * OUTWARD)
    rad = error * count.of_error
    rad += np.abs(mid) * count.of_sum
    rad += weight * of_weight
    return np.asarray(rad)


def _rows(d: Floats, W: Floats) -> Floats:
    """Σ_k D(d_k) W_k from d (B, n, K) and W (n, K, m), as one matrix product for each row: (B, n,
    m).
    """
    return np.asarray(np.matmul(d.swapaxes(0, 1), W).swapaxes(0, 1))


def _scale_of_rows(d: Ball, W: Ball) -> Bound:
    """Π max(1, |factor|) over d's own factors and W, for D(d) W."""
    scale = d.scaled()
    return (scale[..., None] if isinstance(scale, np.ndarray) else scale) * W.scaled()
