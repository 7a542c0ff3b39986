"""Certificates of random cells: how many have one, whether the second checker confirms each, and
whether one is ever given to a cell that does not contract.

    python tests/campaigns/certificates.py --cells 1000

A cell whose Jacobian has a spectral radius above 1 somewhere contracts in no norm; it exits with 1
if such a cell is certified, or a certificate is not confirmed. It needs python-flint.
"""

from __future__ import annotations

import argparse

import numpy as np

from gruverify import Cell, Variant
from gruverify.cell import contraction_rate
from gruverify.certifying import Refuted, certificate_of, check_certificate
from gruverify.formulas import activations, jacobian

VARIANTS = [
    Variant(reset, update) for reset in ("after", "before") for update in ("keep", "replace")
]
#: Points at which a Jacobian is looked at.
POINTS = 200


def cell(variant: Variant, scale: float, rng: np.random.Generator) -> Cell:
    """A cell of up to 8 units and 5 inputs, with normal weights of that scale."""
    H, I = (int(rng.integers(1, most)) for most in (9, 6))
    return Cell(
        variant,
        rng.normal(size=(3 * H, I), scale=scale / np.sqrt(I)),
        rng.normal(size=(3 * H, H), scale=scale / np.sqrt(H)),
        rng.normal(size=3 * H, scale=scale),
        rng.normal(size=3 * H, scale=scale),
    )


def expands(one: Cell, rng: np.random.Generator) -> bool:
    """Whether the spectral radius of the Jacobian is above 1 at some state and input."""
    p = one.parameters(lambda array: array)
    x = rng.uniform(-1, 1, (POINTS, one.input_size))
    h = rng.uniform(-1, 1, (POINTS, one.hidden_size))
    found, _ = jacobian(one.variant, p, activations(one.variant, p, x, h))
    return bool(np.abs(np.linalg.eigvals(found)).max() > 1)


def main() -> None:
    """Draw, certify, check and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1000)
    count, rng = parser.parse_args().cells, np.random.default_rng(0)
    plain = certified = refuted = expanding = wrong = drawn = 0
    while certified < count or expanding < count:
        variant = VARIANTS[drawn % 4]
        scale = rng.uniform(0.05, 0.6) if certified < count else rng.uniform(1.0, 4.0)
        one, drawn = cell(variant, scale, rng), drawn + 1
        certificate, grows = certificate_of(one), expands(one, rng)
        expanding, wrong = expanding + grows, wrong + (grows and certificate.certifies)
        if certificate.certifies and certified < count:
            certified += 1
            try:
                check_certificate(one, certificate)
            except Refuted as why:
                refuted += 1
                print(why)
        if certified <= count and scale < 1:
            plain += contraction_rate(one) < 1
    print(
        f"{certified} certified ({plain} by the norm of the largest entry), {refuted} not confirmed"
    )
    print(f"{expanding} that expand somewhere, {wrong} of them certified")
    raise SystemExit(bool(refuted or wrong))


if __name__ == "__main__":
    main()
