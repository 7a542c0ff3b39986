"""The activation functions of a GRU of Keras: `recurrent_activation` of its gates, `activation` of
its candidate.
"""

from __future__ import annotations

from collections.abc import Mapping

from gruverify.arithmetic import Activation, Functions, activation_named

#: What has no parameters, or always the same ones.
_MADE: dict[str, tuple[str, tuple[float, ...]]] = {
    **{name: (name, ()) for name in ("sigmoid", "tanh", "relu", "linear", "relu6", "hard_tanh")},
    "softsign": ("softsign", ()),
    "softplus": ("softplus", ()),
    "elu": ("elu", (1.0,)),
    "leaky_relu": ("leaky_relu", (0.2,)),
}
#: hard_sigmoid, by the first number of Keras' version.
_HARD_SIGMOIDS = {"1": (0.2, 0.5), "2": (0.2, 0.5), "3": (1 / 6, 0.5)}


def functions_in(settings: Mapping[str, object], version: str) -> Functions:
    """The functions that a configuration says.

    Raises:
        ValueError: one is not modelled here; it says what the GRU has.
    """
    return Functions(
        _activation(settings, "recurrent_activation", "sigmoid", version),
        _activation(settings, "activation", "tanh", version),
    )


def _activation(settings: Mapping[str, object], role: str, usual: str, version: str) -> Activation:
    given = settings.get(role, usual)
    if isinstance(given, Mapping):  # a function as Keras 3 may write it, or a layer
        is_function = given.get("class_name") == "function"
        given = given.get("config" if is_function else "class_name")
    if given is None:
        given = "linear"
    if given == "hard_sigmoid":
        slopes = _HARD_SIGMOIDS.get(version.partition(".")[0])
        if slopes is None:
            raise ValueError(
                f"has {role}='hard_sigmoid', whose slope is 0.2 in Keras 2 and 1/6 in Keras 3, and "
                "the file has no version of Keras: save the weights alone, and say --activations"
            )
        return activation_named("hard_sigmoid", *slopes)
    if not isinstance(given, str) or given not in _MADE:
        known = ", ".join((*_MADE, "hard_sigmoid"))
        raise ValueError(f"has {role}={given!r}, which is not modelled here: {known} are")
    name, numbers = _MADE[given]
    return activation_named(name, *numbers)
