"""A bare function as a backend."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Unpack, cast

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, Format
from gruverify.backends._claims import (
    Formats,
    Variants,
    agreed,
    claimed_by,
    declared_variants,
    formats_in,
    require_name,
    variants_in,
)
from gruverify.backends._declarations import (
    BadDeclaration,
    Declarations,
    Declared,
    declarations_of,
    one_line,
    require_shapes,
)
from gruverify.backends._has_modules import Reload
from gruverify.backends._protocol import (
    EVERY_METHOD,
    METHODS,
    Sequence_,
    SequenceAt,
    SequenceAtVjp,
    SequenceHvp,
    SequenceJvp,
    SequenceMarked,
    SequenceMarkedVjp,
    SequenceVjp,
    Stack_,
    StackMasked,
    StackMaskedVjp,
    StackVjp,
    Step,
    StepJacobian,
    StepVjp,
    offers,
)
from gruverify.backends._shapes import is_compiled
from gruverify.backends.contract import (
    OF_CELLS,
    OF_OPTIONS,
    OF_STACK_OPTIONS,
    OF_STACKS,
    method_of,
)
from gruverify.cell import Variant


@dataclass(frozen=True, kw_only=True)
class FunctionBackend(Declarations):
    """The backend made of some functions; those left out are None, which switches off what needs
    them.

    What it declares stands in it as `Declarations` has it.
    """

    name: str
    variants: Sequence[Variant]
    formats: Sequence[Format]
    step: Step | None
    step_jacobian: StepJacobian | None
    step_vjp: StepVjp | None
    sequence: Sequence_ | None
    sequence_vjp: SequenceVjp | None
    sequence_jvp: SequenceJvp | None = None
    sequence_hvp: SequenceHvp | None = None
    sequence_hvp_reverse: SequenceHvp | None = None
    stack: Stack_ | None = None
    stack_vjp: StackVjp | None = None
    sequence_masked: SequenceAt | None = None
    sequence_masked_vjp: SequenceAtVjp | None = None
    sequence_restarted: SequenceAt | None = None
    sequence_restarted_vjp: SequenceAtVjp | None = None
    sequence_marked: SequenceMarked | None = None
    sequence_marked_vjp: SequenceMarkedVjp | None = None
    sequence_zoneout: SequenceAt | None = None
    sequence_zoneout_vjp: SequenceAtVjp | None = None
    stack_masked: StackMasked | None = None
    stack_masked_vjp: StackMaskedVjp | None = None
    reloaded: Reload | None = None


def backend(
    *,
    step: Step | None = None,
    step_jacobian: StepJacobian | None = None,
    step_vjp: StepVjp | None = None,
    sequence: Sequence_ | None = None,
    sequence_vjp: SequenceVjp | None = None,
    sequence_jvp: SequenceJvp | None = None,
    sequence_hvp: SequenceHvp | None = None,
    sequence_hvp_reverse: SequenceHvp | None = None,
    stack: Stack_ | None = None,
    stack_vjp: StackVjp | None = None,
    sequence_masked: SequenceAt | None = None,
    sequence_masked_vjp: SequenceAtVjp | None = None,
    sequence_restarted: SequenceAt | None = None,
    sequence_restarted_vjp: SequenceAtVjp | None = None,
    sequence_marked: SequenceMarked | None = None,
    sequence_marked_vjp: SequenceMarkedVjp | None = None,
    sequence_zoneout: SequenceAt | None = None,
    sequence_zoneout_vjp: SequenceAtVjp | None = None,
    stack_masked: StackMasked | None = None,
    stack_masked_vjp: StackMaskedVjp | None = None,
    name: str | None = None,
    variants: Variants | None = None,
    formats: Formats | None = None,
    **declared: Unpack[Declared],
) -> FunctionBackend:
    """A backend from functions with the signatures of the contract (see `Backend`).

    What is not said here is read from attributes of the functions (`step.kappa = 8`). Functions
    that `jax.jit` or `torch.compile` returned have `shapes="few"` unless they declare something
    else. The methods are those of `gruverify.backends.contract`; give at least one of them.

    Args:
        step: The method of this name, as are all down to `stack_masked_vjp`.
        step_jacobian: See `HasStepJacobian`.
        step_vjp: See `HasStepVjp`.
        sequence: See `HasSequence`.
        sequence_vjp: See `HasSequenceVjp`.
        sequence_jvp: See `HasSequenceJvp`.
        sequence_hvp: See `HasSequenceHvp`.
        sequence_hvp_reverse: See `HasSequenceHvpReverse`.
        stack: See `HasStack`.
        stack_vjp: See `HasStackVjp`.
        sequence_masked: See `HasSequenceMasked`.
        sequence_masked_vjp: See `HasSequenceMaskedVjp`.
        sequence_restarted: See `HasSequenceRestarted`.
        sequence_restarted_vjp: See `HasSequenceRestartedVjp`.
        sequence_marked: See `HasSequenceMarked`.
        sequence_marked_vjp: See `HasSequenceMarkedVjp`.
        sequence_zoneout: See `HasSequenceZoneout`.
        sequence_zoneout_vjp: See `HasSequenceZoneoutVjp`.
        stack_masked: See `HasStackMasked`.
        stack_masked_vjp: See `HasStackMaskedVjp`.
        name: How reports call it: the first function's own name unless given.
        variants: The conventions that it has, one or several; PyTorch's unless given.
        formats: The formats, one or several, by name too; all four unless given.
        declared: What else it says of itself, such as `kappa` or `initial_state=False`.

    Raises:
        ValueError: No function is given, one is not a function, or a claim or a declaration is
            wrong or unknown.
    """
    every = locals()
    # The first that is given names the backend.
    methods: Keywords = {"step": step, "sequence": sequence}
    methods |= {method: every[method] for method in EVERY_METHOD}
    given = _required({method: f for method, f in methods.items() if f is not None})
    # The weakest first: defaults, what attributes of the functions say, and then the keywords.
    said: Keywords = {"variants": (Variant(),), "formats": FORMATS, "name": _name_of(given)}
    said |= {"shapes": "few"} if any(map(is_compiled, given.values())) else {}
    said |= agreed({method: claimed_by(function) for method, function in given.items()})
    by_keyword = {"name": name, "variants": variants, "formats": formats, **declared}
    said |= {claim: value for claim, value in by_keyword.items() if value is not None}
    require_name(said["name"])
    made = FunctionBackend(
        name=said.pop("name"),
        variants=variants_in(said.pop("variants")),
        formats=formats_in(said.pop("formats")),
        **methods,
    )
    return declaring(made, cast(Declared, said))


#: What each method of the contract is called with, behind `self`.
_CONTRACT = {
    method_of(each): getattr(each, method_of(each))
    for each in (*OF_CELLS, *OF_STACKS, *OF_OPTIONS, *OF_STACK_OPTIONS)
}


def _required(functions: Keywords) -> Keywords:
    """The functions; raises BadDeclaration if there is none, or something is not a function."""
    if not functions:
        raise BadDeclaration(f"backend() needs at least one function: {', '.join(METHODS)}")
    for method, function in functions.items():
        if not callable(function):
            raise BadDeclaration(
                f"{method}={one_line(function)} must be a function, with the signature of "
                f"`{method}`"
            )
        _require_signature(method, function)
    return functions


def _require_signature(method: str, function: Callable[..., Any]) -> None:
    """Raise BadDeclaration if a function cannot be called as the contract has it."""
    wanted = list(inspect.signature(_CONTRACT[method]).parameters)[1:]
    try:
        own = inspect.signature(function)
    except (TypeError, ValueError):  # it has none that can be seen
        return
    try:
        # The names are the arguments: only how many there are counts, for they are given by
        # position.
        own.bind(*wanted)
    except TypeError:
        raise BadDeclaration(
            f"gruverify calls {method}({', '.join(wanted)}), and {_name_of({method: function})}"
            f"{own} cannot be called so: give it a function that can, which takes what yours needs "
            "from the cell (docs/backends.md)"
        ) from None


def _name_of(functions: Keywords) -> str:
    return str(getattr(next(iter(functions.values())), "__name__", "function"))


def declaring(made: FunctionBackend, declared: Declared) -> FunctionBackend:
    """The same backend with these declarations, and with the biases that they give its variants.

    Raises:
        BadDeclaration: there is no such declaration, one is wrong, or one contradicts another or a
        variant.
    """
    for name in declared:
        if name not in Declared.__annotations__:
            near = difflib.get_close_matches(name, Declared.__annotations__, 1)
            if near:
                hint = f": did you mean {near[0]}?"
            else:
                hint = f" (there are: {', '.join(Declared.__annotations__)})"
            raise BadDeclaration(f"there is no declaration {name!r}{hint}")
    if (shapes := declared.get("shapes")) is not None:
        require_shapes(shapes)
    # What a module or an earlier call declared stays, unless it is declared again; a default
    # contradicts nothing.
    earlier = declarations_of(made)
    said = {
        name: value
        for name, value in vars(earlier).items()
        if value != getattr(Declarations, name, None)
    }
    read = declarations_of(
        SimpleNamespace(**{**said, **earlier.by_format, **spelled_out(declared)})
    )
    found = replace(made, **{**vars(read), **read.by_format})
    return replace(found, variants=declared_variants(found))


def spelled_out(declared: Declared) -> dict[str, Any]:
    """The declarations that are given, `kappa` as what it stands for."""
    given: Keywords = {name: value for name, value in declared.items() if value is not None}
    if "kappa" in given:
        kappa = declarations_of(SimpleNamespace(kappa=given.pop("kappa")))
        each = {"kappa_sigma": kappa.kappa_sigma, "kappa_tanh": kappa.kappa_tanh}
        # The last has the last word: kappa_sigma next to kappa is about σ.
        given = {**each, **kappa.by_format, **given}
    return given


def is_backend(target: object) -> bool:
    """Whether `target` has a method of the contract."""
    return any(offers(target, method) for method in EVERY_METHOD)
