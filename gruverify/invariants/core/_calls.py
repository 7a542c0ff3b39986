"""Calling a backend for a case: what is handed out, what comes back, and what stands in the way."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.backends import (
    RECORDER,
    Backend,
    Declarations,
    GivenUp,
    ProtocolBroken,
    declarations_of,
    noticing_random_numbers,
    noticing_settings,
)
from gruverify.cell import AnyCase, Cell, Gradients, Stack
from gruverify.invariants.core._declared import ruled_out
from gruverify.invariants.core._obstacle import (
    BackendRaised,
    Declined,
    Malformed,
    NoMoreAsked,
    Obstacle,
    RuledOut,
    without_frames,
)

#: The arguments of each method after the cell, in its order, and the axes of each that is an array.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "step": ("x", "h"),
    "step_jacobian": ("x", "h"),
    "step_vjp": ("x", "h", "cotangent"),
    "sequence": ("inputs", "state"),
    "sequence_vjp": ("inputs", "state", "d_outputs", "d_last"),
    "sequence_jvp": ("inputs", "state", "tangent"),
    "sequence_hvp": ("inputs", "state", "d_outputs", "d_last", "tangent"),
    "sequence_hvp_reverse": ("inputs", "state", "d_outputs", "d_last", "tangent"),
    "sequence_masked": ("inputs", "state", "keep"),
    "sequence_masked_vjp": ("inputs", "state", "keep", "d_outputs", "d_last"),
    "sequence_restarted": ("inputs", "state", "restart"),
    "sequence_restarted_vjp": ("inputs", "state", "restart", "d_outputs", "d_last"),
    "sequence_marked": ("inputs", "state", "keep", "restart"),
    "sequence_marked_vjp": ("inputs", "state", "keep", "restart", "d_outputs", "d_last"),
    "sequence_zoneout": ("inputs", "state", "keep_units"),
    "sequence_zoneout_vjp": ("inputs", "state", "keep_units", "d_outputs", "d_last"),
}
AXES = {
    "x": "BI",
    "h": "BH",
    "cotangent": "BH",
    "inputs": "TBI",
    "state": "BH",
    "d_outputs": "TBH",
    "d_last": "BH",
    "keep": "TB",
    "restart": "TB",
    "keep_units": "TBH",
}
#: What the methods that return a pair return, and its axes.
PAIRS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "step_jacobian": (("dh", "BHH"), ("dx", "BHI")),
    "sequence": (("outputs", "TBH"), ("last", "BH")),
    "sequence_jvp": (("d_outputs", "TBH"), ("d_last", "BH")),
    "sequence_masked": (("outputs", "TBH"), ("last", "BH")),
    "sequence_restarted": (("outputs", "TBH"), ("last", "BH")),
    "sequence_marked": (("outputs", "TBH"), ("last", "BH")),
    "sequence_zoneout": (("outputs", "TBH"), ("last", "BH")),
}

#: Letters of shapes that stand for products.
_SPELLED = {"3": "3H", "S": "L·D", "O": "D·H"}


class Calls:
    """Calls of a backend for a case: what they raise, return and change. Each hands out copies of
    its own.

    Reading an answer raises an Obstacle if there is none: BackendRaised, Malformed or Declined.
    `ask` keeps what it finds, `fresh_answer` calls whenever it is called. `subject` is the cell or
    stack that every method is given first. `mutated` lists the arguments that calls of each method
    changed, `unsettled` the settings of the program that they left changed, and how, and `drawn`
    the random generators, shared by the program, of its second call.
    """

    def __init__(
        self,
        case: AnyCase,
        subject: Cell | Stack,
        backend: Backend,
        declared: Declarations | None = None,
    ) -> None:
        """`declared` is what the backend declares, where it is known already."""
        self.case = case
        self.backend: Any = backend
        self.subject: Any = subject
        self.declared = declared or declarations_of(backend)
        self.mutated: defaultdict[str, list[str]] = defaultdict(list)
        self.drawn: defaultdict[str, set[str]] = defaultdict(set)
        self.unsettled: defaultdict[str, dict[str, str]] = defaultdict(dict)
        #: The answer to each question, or the obstacle in its place.
        self._answers: dict[tuple[str, ...], Any] = {}
        self._again: dict[str, Any] = {}
        self._format, self._sizes = case.format, case.sizes
        H, L, D = case.sizes["H"], case.sizes.get("L", 1), case.sizes.get("D", 1)
        self._extents = {**case.sizes, "3": 3 * H, "S": L * D, "O": D * H}

    def arguments(self, method: str, **changes: object) -> Keywords:
        """What the method is given for the case after the cell or stack, by name and in its order;
        changes: what is given in place of the case's own.
        """
        raise NotImplementedError

    def letters(self, argument: str) -> str:
        """The axes of such an argument, such as "TBI"."""
        raise NotImplementedError

    def checked(self, method: str, returned: object, **other: int) -> Any:
        """What the method returned, if its kind, shapes and dtype are right; other: sizes that the
        case has not.
        """
        raise NotImplementedError

    def ask(self, method: str, **without: None) -> Any:
        """The method's checked answer for the case, without those of its arguments that are named.

        It is called once, and what stands in its way is kept like an answer: calling again could
        kill the target again, or take as long.
        """
        question = (method, *without)
        if question not in self._answers:
            try:
                self._answers[question] = self.fresh_answer(method, **without)
            except Obstacle as obstacle:
                obstacle.case = self.case
                without_frames(obstacle)
                self._answers[question] = obstacle
        found = self._answers[question]
        if isinstance(found, Obstacle):
            # Raised itself it would hold the frames of whoever asks, and with them this very object
            # and all else that was found of the case, until garbage is collected.
            raise found.again()
        return found

    def fresh_answer(self, method: str, **changes: object) -> Any:
        """The method's checked answer, called again; changes: arguments in place of the case's,
        each of any number of steps and members, or None.
        """
        returned = self.raw_answer(method, self.arguments(method, **changes))
        return self._checked_with(method, returned, changes)

    def _checked_with(self, method: str, returned: object, changes: Keywords) -> Any:
        """The answer to a call with changed arguments, if its kind, shapes and dtype are right."""
        raise NotImplementedError

    def raw_answer(self, method: str, arguments: Keywords) -> Any:
        """What the method returns for copies of these arguments, unchecked."""
        # Copies for every call: a backend that writes to its arguments must not change the next
        # answer, and the copy shows that it did.
        subject = self.subject.writable_copy()
        given = {name: copied(argument) for name, argument in arguments.items()}
        result = self.as_given(method, subject, *given.values())
        self.mutated[method] += changed(self.subject.packed(), subject.packed()) + changed(
            arguments, given
        )
        return result

    def second_answer(self, method: str) -> Any:
        """The method's answer to a second call for the case, which is made once."""
        if method not in self._again:
            # Around the second call, and not the first: that one may seed or build something once.
            with noticing_random_numbers(self.drawn[method]):
                self._again[method] = self.fresh_answer(method)
        return self._again[method]

    def forget_further_answers(self) -> None:
        """Let go of all answers but the first ones to the whole case: who asks for one of the
        others again calls again.
        """
        self._again.clear()
        self._answers = {asked: found for asked, found in self._answers.items() if len(asked) == 1}

    def as_given(self, method: str, *arguments: object) -> Any:
        """What the method returns for these very objects, unchecked."""
        if declaration := ruled_out(self.declared, method, arguments):
            raise RuledOut(method, declaration)
        try:
            # NumPy's warnings at saturated gates are no findings; the recorder names the call if it
            # never comes back.
            with (
                np.errstate(all="call", call=_unheard),
                noticing_settings(self.unsettled[method]),
                RECORDER.calling(method, self._sizes),
            ):
                return getattr(self.backend, method)(*arguments)
        except GivenUp as given_up:
            raise NoMoreAsked(method, str(given_up)) from given_up
        # Before the general case: declining is part of the contract, and no failure.
        except NotImplementedError as declined:
            raise Declined(method, str(declined)) from declined
        except ProtocolBroken as broken:  # which refuses nothing, as raising may
            raise Malformed(f"{method}: {broken}") from broken
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: a target that ends itself must not end us
            remedy = _remedy(error, self._format.name)
            raise BackendRaised(method, error, remedy) from error

    def _array(self, name: str, value: Any, letters: str, **other: int) -> NDArray:
        """The value, if it is an array of the shape that the letters spell: "3" is 3H, "S" L·D and
        "O" D·H.

        other: letters that have another value than in the case.
        """
        sizes = {**self._extents, **other}
        shape = tuple([sizes[letter] for letter in letters])
        if is_array(value) and value.shape == shape and value.dtype == self._format.dtype:
            array: NDArray = value
            return array
        spelled = "(" + ", ".join(_SPELLED.get(letter, letter) for letter in letters) + ")"
        if not is_array(value):
            raise Malformed(
                f"{name} is {type(value).__name__}, expected a NumPy array {spelled} = {shape}"
            )
        if value.shape != shape:
            bound = ", ".join(f"{letter}={sizes[letter]}" for letter in self._sizes)
            raise Malformed(
                f"{name} has shape {value.shape}, expected {spelled} = {shape} with {bound}"
            )
        raise Malformed(
            f"{name} has dtype {value.dtype}, expected {self._format.name}, the case's format: "
            f"{_way_out(value.dtype.name, self._format.name)}"
        )


def _unheard(kind: str, flag: int) -> None:
    """Takes NumPy's warnings: were they ignored, a target that has them ignored would not show."""


def _remedy(error: BaseException, format: str) -> str:
    """What to do about an error, where it is that a function knows no numbers of 16 bits."""
    # As einsum, ufuncs and linalg of NumPy, and SciPy's functions, say it.
    said = ("data type", "input types", "array type", "bfloat16", "float16")
    of_types = isinstance(error, TypeError) and any(words in str(error) for words in said)
    if of_types and format.endswith("float16"):
        return f"compute in float32 inside, or declare formats without {format}"
    return ""


def _way_out(returned: str, expected: str) -> str:
    """What to do about an answer in another format."""
    if (returned, expected) == ("float32", "bfloat16"):
        # ml_dtypes leaves matrix products, and NumPy what it knows no loop for, in float32.
        return (
            "NumPy's matrix products of bfloat16 are float32, so return it as "
            "result.astype(x.dtype), or declare formats without bfloat16"
        )
    return "cast it, or declare the formats that it has"


def is_array(value: Any) -> bool:
    """Whether it is a NumPy array; a subclass is, if it computes and is indexed as one, as no
    matrix and no mask is.
    """
    of = type(value)
    own = (of.__array_ufunc__, of.__getitem__) if isinstance(value, np.ndarray) else ()
    # A masked array or a matrix would pass `isinstance` and then multiply or index in its own way.
    return own == (np.ndarray.__array_ufunc__, np.ndarray.__getitem__)


def pair_of(method: str, value: object) -> tuple[Any, Any]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise Malformed(f"{method} returned {type(value).__name__}, expected a pair of arrays")
    return value


def copied(argument: object) -> Any:
    """An argument of its own, writable and in C order."""
    if isinstance(argument, Gradients):
        return Gradients(*(copied(getattr(argument, name)) for name in vars(argument)))
    if isinstance(argument, np.ndarray):
        return argument.copy()
    return argument


def changed(before: Keywords, after: Keywords) -> list[str]:
    """The names of the arguments that have other bits after than before."""
    # Bytes, for a NaN is not equal to itself, and -0 is another number than 0 here.
    return [name for name, argument in before.items() if _bytes(argument) != _bytes(after[name])]


def _bytes(argument: object) -> bytes:
    if isinstance(argument, Gradients):
        return b"".join(array.tobytes() for _, array in argument.items())
    if isinstance(argument, np.ndarray):
        return argument.tobytes()
    return b""
