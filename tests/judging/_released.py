"""Test vectors that others released, as numbers: what a GRU is given, and what it should return.

Each set names its source. Weights are in ONNX' layout, W (D, 3H, I), R (D, 3H, H) and B (D, 6H),
gates in the order z, r, h; inputs (T, B, I), states (D, B, H), outputs (T, D, B, H) and last states
(D, B, H), None where the set expects nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray

USUAL = ("sigmoid", "tanh")


@dataclass(frozen=True, eq=False)
class Vector:
    """One test, of the name that it has there."""

    name: str
    weights: dict[str, NDArray]
    inputs: NDArray
    outputs: NDArray | None = None
    last: NDArray | None = None
    state: NDArray | None = None
    lengths: tuple[int, ...] | None = None
    reset: str = "before"
    direction: str = "forward"
    activations: Any = USUAL


def _array(numbers: Any, *shape: int) -> NDArray:
    return np.array(numbers, np.float32).reshape(shape)


def _weights(W: Any, R: Any, B: Any, H: int, I: int, directions: int = 1) -> dict[str, NDArray]:
    """The same for each direction, where there are two."""
    one = {"W": _array(W, 1, 3 * H, I), "R": _array(R, 1, 3 * H, H)}
    if B is not None:
        one["B"] = _array(B, 1, 6 * H)
    return {leaf: np.repeat(array, directions, 0) for leaf, array in one.items()}


# web-platform-tests, webnn/conformance_tests/gru.https.any.js and gru_cell.https.any.js, whose
# tolerance is 3 ULP of float32: 3 vectors, the others are the same with options spelled out.
_RELU = ("relu", "relu")
_WEBNN_BIAS = [1, 2, 1, 2, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]
_WEBNN = _weights([1, -1, 2, -2, 0.5, -0.5, 0, 0.1] * 3, [0.1] * 48, _WEBNN_BIAS * 2, 4, 2)
_ONE_STEP = [0, 0, -0.25, -3.84, -4, -15, -2.25, -3.41, -1, -3, -1, -3.41]
_TWO_STEPS = [
    *(0, 0, -0.24974998831748963, -18.59588623046875),
    *(-2.0657243728637697, -10.551867485046387, -1.3937838077545167, -15.2454833984375),
    *(-1.1589999198913575, -9.476999282836914, -1.1589999198913575, -11.319169044494629),
]
_SECOND_STEP = [0, 0, -0.25, -4.760000228881836, 0, 0, -0.25, -3.8399999141693117]
_SECOND_STEP += [-1, -3, -1, -3.4100000858306886]
_WEBNN_X = [1, 2, 2, 1, 1, 1, 3, 4, 1, 2, 1, 1]
WEBNN = (
    Vector(
        "steps=1",
        _WEBNN,
        _array(_WEBNN_X[:6], 1, 3, 2),
        _array(_ONE_STEP, 1, 1, 3, 4),
        activations=_RELU,
    ),
    Vector(
        "steps=2, backward",
        _WEBNN,
        _array(_WEBNN_X, 2, 3, 2),
        _array(_TWO_STEPS + _SECOND_STEP, 2, 1, 3, 4),
        _array(_TWO_STEPS, 1, 3, 4),
        direction="reverse",
        activations=_RELU,
    ),
)
#: The first of these as it was until the tests said resetAfter: false, whose default is true.
WEBNN_BEFORE = Vector(
    "steps=1, resetAfter not given",
    _WEBNN,
    _array(_WEBNN_X[:6], 1, 3, 2),
    _array(_ONE_STEP, 1, 1, 3, 4),
    reset="after",
    activations=_RELU,
)

# TensorFlow, tensorflow/lite/kernels/unidirectional_sequence_gru_test.cc: columns of weights are
# those of the input, then of the state; its two gates are r, then z.
_LITE_GATES = _array(
    [
        *(0.7256918, 0.8945897, 0.03285786, 0.42637166, 0.119376324),
        *(0.83035135, 0.16997327, 0.42302176, 0.77598256, 0.2660894),
        *(0.9587266, 0.6218451, 0.88164485, 0.12272458, 0.2699055),
        *(0.18399088, 0.21930052, 0.3374841, 0.70866305, 0.9523419),
        *(0.25170696, 0.60988617, 0.79823977, 0.64477515, 0.2602957),
        *(0.5053131, 0.93722224, 0.8451359, 0.97905475, 0.38669217),
        *(0.96165305, 0.95572084, 0.11534478, 0.96965164, 0.33562955),
        *(0.8680755, 0.003066936, 0.057793964, 0.8671354, 0.33354893),
        *(0.7313398, 0.78492093, 0.19530584, 0.116550304, 0.13599132),
    ],
    *(9, 5),
)
_LITE_BIAS = [0.032708533, 0.018445263, 0.15320699, 0.8163046, 0.26683575, 0.1412022]
_LITE_BIAS += [0.89837056, 0.54769796, 0.63364106]


def _gates_exchanged(rows: Any) -> NDArray:
    """Rows of r, z, h as z, r, h."""
    r, z, h = np.split(np.asarray(rows), 3)
    return np.concatenate([z, r, h])


_LITE_OUTPUTS = [
    *(0.20112592, 0.45286041, 0.80842507, 0.59567153, 0.2619998, 0.22922856),
    *(0.27715868, 0.5247152, 0.82300174, 0.65812796, 0.38217607, 0.3401444),
]
TFLITE = (
    Vector(
        "SimpleTest",
        _weights(
            _gates_exchanged(_LITE_GATES[:, :2]),
            _gates_exchanged(_LITE_GATES[:, 2:]),
            [*_gates_exchanged(_LITE_BIAS), *[0] * 9],
            *(3, 2),
        ),
        _array(
            [
                *(0.89495724, 0.34482682, 0.68505806, 0.7135783),
                *(0.3167085, 0.93647677, 0.47361764, 0.39643127),
            ],
            *(2, 2, 2),
        ),
        _array(_LITE_OUTPUTS, 2, 1, 2, 3),
        state=_array(
            [0.09992421, 0.3028481, 0.78305984, 0.50438094, 0.11269058, 0.10244724], 1, 2, 3
        ),
    ),
)

# ONNX Runtime, onnxruntime/test/providers/cpu/rnn/deep_cpu_gru_op_test.cc.
_SIMPLE = [0.1, 0.2, 0.3, 1, 2, 3, 10, 11, 12]
_FORWARD = [0.4750208, 0.450166, 0.4255575, 0.45016602, 0.40131235, 0.35434368]
_FORWARD_2 = [0.6027093, 0.5083023, 0.44950223, 0.5754369, 0.45485455, 0.3747841]
_REVERSE = [0.6082785, 0.50623393, 0.4426924, 0.5803454, 0.4527356, 0.36886263]
_REVERSE_2 = [0.26894143, 0.11920292, 0.04742587, 0.24973989, 0.09975048, 0.03557118]
_BIASED = _weights(
    [0.1, 0.2, 0.3, 0.2, 0.3, 0.1, 0.3, 0.1, 0.2],
    [0.1] * 27,
    [
        *(-0.01, 0.1, 0.01, -0.2, -0.02, 0.02, 0.3, -0.3, -0.3),
        *(-0.03, 0.5, -0.7, 0.05, -0.7, 0.3, 0.07, -0.03, 0.5),
    ],
    *(3, 1),
)
_BIASED_X = _array([-0.1, 0.2, -0.3, 0.4], 2, 2, 1)
_LEGACY = (
    [
        *(-0.494659, 0.0453352, -0.487793, 0.417264, -0.0091708, -0.255364),
        *(-0.106952, -0.266717, -0.0888852, -0.428709, -0.283349, 0.208792),
    ],
    [
        *(0.146626, -0.0620289, -0.0815302, 0.100482, -0.228172, 0.405972),
        *(0.31576, 0.281487, -0.394864, 0.42111, -0.386624, -0.390225),
    ],
    [0.381619, 0.0323954, -0.258721, 0.45056, -0.250755, 0.0967895] + [0] * 6,
)
_ONE = _weights(*_LEGACY, 2, 2)
_TWO = _weights(*_LEGACY, 2, 2, directions=2)
_LEGACY_X = [-0.455351, -0.276391, -0.185934, -0.269585]
_MIDDLE_X = [-0.455351, -0.276391, 0.855351, 0.676391, -0.185934, -0.269585]
_MIDDLE_X += [-0.585934, 0.669585, -0.351455, -0.391276, 0.670351, 0.894676]
_MIDDLE_X += [0.987653, 1.876567, -1.234357, -0.775668]
_WIDE_DIAGONALS = [[0.1 + 0.1 * (i % n) for i in range(32)] for n in (2, 3, 5)]
_WIDE = (
    np.repeat([0.1, 0.2, 0.3], 64),
    np.concatenate([np.diag(diagonal) for diagonal in _WIDE_DIAGONALS]),
    np.repeat([0.1, 0.2, 0.3, 0, 0, 0], 32),
)
_WIDE_Y = [
    *(0.40203814648622, 0.416614999456787, 0.426893838272102, 0.438425099258723),
    *(0.449074949310697, 0.405161353080481, 0.41381287883561, 0.428113160854675),
    *(0.438710576166608, 0.449253502147958, 0.402300128581669, 0.417112500336769),
    *(0.425382986540999, 0.439390099095881, 0.450276939756071, 0.404653232879823),
    *(0.414327989766397, 0.428845403314675, 0.436736277602997, 0.45043439079097),
    *(0.402560202956173, 0.416113639384501, 0.426141512516655, 0.44034669402871),
    *(0.447861672303443, 0.40490822137737, 0.414839135658386, 0.42737488368901),
    *(0.437727744598091, 0.451604294166264, 0.40203814648622, 0.416614999456787),
]
ONNX_RUNTIME = (
    Vector(
        "ForwardDefaultActivationsSimpleWeightsNoBiasTwoRows",
        _weights(_SIMPLE, [0.1] * 27, None, 3, 1),
        _array([1, 2, 10, 11], 2, 2, 1),
        _array(_FORWARD + _FORWARD_2, 2, 1, 2, 3),
        _array(_FORWARD_2, 1, 2, 3),
    ),
    Vector(
        "BidirectionalDefaultActivationsSimpleWeightsNoBias",
        _weights(_SIMPLE, [0.1] * 27, None, 3, 1, directions=2),
        _array([1, 2, 10, 11], 2, 2, 1),
        _array(_FORWARD + _REVERSE + _FORWARD_2 + _REVERSE_2, 2, 2, 2, 3),
        _array(_FORWARD_2 + _REVERSE, 2, 2, 3),
        direction="bidirectional",
    ),
    Vector(
        "ForwardDefaultActivationsSimpleWeightsWithBiasBatchParallel",
        _BIASED,
        _BIASED_X,
        _array(
            [
                *(0.16783132, -0.11754231, 0.11977843, 0.2046872, -0.10372487, 0.15365849),
                *(0.22688604, -0.19698407, 0.14017843, 0.33386092, -0.15799662, 0.2381169),
            ],
            *(2, 1, 2, 3),
        ),
    ),
    Vector(
        "ForwardDefaultActivationsSimpleWeightsWithBiasBatchParallelLinearBeforeReset",
        _BIASED,
        _BIASED_X,
        _array(
            [
                *(0.15024948, -0.11097029, -0.02121867, 0.18887489, -0.09747667, 0.02093463),
                *(0.19538902, -0.19016478, -0.05644283, 0.30856851, -0.15190377, 0.05999807),
            ],
            *(2, 1, 2, 3),
        ),
        reset="after",
    ),
    Vector(
        "ReverseDefaultActivationsSimpleWeightsWithBiasBatchParallelLinearBeforeReset",
        _BIASED,
        _BIASED_X,
        _array(
            [
                *(0.20910699, -0.18880953, -0.04005555, 0.29700265, -0.15308119, 0.04537245),
                *(0.12252139, -0.12032216, -0.05064924, 0.21249877, -0.08884402, 0.04751285),
            ],
            *(2, 1, 2, 3),
        ),
        reset="after",
        direction="reverse",
    ),
    Vector(
        "ONNXRuntime_TestGRUOpForwardBatch",
        _ONE,
        _array(np.repeat(_array(_LEGACY_X, 2, 1, 2), 2, 1), 2, 2, 2),
        _array(
            [
                *(0.2366661, -0.1500429, -0.03255286, 0.0774838),
                *(0.07378622, -0.02782359, -0.05556786, 0.0785508),
            ],
            *(2, 1, 2, 2),
        ),
        state=_array([0.5, -0.5, 0, 0], 1, 2, 2),
        lengths=(2, 2),
    ),
    Vector(
        "ONNXRuntime_TestGRUOpForwardActivation",
        _ONE,
        _array(_LEGACY_X, 2, 1, 2),
        _array([0.222789, 0.4669829, 0.3810334, 0.4944591], 2, 1, 1, 2),
        lengths=(2,),
        activations=("tanh", "sigmoid"),
    ),
    Vector(
        "ONNXRuntime_TestGRUOpGrowBatchSequenceLengthLinearBeforeReset",
        _ONE,
        _array([*_LEGACY_X[:2] * 2, *_LEGACY_X[2:], 0, 0], 2, 2, 2),
        _array(
            [
                *(0.2539424, -0.174207777, -0.0325528607, 0.0774837881),
                *(0.0874997079, -0.0485242009, 0, 0),
            ],
            *(2, 1, 2, 2),
        ),
        _array([0.0874997079, -0.0485242009, -0.0325528607, 0.0774837881], 1, 2, 2),
        state=_array([0.5, -0.5, 0, 0], 1, 2, 2),
        lengths=(2, 1),
        reset="after",
    ),
    Vector(
        "ONNXRuntime_TestGRUOpZeroSeqInMiddle",
        _TWO,
        _array(_MIDDLE_X, 2, 4, 2),
        _array(
            [
                *(-0.0325528607, 0.0774837881, 0, 0),
                *(-0.0456649921, 0.0462125241, -0.1494070887, 0.1356348693),
                *(-0.0398676469, 0.1030099019, 0, 0),
                *(-0.2552363872, 0.1258624643, -0.1111927852, 0.1987708956),
                *(-0.0317345410, 0.0898682102, 0, 0),
                *(-0.4344840049, 0.1124109625, -0.0373909101, 0.1958667039),
                *(-0.0190722197, 0.0559314489, 0, 0),
                *(-0.4121740460, 0.0858790874, 0.0524947792, 0.1172080263),
            ],
            *(2, 2, 4, 2),
        ),
        lengths=(2, 0, 2, 2),
        reset="after",
        direction="bidirectional",
    ),
    Vector(
        "ONNXRuntime_TestGRUOpSingleBatchMultipleHiddenThreads",
        _weights(*_WIDE, 32, 2),
        _array([0.1, -0.2], 1, 1, 2),
        _array(_WIDE_Y, 1, 1, 1, 32),
        state=np.full((1, 1, 32), 0.5, np.float32),
        lengths=(1,),
    ),
)

# Keras, keras/src/layers/rnn/gru_test.py: weights are 0.01, 0.02 and 0.03, all of them, and but
# for the masked ones last states alone are expected.


def _keras(H: int, I: int, rows: int) -> dict[str, NDArray]:
    """With two rows of biases, one where the reset is before the product, or none."""
    bias = [0.03] * 3 * H + [0.03 if rows == 2 else 0] * 3 * H
    return _weights([0.01] * 3 * H * I, [0.02] * 3 * H * H, bias if rows else None, H, I)


def _batch_first(numbers: Any, *shape: int) -> NDArray:
    return _array(numbers, *shape).swapaxes(0, 1)


def _each(*numbers: float, H: int) -> NDArray:
    """Last states whose units are all the same."""
    return np.repeat(_array(numbers, 1, len(numbers), 1), H, 2)


_KERAS_X = _batch_first(np.arange(72), 3, 6, 4)
_KERAS_X2 = _batch_first(np.arange(24), 2, 4, 3)
_KERAS_STATE = _array(np.arange(4), 1, 2, 2)
KERAS = (
    Vector(
        "test_correctness",
        _keras(3, 4, 2),
        _KERAS_X,
        last=_each(0.5217289, 0.6371659, 0.39384964, H=3),
        reset="after",
    ),
    Vector(
        "test_correctness, go_backwards",
        _keras(3, 4, 2),
        _KERAS_X[::-1],
        last=_each(0.24406259, 0.611516, 0.3928808, H=3),
        reset="after",
    ),
    Vector(
        "test_correctness, reset_after=False",
        _keras(3, 4, 1),
        _KERAS_X,
        last=_each(0.51447755, 0.6426879, 0.40208298, H=3),
    ),
    Vector(
        "test_correctness, use_bias=False",
        _keras(3, 4, 0),
        _KERAS_X,
        last=_each(0.49988455, 0.64701194, 0.4103359, H=3),
        reset="after",
    ),
    Vector(
        "test_pass_initial_state",
        _keras(2, 3, 2),
        _KERAS_X2,
        last=_array([0.23774096, 0.33508456, 0.83659905, 1.0227708], 1, 2, 2),
        state=_KERAS_STATE,
        reset="after",
    ),
)
