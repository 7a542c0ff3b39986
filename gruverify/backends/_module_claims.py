"""What is claimed and declared of modules, held against what they are: sizes, shape, format and
biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from torch import nn

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, Format
from gruverify.backends._claims import agreed, formats_in
from gruverify.backends._declarations import (
    BadDeclaration,
    declarations_of,
    module_declarations,
    one_line,
)
from gruverify.backends._modules import BadModule, Modules, name_of
from gruverify.cell import Variant


def modules_of(keyword: str, module: object) -> Modules:
    """The modules that `torch_backend` was given as `step` or `sequence`.

    Raises:
        BadModule: it is not an nn.Module, or a layer was given as step, or a cell as sequence.
    """
    if not isinstance(module, nn.Module) and not (
        isinstance(module, type) and issubclass(module, nn.Module)
    ):
        raise BadModule(f"{keyword}={one_line(module)} must be an nn.Module, class or instance")
    modules = Modules(module)
    if modules.place.layered:
        found = "sequence"
    else:
        found = "step"
    if found != keyword:
        if modules.place.layered:
            what = "a layer (weight_ih_l0, …)"
        else:
            what = "a cell (weight_ih, …)"
        raise BadModule(
            f"{keyword}={name_of(module)} is {what}: give it as {found}={name_of(module)}"
        )
    return modules


def said_of(given: Mapping[str, Modules], keywords: Keywords) -> Keywords:
    """What is claimed and declared by keywords or, where those are silent, by attributes of the
    modules.

    Raises:
        BadDeclaration: two modules contradict each other, or a property raises.
    """
    said = agreed(
        {keyword: module_declarations(modules.sample) for keyword, modules in given.items()}
    )
    return said | {name: value for name, value in keywords.items() if value is not None}


def own_shape(given: Mapping[str, Modules], shape: Keywords, said: Keywords) -> Keywords:
    """The sizes of instances, and `shape`: what of a stack's shape cannot be chosen.

    Raises:
        BadDeclaration: two instances have different sizes, or something else is declared.
    """
    columns = {"hidden_size": "weight_hh", "input_size": "weight_ih"}
    instances = {
        keyword: modules
        for keyword, modules in given.items()
        if isinstance(modules.target, nn.Module)
    }
    sizes = dict[str, dict[str, int]]()
    for keyword, modules in instances.items():
        sizes[keyword] = {name: modules.size(weight) for name, weight in columns.items()}
    own = agreed(sizes) | dict(shape)
    declared = declarations_of(
        SimpleNamespace(**{name: said[name] for name in own if name in said})
    )
    for name in own:
        if name in said and getattr(declared, name) != own[name]:
            raise BadDeclaration(
                f"{name}={one_line(said[name])} contradicts the module, which has {own[name]}: "
                "leave it out"
            )
    return own


def formats_of(given: Mapping[str, Modules], claimed: object) -> tuple[Format, ...]:
    """The formats: what is claimed, by default all; of an instance its own.

    Raises:
        BadDeclaration: something claimed is not a format, or not that of the instance.
    """
    if claimed is None:
        wanted = FORMATS
    else:
        wanted = formats_in(claimed)
    instances = {
        keyword: modules
        for keyword, modules in given.items()
        if isinstance(modules.target, nn.Module)
    }
    own = agreed({keyword: {"formats": modules.formats} for keyword, modules in instances.items()})
    if not own:
        return wanted
    # One: an instance whose weights have several is refused before.
    (format,) = own["formats"]
    if format not in wanted:
        what = (
            f"formats={one_line(claimed)} contradicts the module, whose weights are {format.name}"
        )
        raise BadDeclaration(f"{what}: leave it out, or convert the module")
    return (format,)


def require_biases(given: Mapping[str, Modules], variants: tuple[Variant, ...]) -> None:
    """Raise BadDeclaration if a variant needs a bias that a module does not have."""
    for modules in given.values():
        names = {name.partition("_l")[0] for name in modules.place.weights(modules.sample)}
        own = names & {"bias_ih", "bias_hh"}
        if not own and len(modules.biases) > 1:
            continue  # the class has them if it is asked to
        for variant in variants:
            missing = [
                name
                for name in ("bias_ih", "bias_hh")
                if any(variant.mask(name)) and name not in own
            ]
            if missing:
                raise BadDeclaration(
                    f"{name_of(modules.target)} has no {' and no '.join(missing)}, which "
                    f"{variant!r} needs: declare "
                    f'biases="{_biases_of(own)}", and variants that say nothing else'
                )


def _biases_of(own: set[str]) -> str:
    if "bias_ih" in own:
        return "input"
    if "bias_hh" in own:
        return "recurrent"
    return "none"
