"""Makes gru.tflite, a GRU of Keras 3 as TFLite has it, a WHILE, and gru.npz with its weights.

    python tests/data/lite_gru.py

needs tensorflow.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
H, I, T, B = 2, 3, 4, 2


def main() -> None:
    """Write both."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow

    keras.utils.set_random_seed(0)
    given = keras.Input((T, I), batch_size=B, name="x")  # short names make a small file
    layer = keras.layers.GRU(H, return_sequences=True, bias_initializer="random_normal", name="g")
    model = keras.Model(given, layer(given), name="m")
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    (HERE / "gru.tflite").write_bytes(converter.convert())
    names = [f"gru_cell/{weight.name}" for weight in layer.weights]
    np.savez(HERE / "gru.npz", **dict(zip(names, layer.get_weights(), strict=True)))


if __name__ == "__main__":
    main()
