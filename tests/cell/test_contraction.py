"""The certificate of (6.2) is a bound, as it is computed."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from gruverify import Cell, Variant
from gruverify.cell import contraction_rate

pytestmark = pytest.mark.uncounted

PLACES = 60


def exact_rate(cell: Cell) -> mp.mpf:
    """(6.2) in so many digits that none of it rounds, for inputs within 1."""

    def norm(W: np.ndarray) -> mp.mpf:
        return max(mp.fsum(map(abs, row)) for row in W.tolist())

    def reach(W_x: np.ndarray, W_h: np.ndarray, b: list[mp.mpf]) -> mp.mpf:
        rows = zip(W_x.tolist(), W_h.tolist(), b, strict=True)
        return max(mp.fsum(map(abs, [*x, *h, bias])) for x, h, bias in rows)

    def added(a: np.ndarray, b: np.ndarray) -> list[mp.mpf]:
        return [mp.mpf(x) + mp.mpf(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]

    p = cell.parameters(lambda array: array)
    N_r, N_z, N_c = norm(p.W_hr), norm(p.W_hz), norm(p.W_hc)
    r, z = (
        1 / (1 + mp.exp(-reach(W_x, W_h, added(b, c))))
        for W_x, W_h, b, c in (
            (p.W_xr, p.W_hr, p.b_xr, p.b_hr),
            (p.W_xz, p.W_hz, p.b_xz, p.b_hz),
        )
    )
    if cell.variant.reset == "after":
        beta = max(map(abs, added(p.b_hc, 0 * p.b_hc)))
        L_c = N_c * (r + N_r / 4) + beta * N_r / 4
        inner = reach(p.W_xc, 0 * p.W_hc, added(p.b_xc, 0 * p.b_xc)) + r * (N_c + beta)
    else:
        L_c = N_c * (r + N_r / 4)
        inner = reach(p.W_xc, p.W_hc, added(p.b_xc, p.b_hc))
    return max(z + (1 - z) * L_c, 1 - z + z * L_c) + (1 + mp.tanh(inner)) * N_z / 4


@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("H", [1, 3, 64])
def test_no_rate_is_below_the_exact_one(reset: str, H: int) -> None:
    rng = np.random.default_rng(H)
    with mp.workdps(PLACES):
        for _ in range(20):
            arrays = (
                rng.uniform(-0.2 / H, 0.2 / H, shape)
                for shape in ((3 * H, H), (3 * H, H), 3 * H, 3 * H)
            )
            cell = Cell(Variant(reset), *arrays)
            exact = exact_rate(cell)
            assert exact <= contraction_rate(cell) <= exact * (1 + mp.mpf(2) ** -40)
