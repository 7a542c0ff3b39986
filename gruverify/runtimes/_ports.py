"""Which inputs and outputs of a model are the sequence, the state and the lengths: by their shapes,
or as they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from gruverify.cell import Stack
from gruverify.models import Port, WholeModel

#: The roles that ports may have: of the inputs, and of the outputs.
INPUTS, OUTPUTS = ("sequence", "state", "lengths"), ("outputs", "last")
ROLES = (*INPUTS, *OUTPUTS)
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_WHOLE = ("int32", "int64")
#: The types that ports of each role may have.
_TYPES = {**dict.fromkeys(ROLES, _FLOATS), "lengths": _WHOLE}


@dataclass(frozen=True)
class Ports:
    """The inputs and outputs of a model by their roles, and whether the batch is the first axis of
    the sequence and the outputs.
    """

    by_role: Mapping[str, Port]
    batch_first: bool

    @property
    def sizes(self) -> dict[str, int]:
        """T and B, where the shapes fix them."""
        found = dict[str, int]()
        for role, axes in (("sequence", self.axes), ("outputs", self.axes), ("state", "?B?")):
            port = self.by_role.get(role)
            if port is None or port.shape is None:
                continue
            # A state without the axis of layers is (B, H).
            own = axes if len(port.shape) == 3 else "B?"
            for letter, size in zip(own, port.shape, strict=True):
                if letter in "TB" and size is not None:
                    found.setdefault(letter, size)
        return found

    @property
    def axes(self) -> str:
        """The letters of the first axes of sequence and outputs."""
        if self.batch_first:
            return "BT?"
        return "TB?"


def ports_of(
    whole: WholeModel, stack: Stack, named: Mapping[str, str], *, batch_first: bool
) -> Ports:
    """The ports by their roles. named: the ports that the user names, by role.

    Raises:
        ValueError: a name is none, or cannot have its role, or the shapes leave open what is what.
    """
    if not any(port.type in _FLOATS for port in whole.inputs):
        raise ValueError(
            f"none of the inputs {_listed(whole.inputs)} takes floating-point numbers: a model "
            "that is quantised from its inputs on is not judged, convert it with inputs and "
            "outputs of float32"
        )
    fits = _Fits(stack, batch_first=batch_first)
    for role, name in named.items():
        roles: Sequence[str] = OUTPUTS
        each = whole.outputs
        if role in INPUTS:
            roles, each = INPUTS, whole.inputs
        port = next((port for port in each if port.name == name), None)
        if port is None:
            kind = "input" if roles is INPUTS else "output"
            raise ValueError(f"--port {role}={name}: the {kind}s are {_listed(each)}")
        if port.type not in _TYPES[role]:
            raise ValueError(
                f"--port {role}={name}: {port} is not one of {', '.join(_TYPES[role])}"
            )
        if [named.get(other) for other in roles].count(name) > 1:
            raise ValueError(f"--port {role}={name}: it is named twice, and has one role")
        if not fits.allows(role, port):
            raise ValueError(f"--port {role}={name}: {port} has other axes than this GRU's")
    inputs = _assigned(whole.inputs, INPUTS, named, fits.input, every="input")
    if "sequence" not in inputs:
        raise ValueError(
            f"none of the inputs {_listed(whole.inputs)} is a sequence of three axes whose last is "
            f"I={stack.input_size}"
        )
    found = Ports(inputs, batch_first)
    outputs = _assigned(
        whole.outputs, OUTPUTS, named, lambda role, port: fits.output(role, port, found.sizes)
    )
    if not outputs:
        raise ValueError(
            f"none of the outputs {_listed(whole.outputs)} is (T, B, {stack.directions}·H) or the "
            f"last states, with H={stack.hidden_size}"
        )
    return Ports({**inputs, **outputs}, batch_first)


def _assigned(
    ports: Sequence[Port],
    roles: Sequence[str],
    named: Mapping[str, str],
    fits: Callable[[str, Port], bool],
    *,
    every: str = "",
) -> dict[str, Port]:
    """Ports by role: as named, and of the others the one way in which most of them fit.

    every: what ports are called of which each must have a role.
    """
    by_name = {port.name: port for port in ports}
    found = {role: by_name[named[role]] for role in roles if role in named}
    left = [port for port in ports if port not in found.values()]
    open_roles = [role for role in roles if role not in found]
    ways = list[dict[str, Port]]()
    # As many roles as possible: where all fit in one way, a way with fewer is not a question.
    for count in range(min(len(open_roles), len(left)), 0, -1):
        for some in permutations(open_roles, count):
            for chosen in _chosen(left, some, fits):
                # The same assignment comes up in several orders of the roles.
                if chosen not in ways:
                    ways.append(chosen)
        if ways:
            break
    if len(ways) > 1:
        raise ValueError(
            f"which of {_listed(left)} is which of {', '.join(open_roles)} is not clear from the "
            f"shapes: say --port {open_roles[0]}=NAME"
        )
    found |= ways[0] if ways else {}
    strange = [port for port in ports if port not in found.values()]
    if every and strange:
        raise ValueError(
            f"{every} {strange[0]} is not a sequence, state or lengths of this GRU: say what it is "
            f"with --port ROLE={strange[0].name} (ROLE is one of {', '.join(roles)})"
        )
    return found


def _chosen(
    ports: Sequence[Port], roles: Sequence[str], fits: Callable[[str, Port], bool]
) -> list[dict[str, Port]]:
    """Every way in which ports have these roles, in the order of the ports."""
    found = list[dict[str, Port]]()
    for some in permutations(ports, len(roles)):
        if all(fits(role, port) for role, port in zip(roles, some, strict=True)):
            found.append(dict(sorted(zip(roles, some, strict=True))))
    return found


@dataclass(frozen=True)
class _Fits:
    """Whether a port may have a role, by its type and shape; any size may be one not fixed."""

    stack: Stack
    batch_first: bool

    def input(self, role: str, port: Port) -> bool:
        """Whether an input may have the role."""
        if role == "lengths":
            return port.type in _TYPES[role] and _may(port, (None,))
        if port.type not in _FLOATS:
            return False
        if role == "sequence":
            return _may(port, (None, None, self.stack.input_size))
        return self._is_state(port)

    def output(self, role: str, port: Port, sizes: Mapping[str, int]) -> bool:
        """Whether an output may have the role, given T and B of the inputs by letter."""
        if port.type not in _FLOATS:
            return False
        H, D = self.stack.hidden_size, self.stack.directions
        if role == "last":
            return self._is_state(port) or _may(port, (None, D * H))
        axes = "BT" if self.batch_first else "TB"
        if not _may(port, (None, None, D * H)):
            return False
        for letter, size in zip(axes, port.shape or (), strict=False):
            if size is not None and size != sizes.get(letter):
                return False  # what is fixed there is fixed in the inputs, too
        return True

    def allows(self, role: str, port: Port) -> bool:
        """Whether a port that the user names may have its role: of an output T and B are what it
        says of itself, which files get wrong.
        """
        if role in INPUTS:
            return self.input(role, port)
        axes = "BT" if self.batch_first else "TB"
        own = {letter: size or 0 for letter, size in zip(axes, port.shape or (), strict=False)}
        return self.output(role, port, own)

    def _is_state(self, port: Port) -> bool:
        rows, H = self.stack.layers * self.stack.directions, self.stack.hidden_size
        if port.shape is not None and len(port.shape) == 3 and port.shape[0] != rows:
            return False  # how many layers there are is fixed
        return _may(port, (rows, None, H)) or (rows == 1 and _may(port, (None, H)))


def _may(port: Port, shape: tuple[int | None, ...]) -> bool:
    """Whether a port may have these sizes."""
    if port.shape is None:
        return True
    if len(port.shape) != len(shape):
        return False
    pairs = zip(port.shape, shape, strict=True)
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def _listed(ports: Sequence[Port]) -> str:
    return ", ".join(map(str, ports)) or "none"
