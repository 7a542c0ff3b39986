"""`keras:tensorflow`: GRUCell, GRU and Bidirectional of Keras on its TensorFlow backend,
reset_after both ways, masks as lengths.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it finds on the machine is no news

import tensorflow as tf

from gruverify.arithmetic import FORMATS
from gruverify.backends._derived import redeclared
from gruverify.backends._protocol import Backend
from gruverify.backends._taped import Function
from gruverify.backends._taped_masks import TapedMasks
from gruverify.backends.contract import NDArray
from gruverify.backends.world._keras_layers import VARIANTS, masked, require, stack


def build() -> Backend:
    """What a GradientTape records, executed at once. TensorFlow flushes on the CPU; float16 it
    computes in float32, where its smallest numbers are ordinary ones. σ and tanh are those of
    `tensorflow:block`.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    require("tensorflow")
    found = TapedMasks(
        "keras:tensorflow",
        "keras",
        VARIANTS,
        FORMATS,
        _Engine(),
        stack,
        unbatched=False,
        plain_masked=masked,
        masked_outputs="zero",
        subnormals={"bfloat16": False, "float32": False, "float64": False},
    )
    return redeclared(found, {"kappa_sigma": {"float32": 9}, "kappa_tanh": {"float32": 6}})


class _Engine:
    """Functions of tensors of TensorFlow, and a tape of them."""

    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        return [found.numpy().copy() for found in function(list(map(tf.constant, given)))]

    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        leaves = list(map(tf.constant, given))
        with tf.GradientTape() as tape:
            for leaf in leaves:
                tape.watch(leaf)
            answers = function(leaves)
        found = tape.gradient(
            answers, leaves, list(map(tf.constant, cotangents)), unconnected_gradients="zero"
        )
        return [tf.convert_to_tensor(each).numpy().copy() for each in found]
