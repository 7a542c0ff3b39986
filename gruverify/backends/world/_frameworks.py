"""The targets that are layers of a framework."""

from __future__ import annotations

from gruverify.backends._target import Target
from gruverify.backends.world._installed import JAX, KERAS, PADDLE, TORCH, built

FRAMEWORKS: tuple[Target, ...] = (
    Target(
        "flax",
        "Flax linen's GRUCell, RNN and Bidirectional",
        "flax",
        built("_flax"),
        f"flax==0.12.8 {JAX}",
    ),
    Target("flax:nnx", "Flax nnx's GRUCell and RNN", "flax", built("_nnx"), f"flax==0.12.8 {JAX}"),
    Target("equinox", "Equinox's GRUCell", "equinox", built("_equinox"), f"equinox==0.13.8 {JAX}"),
    Target(
        "haiku",
        "Haiku's GRU and dynamic_unroll",
        "haiku",
        built("_haiku"),
        f"dm-haiku==0.0.17 {JAX}",
    ),
    Target(
        "keras",
        "Keras's GRUCell, GRU and Bidirectional on JAX",
        "keras",
        built("_keras"),
        f"{KERAS} {JAX}",
    ),
    Target(
        "keras:torch",
        "Keras's GRU and Bidirectional on PyTorch",
        "keras",
        built("_keras_torch"),
        f"{KERAS} {TORCH}",
    ),
    Target(
        "torchrl",
        "TorchRL's GRUCell and GRU",
        "torchrl",
        built("_torchrl"),
        f"torchrl==0.14.1 {TORCH}",
    ),
    Target("opacus", "Opacus's DPGRU", "opacus", built("_opacus"), f"opacus==1.6.0 {TORCH}"),
    Target(
        "paddle",
        "PaddlePaddle's GRU",
        "paddle",
        built("_paddle"),
        PADDLE,
    ),
    Target(
        "paddle:cell",
        "PaddlePaddle's GRUCell",
        "paddle",
        built("_paddle_cell"),
        PADDLE,
    ),
    Target("mlx", "MLX's GRU on the CPU", "mlx", built("_mlx"), "mlx==0.32.4 mlx-cpu==0.32.4"),
    Target("ncnn", "ncnn's GRU", "ncnn", built("_ncnn"), "ncnn==1.0.20261020"),
)
