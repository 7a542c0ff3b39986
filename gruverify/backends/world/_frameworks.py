"""The targets that are layers of other frameworks than JAX."""

from __future__ import annotations

from functools import partial

from gruverify.backends._target import Target
from gruverify.backends.world._installed import KERAS, PADDLE, TENSORFLOW, TORCH, built

_of_torch = partial(Target, places="torch")

FRAMEWORKS: tuple[Target, ...] = (
    _of_torch(
        "keras:torch",
        "Keras's GRU and Bidirectional on PyTorch",
        "keras",
        built("_keras_torch"),
        f"{KERAS} {TORCH}",
        beside="torch",
    ),
    Target(
        "keras:tensorflow",
        "Keras's GRU and Bidirectional on TensorFlow",
        "tensorflow",
        built("_keras_tensorflow"),
        f"{KERAS} {TENSORFLOW}",
    ),
    Target(
        "tensorflow:block",
        "TensorFlow's operation GRUBlockCell",
        "tensorflow",
        built("_tensorflow_block"),
        TENSORFLOW,
    ),
    _of_torch(
        "torchrl",
        "TorchRL's GRUCell and GRU",
        "torchrl",
        built("_torchrl"),
        f"torchrl==0.14.1 {TORCH}",
    ),
    _of_torch(
        "torchrl:scan",
        "TorchRL's GRUModule as a scan along time",
        "torchrl",
        built("_torchrl_scan"),
        f"torchrl==0.14.1 {TORCH}",
    ),
    _of_torch("opacus", "Opacus's DPGRU", "opacus", built("_opacus"), f"opacus==1.6.0 {TORCH}"),
    Target("paddle", "PaddlePaddle's GRU", "paddle", built("_paddle"), PADDLE),
    Target("paddle:cell", "PaddlePaddle's GRUCell", "paddle", built("_paddle_cell"), PADDLE),
    Target(
        "torch:quantized",
        "nn.GRU quantised dynamically by torch.ao, eight bits",
        "torch",
        built("_torch_quantized"),
        TORCH,
    ),
    Target(
        "torch:quantized:f16",
        "nn.GRU quantised dynamically by torch.ao, weights in float16",
        "torch",
        built("_torch_quantized", "build_f16"),
        TORCH,
    ),
    Target(
        "executorch",
        "nn.GRU lowered by ExecuTorch, run by portable kernels",
        "executorch",
        built("_executorch"),
        f"executorch==1.5.1 {TORCH}",
    ),
    Target("mlx", "MLX's GRU on the CPU", "mlx", built("_mlx"), "mlx==0.32.4 mlx-cpu==0.32.4"),
    Target("ncnn", "ncnn's GRU", "ncnn", built("_ncnn"), "ncnn==1.0.20261020"),
)
