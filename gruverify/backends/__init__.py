"""Implementations under test. A framework is imported here and nowhere else, and only once it is
asked for.
"""

from __future__ import annotations

from typing import Any

from gruverify.backends._accuracy import rounding_in as rounding_in
from gruverify.backends._accuracy import rounding_of as rounding_of
from gruverify.backends._child import Child as Child
from gruverify.backends._child import Line as Line
from gruverify.backends._child import ending as ending
from gruverify.backends._child import interrupts_blocked as interrupts_blocked
from gruverify.backends._child import kill_all as kill_all
from gruverify.backends._child import quiet as quiet
from gruverify.backends._child import wait_for as wait_for
from gruverify.backends._claims import declared_variants as declared_variants
from gruverify.backends._configured import meant_by as meant_by
from gruverify.backends._configured import named_targets as named_targets
from gruverify.backends._declarations import ACCURACY as ACCURACY
from gruverify.backends._declarations import BadDeclaration as BadDeclaration
from gruverify.backends._declarations import Declarations as Declarations
from gruverify.backends._declarations import declarations_of as declarations_of
from gruverify.backends._derived import completed as completed
from gruverify.backends._derived import derived_methods as derived_methods
from gruverify.backends._derived import redeclared as redeclared
from gruverify.backends._flight import RECORDER as RECORDER
from gruverify.backends._flight import Call as Call
from gruverify.backends._function import FunctionBackend as FunctionBackend
from gruverify.backends._function import backend as backend
from gruverify.backends._guessed_names import guessed_names as guessed_names
from gruverify.backends._has_modules import MODULE_METHODS as MODULE_METHODS
from gruverify.backends._has_modules import WAYS as WAYS
from gruverify.backends._has_modules import HasModules as HasModules
from gruverify.backends._has_modules import Reached as Reached
from gruverify.backends._limits import MEMORY as MEMORY
from gruverify.backends._limits import PATIENCE as PATIENCE
from gruverify.backends._limits import Limits as Limits
from gruverify.backends._limits import limits as limits
from gruverify.backends._limits import set_limits as set_limits
from gruverify.backends._numpy import NumpyBackend as NumpyBackend
from gruverify.backends._processes import TargetDied as TargetDied
from gruverify.backends._processes import first_answer as first_answer
from gruverify.backends._processes import in_subprocess as in_subprocess
from gruverify.backends._processes import processes as processes
from gruverify.backends._processes import sendable as sendable
from gruverify.backends._protocol import CELL_METHODS as CELL_METHODS
from gruverify.backends._protocol import DIRECTIONAL_METHODS as DIRECTIONAL_METHODS
from gruverify.backends._protocol import EVERY_METHOD as EVERY_METHOD
from gruverify.backends._protocol import METHODS as METHODS
from gruverify.backends._protocol import OPTIONAL_METHODS as OPTIONAL_METHODS
from gruverify.backends._protocol import STACK_METHODS as STACK_METHODS
from gruverify.backends._protocol import STACK_OPTIONS as STACK_OPTIONS
from gruverify.backends._protocol import Backend as Backend
from gruverify.backends._protocol import offers as offers
from gruverify.backends._random import noticing_random_numbers as noticing_random_numbers
from gruverify.backends._room import has_room_for_jacobians as has_room_for_jacobians
from gruverify.backends._room import has_room_for_steps as has_room_for_steps
from gruverify.backends._settings import noticing_settings as noticing_settings
from gruverify.backends._shapes import Sizes as Sizes
from gruverify.backends._shapes import drawn_sizes as drawn_sizes
from gruverify.backends._shapes import is_of_few as is_of_few
from gruverify.backends._shapes import long_run as long_run
from gruverify.backends._shapes import sizes_of_few as sizes_of_few
from gruverify.backends._shapes import wide_cell as wide_cell
from gruverify.backends._sources import sources_of as sources_of
from gruverify.backends._state_dict import saved_state_dict as saved_state_dict
from gruverify.backends._state_dict import state_dict_of as state_dict_of
from gruverify.backends._target import Target as Target
from gruverify.backends._targets import TARGETS as TARGETS
from gruverify.backends._targets import TargetUnavailable as TargetUnavailable
from gruverify.backends._targets import UnknownTarget as UnknownTarget
from gruverify.backends._targets import named_object as named_object
from gruverify.backends._targets import offered_targets as offered_targets
from gruverify.backends._targets import require_installed as require_installed
from gruverify.backends._targets import require_named as require_named
from gruverify.backends._targets import resolve as resolve
from gruverify.backends._threads import one_thread as one_thread
from gruverify.backends._weights import object_named as object_named
from gruverify.backends._weights import weights_of as weights_of
from gruverify.backends.exec import GivenUp as GivenUp
from gruverify.backends.exec import ProtocolBroken as ProtocolBroken


def torch_backend(*args: Any, **options: Any) -> FunctionBackend:
    """A backend from `nn.Module` classes or instances; imports torch (see `_torch.torch_backend`
    for the arguments).
    """
    from gruverify.backends._torch import torch_backend as build

    return build(*args, **options)


def torch_formulas(*args: Any, **options: Any) -> FunctionBackend:
    """A backend from a step over tensors; imports torch (see `_torch.formulas_of` for the
    arguments).
    """
    from gruverify.backends._torch import formulas_of as build

    return build(*args, **options)
