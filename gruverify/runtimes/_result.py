"""All GRUs of a file in a runtime, and the verdict on the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gruverify._named import DeclaredValues
from gruverify.models import (
    BadFile,
    Gru,
    OnnxChain,
    OnnxFile,
    OnnxNode,
    WholeModel,
    onnx_file,
    onnx_whole,
)
from gruverify.runtimes._check import NodeResult, check_part
from gruverify.runtimes._draw import drawn_inputs
from gruverify.runtimes._inputs import Given, Wanted, completed
from gruverify.runtimes._lite import is_lite, lite_model, require_runs
from gruverify.runtimes._parts import ChainPart, NodePart, Part
from gruverify.runtimes._ports import ports_of
from gruverify.runtimes._runtime import Runtime, runtime_named
from gruverify.runtimes._types import about_types, about_whole
from gruverify.runtimes._whole import WholePart

#: How many cases are drawn of each part besides what is always asked, unless more are wanted.
CASES = 10


@dataclass(frozen=True, eq=False)
class FileResult:
    """What became of the GRUs of a file: of its nodes, and of chains of them; or of the whole.

    versions: of the runtime's packages; declared: what was declared of its accuracy; stored: how
    many tensors the file stores of each type; notes: what was found out about types, and which
    nodes are not run as one.
    """

    file: str
    runtime: str
    versions: Mapping[str, str]
    seed: int
    declared: DeclaredValues
    nodes: tuple[NodeResult, ...]
    stored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Falsified if a node is; conforms if all do; inconclusive if one was refused or too little
        is claimed of it.
        """
        found = {node.verdict for node in self.nodes}
        for verdict in ("falsified", "inconclusive"):
            if verdict in found:
                return verdict
        return "conforms"


@dataclass(frozen=True)
class Whole:
    """A model that is judged as a whole: against this GRU; named: its inputs and outputs by their
    roles, where their shapes do not tell; and whether the batch is their first axis.
    """

    gru: Gru
    named: Mapping[str, str]
    batch_first: bool


def check_file(
    file: str,
    runtime: str,
    *,
    seed: int = 0,
    cases: int = CASES,
    only: str | None = None,
    whole: Whole | None = None,
    recorded: Sequence[Given] = (),
    declared: DeclaredValues | None = None,
) -> FileResult:
    """Hold every GRU node of an ONNX file, run by a runtime, against the mathematics, and every
    chain of nodes between which there is nothing but layout; or a whole ONNX or TFLite model.

    cases: how many are drawn besides what is always checked; only: the name of the one node that is
    wanted; whole: what the model computes as a whole, where
    its GRU is not a node, as in every TFLite file; recorded: inputs to run besides those that are
    drawn; declared: of the runtime's accuracy, as `gruverify.judging.judge` takes it.

    Raises:
        BadFile: the file cannot be read, has no GRU node, or one that is wanted lacks weights or
        has some that do not fit; ValueError: there is no such node, input, output or runtime, or it
        runs no such files; TargetUnavailable: the runtime cannot be imported; BadDeclaration: a
        declaration is unknown, or has a value that it cannot have.
        ValueError, too, where a model is right with batch and time the other way round.
    """
    require_runs(file, runtime)
    # The runtime is imported last: what is wrong with the file is then said without it.
    asked = _Asked(seed, cases, recorded, declared or {}, lambda: runtime_named(runtime))
    if whole is not None:
        return asked.whole(file, runtime, whole)
    if is_lite(file):
        raise ValueError(f"{file} has no GRU nodes: check it as a whole, with --weights")
    found = onnx_file(file)
    if only is not None:
        found = _only(file, found, only)
    if damaged := [node.damaged for node in found.nodes if node.damaged]:
        raise BadFile(f"{file}: {damaged[0]}")
    runs = asked.runtime()
    nodes = [asked.node(node, runs) for node in found.nodes]
    chains = [asked.chain(chain, runs) for chain in found.chains if chain.gru is not None]
    return FileResult(
        file,
        runtime,
        runs.versions,
        seed,
        asked.declared,
        (*nodes, *chains),
        dict(found.stored),
        (*about_types(found), *_not_as_one(found.chains)),
    )


def _only(file: str, found: OnnxFile, name: str) -> OnnxFile:
    """The one node alone."""
    nodes = [node for node in found.nodes if node.name == name]
    if not nodes:
        names = ", ".join(node.name for node in found.nodes)
        raise ValueError(f"{file} has no GRU node {name!r}: it has {names}")
    return replace(found, nodes=nodes, chains=())


def _not_as_one(chains: Sequence[OnnxChain]) -> Iterator[str]:
    for chain in chains:
        if chain.gru is None:
            yield f"{chain.name} are not run as one: {chain.refused}"


@dataclass(frozen=True)
class _Asked:
    """What parts are run over, and under which declarations."""

    seed: int
    cases: int
    recorded: Sequence[Given]
    declared: DeclaredValues
    runtime: Callable[[], Runtime]

    def node(self, node: OnnxNode, runs: Runtime) -> NodeResult:
        stored = tuple(sorted(node.stored))
        if node.gru is None:
            return NodeResult(node.name, "", node.refused, stored=stored)
        return replace(self._part(NodePart(node, node.gru), runs), stored=stored)

    def chain(self, chain: OnnxChain, runs: Runtime) -> NodeResult:
        assert chain.gru is not None  # the others are told in a note
        stored = sorted(frozenset[str]().union(*(node.stored for node in chain.nodes)))
        return replace(self._part(ChainPart(chain, chain.gru), runs), stored=tuple(stored))

    def whole(self, file: str, runtime: str, whole: Whole) -> FileResult:
        if is_lite(file):
            found = lite_model(file)
        else:
            found = onnx_whole(file)
        stack = whole.gru.stack
        ports = ports_of(found, stack, whole.named, batch_first=whole.batch_first)
        runs = self.runtime()
        result = self._part(WholePart(found, whole.gru, ports), runs)
        if result.verdict == "falsified" and self._is_right_the_other_way(found, whole, runs):
            said, other = ("batch", "time") if whole.batch_first else ("time", "batch")
            raise ValueError(
                f"{file} is right if its sequence begins with {other}, and not, as was said, with "
                f"{said}: give --{other}-first"
            )
        unused = [p.name for p in found.outputs if p not in ports.by_role.values()]
        notes = [f"output {name} is not judged" for name in unused]
        roles = ", ".join(f"{role}={port.name}" for role, port in ports.by_role.items())
        return FileResult(
            file,
            runtime,
            runs.versions,
            self.seed,
            self.declared,
            (result,),
            dict(found.stored),
            (
                f"judged as a whole ({found.how}), with {roles}",
                *about_whole(found.stored, stack.format),
                *notes,
            ),
        )

    def _is_right_the_other_way(self, found: WholeModel, whole: Whole, runs: Runtime) -> bool:
        """Whether a model is right with batch and time exchanged, in all that is always asked."""
        try:
            ports = ports_of(found, whole.gru.stack, whole.named, batch_first=not whole.batch_first)
        except ValueError:  # its shapes say that it is not so
            return False
        alone = replace(self, cases=0, recorded=())
        return alone._part(WholePart(found, whole.gru, ports), runs).verdict == "conforms"

    def _part(self, part: Part, runs: Runtime) -> NodeResult:
        for given in self.recorded:
            _require_fit(given, part)
        wanted = Wanted(part.gru, part.format, part.takes, part.sizes)
        # The user's own first: if one fails, it is what the witness is made from.
        mine = [completed(given, wanted) for given in self.recorded]
        inputs = [*mine, *drawn_inputs(wanted, self.seed, self.cases)]
        return check_part(part, runs, inputs, self.declared)


def _require_fit(given: Given, part: Part) -> None:
    """Raise ValueError unless recorded inputs have the sizes that a part wants."""
    stack, shape = part.gru.stack, given.inputs.shape
    if len(shape) != 3 or shape[2] != stack.input_size:
        raise ValueError(
            f"{given.about}: shape {shape}, expected (T, B, I) with I={stack.input_size} for "
            f"{part.gru.name or part.name} (another GRU of the file is named by --gru)"
        )
    for letter, size in part.sizes.items():
        if given.sizes[letter] != size:
            raise ValueError(
                f"{given.about}: shape {shape}, expected (T, B, I) with {letter}={size}, which the "
                "file fixes"
            )
    _require_state(given, part)
    _require_lengths(given, part)


def _require_state(given: Given, part: Part) -> None:
    if given.state is None:
        return
    stack = part.gru.stack
    expected = stack.layers * stack.directions, given.sizes["B"], stack.hidden_size
    if "initial_h" not in part.takes:
        raise ValueError(f"{given.about}: they come with states, and {part.name} takes none")
    if given.state.shape != expected:
        raise ValueError(
            f"{given.about}: states have shape {given.state.shape}, expected (L·D, B, H) = "
            f"{expected}"
        )


def _require_lengths(given: Given, part: Part) -> None:
    if given.lengths is None:
        return
    T, B = given.sizes.values()
    if "sequence_lens" not in part.takes:
        raise ValueError(f"{given.about}: they come with lengths, and {part.name} takes none")
    if given.lengths.shape != (B,) or given.lengths.dtype.kind not in "iu":
        raise ValueError(
            f"{given.about}: lengths are {given.lengths.dtype} of shape {given.lengths.shape}, "
            f"expected whole numbers, (B,) = ({B},)"
        )
    if given.lengths.min() < 0 or given.lengths.max() > T:
        raise ValueError(f"{given.about}: a length is below 0 or above T={T}")
