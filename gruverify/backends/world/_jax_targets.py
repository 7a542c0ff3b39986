"""The targets that JAX computes."""

from __future__ import annotations

from functools import partial

from gruverify.backends._target import Target
from gruverify.backends.world._installed import JAX, KERAS, built

_target = partial(Target, places="jax")

JAX_TARGETS: tuple[Target, ...] = (
    _target(
        "flax",
        "Flax linen's GRUCell, RNN and Bidirectional",
        "flax",
        built("_flax"),
        f"flax==0.12.8 {JAX}",
    ),
    _target("flax:nnx", "Flax nnx's GRUCell and RNN", "flax", built("_nnx"), f"flax==0.12.8 {JAX}"),
    _target("equinox", "Equinox's GRUCell", "equinox", built("_equinox"), f"equinox==0.13.8 {JAX}"),
    _target(
        "haiku",
        "Haiku's GRU and dynamic_unroll",
        "haiku",
        built("_haiku"),
        f"dm-haiku==0.0.17 {JAX}",
    ),
    _target(
        "keras",
        "Keras's GRUCell, GRU and Bidirectional on JAX",
        "keras",
        built("_keras"),
        f"{KERAS} {JAX}",
        beside="jax",
    ),
)
