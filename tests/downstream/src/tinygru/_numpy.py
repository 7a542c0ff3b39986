"""The GRU of Cho et al. (2014), reset after the recurrent product, over NumPy arrays."""

import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def gru(weights, xs, h):
    """Xs (T, B, I), h (B, H) -> the states (T, B, H). Weights are packed r, z, n, as nn.GRU has
    them.
    """
    W, U, b, c = (weights[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    states = []
    for x in xs:
        from_x, from_h = np.split(x @ W.T + b, 3, axis=1), np.split(h @ U.T + c, 3, axis=1)
        r, z = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
        n = np.tanh(from_x[2] + r * from_h[2])
        h = n + z * (h - n)
        states.append(h)
    return np.stack(states) if states else np.zeros((0, *h.shape), h.dtype)


def gru_with_gates_swapped(weights, xs, h):
    """The bug of a converter that packs z before r."""
    swapped = {
        name: np.concatenate([np.split(w, 3)[gate] for gate in (1, 0, 2)])
        for name, w in weights.items()
    }
    return gru(swapped, xs, h)
