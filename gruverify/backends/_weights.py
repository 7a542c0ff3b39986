"""The weights that an object of the user's holds, by name."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from gruverify.backends._devices import parted
from gruverify.backends._targets import (
    TARGETS,
    UnknownTarget,
    named_object,
    offered_targets,
)
from gruverify.backends._whole_modules import is_module
from gruverify.backends.exec import PREFIX

_WAY_OUT = (
    "name an instance with weights (module:model), or a file of them, as "
    "torch.save(model.state_dict(), 'model.pt') or np.savez writes it"
)


def object_named(target: str) -> Any:
    """The object that `pkg.module:object` names; the current directory is searched too.

    Raises:
        UnknownTarget: there is none, or the target is one without weights of its own.
        TargetUnavailable: its module fails to import.
    """
    plain, _ = parted(target)  # a device gives it no weights either
    shipped = [each.name for each in TARGETS]
    if plain in shipped or plain in offered_targets() or target.startswith(PREFIX):
        raise UnknownTarget(
            f"target {target!r} is given the weights of every case, and has none: {_WAY_OUT}"
        )
    return named_object(target)


def weights_of(found: object, name: str) -> dict[str, npt.NDArray[Any]]:
    """All parameters of an `nn.Module` instance, by their names in it; parametrized ones as they
    are computed.

    Raises:
        UnknownTarget: it is a class, or something else without weights; `name` is how the user
            calls it.
    """
    if isinstance(found, type):
        raise UnknownTarget(
            f"target {name} is the class {found.__name__}, which is to be built and has no "
            f"weights yet: {_WAY_OUT}"
        )
    if not is_module(found):
        raise UnknownTarget(
            f"target {name} is of type {type(found).__name__}, and holds no weights that are read "
            f"here: {_WAY_OUT}"
        )
    from gruverify.backends._place import weights_as_read
    from gruverify.backends._tensors import numpy

    module: Any = found
    arrays = dict[str, npt.NDArray[Any]]()
    # Module by module: parameters() would show what a weight is computed from, and not the weight.
    for path, owner in module.named_modules():
        if "parametrizations" in path.split("."):
            continue
        for leaf, weight in weights_as_read(owner).items():
            arrays[f"{path}.{leaf}" if path else leaf] = numpy(weight.detach())
    return arrays
