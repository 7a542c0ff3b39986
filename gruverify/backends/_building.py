"""Modules of a class, built for one size and shape with every option said that the class has."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import nn

from gruverify._named import Keywords
from gruverify._visible import error_line
from gruverify.arithmetic import Format, float32
from gruverify.backends._place import BadModule, Place, name_of, place_of
from gruverify.backends._renamed import renamed
from gruverify.backends._tensors import device, torch_dtype
from gruverify.cell import parameter_name

#: What nn.GRU calls the shape of a stack, with what each is unless asked for.
OPTIONS: Keywords = {"num_layers": 1, "bidirectional": False, "batch_first": False}
#: What shows that a class does as it is told, besides the values above.
_OTHERWISE: Keywords = {"num_layers": 2, "bidirectional": True, "batch_first": True}
#: What nn.GRU calls the sizes I and H.
SIZES = ("input_size", "hidden_size")
_WAY_OUT = "give an instance, or a class that is built from input_size and hidden_size"
#: The sizes (I, H) of the module by which a class is found out. They differ, so that one that takes
#: them the other way round shows it.
_SAMPLE = (2, 3)


class Builder:
    """Builds modules of a class from two sizes, with the options of its signature; `**kwargs` are
    tried.

    The sizes are given by their names, where the class has input_size and hidden_size, and
    otherwise as cls(I, H).
    """

    def __init__(self, cls: type[nn.Module]) -> None:
        self.cls = cls
        parameters = inspect.signature(cls).parameters.values()
        self._named = {
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        }
        self._has_others = any(p.kind is p.VAR_KEYWORD for p in parameters)
        positional = [p for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
        unknown = any(p.name not in SIZES for p in positional)
        self._sizes_by_name = self._named >= set(SIZES) or (self._has_others and not unknown)

    def build(self, I: int, H: int, bias: bool, fmt: Format, **options: object) -> nn.Module:
        """A module of these sizes: without dropout, and in the default shape but for the options
        given.

        What the class does not take is left out.
        """
        wanted = {
            "bias": bias,
            "dtype": torch_dtype(fmt),
            "dropout": 0.0,
            **self.defaults,
            **options,
        }
        # A class that takes no dtype has that of PyTorch's default, and is converted.
        return self._made(I, H, {name: v for name, v in wanted.items() if self.takes(name)}).to(
            torch_dtype(fmt)
        )

    def takes(self, option: str) -> bool:
        """Whether the class can be given the option by its name."""
        return option in self._named or option in self._others

    @cached_property
    def _others(self) -> frozenset[str]:
        if not self._has_others:
            return frozenset()
        usual = {"bias": True, "dtype": torch_dtype(float32), "dropout": 0.0, **OPTIONS}
        return frozenset(name for name, value in usual.items() if self._passed_on(name, value))

    @cached_property
    def sample(self) -> nn.Module:
        """A small module, as the class builds it when it is given two sizes and what it takes of
        `OPTIONS`.

        Raises:
            BadModule: the class cannot be built from two sizes.
        """
        wanted = {"dtype": torch_dtype(float32), "dropout": 0.0, **OPTIONS}
        try:
            return self._made(*_SAMPLE, {name: v for name, v in wanted.items() if self.takes(name)})
        except Exception:  # an option that has one value alone, perhaps
            return self._bare()

    def _bare(self) -> nn.Module:
        try:
            return self._made(*_SAMPLE, {})
        except BadModule:
            raise
        except Exception as failure:
            raise BadModule(f"{self._call} failed: {error_line(failure)}; {_WAY_OUT}") from failure

    @property
    def _call(self) -> str:
        """How the sample is built, for messages."""
        if self._sizes_by_name:
            return f"{name_of(self.cls)}({', '.join(map('{}={}'.format, SIZES, _SAMPLE))})"
        return f"{name_of(self.cls)}{_SAMPLE}, that is ({', '.join(SIZES)}),"

    @cached_property
    def misbuilt(self) -> str:
        """What shows that a class which does not name its sizes takes others than (I, H); empty if
        nothing does.
        """
        weights = self.place.weights(self.sample)
        found = tuple(size_of(weights, weight) for weight in ("weight_ih", "weight_hh"))
        if self._sizes_by_name or found == _SAMPLE:
            return ""
        return (
            f"{self._call} has an input size of {found[0]} and a hidden size of {found[1]}: "
            f"{_WAY_OUT}"
        )

    @cached_property
    def place(self) -> Place:
        """Where modules of the class have their weights."""
        return place_of(self.sample)

    @cached_property
    def defaults(self) -> Keywords:
        """The shape of a module that is not asked for another: `OPTIONS`, or what the class builds
        all the same.
        """
        return options_of(self.sample, self.place)

    @cached_property
    def choices(self) -> frozenset[str]:
        """The options of a shape that the class can be asked for, as modules so built show."""
        return frozenset(
            name
            for name, value in _OTHERWISE.items()
            if self.takes(name) and self._heeds(name, value)
        )

    @cached_property
    def can_choose_biases(self) -> bool:
        """Whether modules can be asked for without biases: the class says so in its signature, or
        does so.
        """
        if "bias" in self._named:
            return True
        # What it takes for any option may lead nowhere.
        return self.takes("bias") and not biases_of(
            self.place.weights(self.build(*_SAMPLE, False, float32))
        )

    def require_no_biases(self, module: nn.Module) -> None:
        """Raise ValueError if the class names an option `bias` and has some although it was built
        without.
        """
        found = biases_of(self.place.weights(module))
        if found and "bias" in self._named:
            raise ValueError(
                f"{name_of(self.cls)} has {' and '.join(found)} although it was built with "
                "bias=False: heed the option, or declare variants=[Variant()]"
            )

    def _heeds(self, option: str, value: Any) -> bool:
        try:
            # That it takes an option is not enough: **kwargs may lead nowhere.
            module = self.build(*_SAMPLE, True, float32, **{option: value})
        except Exception:  # whatever it is, the class cannot be had so
            return False
        return bool(options_of(module, self.place)[option] == value)

    def _passed_on(self, option: str, value: object) -> bool:
        """Whether the class passes the option on to something which takes it."""
        try:
            self._made(*_SAMPLE, {option: value})
        except Exception:  # whatever it is, the class cannot be had so
            return False
        return True

    def _made(self, I: int, H: int, options: Keywords) -> nn.Module:
        # Drawing a module's initial weights must neither disturb the user's random state nor depend
        # on it.
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            # The generator of the CPU alone: torch.manual_seed takes milliseconds.
            torch.default_generator.manual_seed(0)
            by_name = dict(zip(SIZES, (I, H), strict=True))
            if self._sizes_by_name:
                made = self.cls(**by_name, **options)
            else:
                made = self.cls(I, H, **options)
            module: nn.Module = made
        # Drawn on the CPU, it is the same module on every device.
        return renamed(module.to(device()))


def biases_of(weights: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of the biases among weights."""
    return [name for name in weights if name.startswith("bias_")]


def size_of(weights: Mapping[str, torch.Tensor], weight: str) -> int:
    """The columns of the first weight that is so called: H of weight_hh, I of weight_ih."""
    return next(int(tensor.shape[1]) for name, tensor in weights.items() if name.startswith(weight))


def options_of(module: nn.Module, place: Place) -> Keywords:
    """The shape of a module: its layers and directions as its parameters have them, batch_first as
    it says itself.
    """
    names = place.weights(module)
    layers = next(
        layer
        for layer in range(len(names) + 1)
        if parameter_name("weight_ih", layer, 0) not in names
    )
    first = getattr(module, "batch_first", getattr(place.owner(module), "batch_first", False))
    return {
        "num_layers": max(layers, 1),
        "bidirectional": parameter_name("weight_ih", 0, 1) in names,
        "batch_first": bool(first),
    }
