"""The targets that are layers of other frameworks than JAX."""

from __future__ import annotations

from gruverify.backends._target import Target
from gruverify.backends.world._installed import KERAS, PADDLE, TORCH, built

FRAMEWORKS: tuple[Target, ...] = (
    Target(
        "keras:torch",
        "Keras's GRU and Bidirectional on PyTorch",
        "keras",
        built("_keras_torch"),
        f"{KERAS} {TORCH}",
        places="torch",
    ),
    Target(
        "torchrl",
        "TorchRL's GRUCell and GRU",
        "torchrl",
        built("_torchrl"),
        f"torchrl==0.14.1 {TORCH}",
        places="torch",
    ),
    Target(
        "opacus",
        "Opacus's DPGRU",
        "opacus",
        built("_opacus"),
        f"opacus==1.6.0 {TORCH}",
        places="torch",
    ),
    Target("paddle", "PaddlePaddle's GRU", "paddle", built("_paddle"), PADDLE),
    Target("paddle:cell", "PaddlePaddle's GRUCell", "paddle", built("_paddle_cell"), PADDLE),
    Target("mlx", "MLX's GRU on the CPU", "mlx", built("_mlx"), "mlx==0.32.4 mlx-cpu==0.32.4"),
    Target("ncnn", "ncnn's GRU", "ncnn", built("_ncnn"), "ncnn==1.0.20261020"),
)
