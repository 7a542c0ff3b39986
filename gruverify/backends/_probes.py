"""What a machine decides, found out by asking it."""

from __future__ import annotations

from functools import cache


@cache
def bfloat16_products_flush(device: str = "cpu") -> bool:
    """Whether PyTorch's bfloat16 matrix products on a device take numbers below the smallest normal
    for 0.

    Processors with AVX512_BF16 do, whatever the flag says, in those kernels that long sums take:
    256 products 2^-132 then add up to 0 and not to 2^-124, which is a normal number.
    """
    import torch

    small = torch.full((8, 256), 2.0**-66, dtype=torch.bfloat16, device=device)
    return any(not bool((small[:rows] @ small.T).all()) for rows in (1, 8))


def pytorch_subnormals(device: str = "cpu") -> bool | dict[str, bool]:
    """What is declared, on a device, of numbers below the smallest normal that PyTorch computes."""
    if bfloat16_products_flush(device):
        return {"bfloat16": False}
    return True
