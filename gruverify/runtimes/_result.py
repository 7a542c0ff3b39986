"""All GRUs of a file in a runtime, and the verdict on the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gruverify._named import DeclaredValues
from gruverify.models import Gru, onnx_nodes
from gruverify.runtimes._check import NodeResult, check_node
from gruverify.runtimes._inputs import Given, drawn_inputs
from gruverify.runtimes._runtime import runtime_named


@dataclass(frozen=True, eq=False)
class FileResult:
    """What became of the GRUs of a file; versions: of the runtime's packages; declared: what was
    declared of its accuracy.
    """

    file: str
    runtime: str
    versions: Mapping[str, str]
    seed: int
    declared: DeclaredValues
    nodes: tuple[NodeResult, ...]

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


def check_file(
    file: str,
    runtime: str,
    *,
    seed: int = 0,
    only: str | None = None,
    recorded: Sequence[Given] = (),
    declared: DeclaredValues | None = None,
) -> FileResult:
    """Hold every GRU node of an ONNX file, run by a runtime, against the mathematics.

    only: the name of the one node that is wanted; recorded: inputs to run besides those that are
    drawn; declared: of the runtime's accuracy, as `gruverify.judging.judge` takes it.

    Raises:
        BadFile: the file cannot be read, or has no GRU node; ValueError: there is no such node or
        runtime; TargetUnavailable: the runtime cannot be imported; BadDeclaration: a declaration is
        none, or has a value that it cannot have.
    """
    nodes = onnx_nodes(Path(file))
    if only is not None:
        names = [node.name for node in nodes]
        nodes = [node for node in nodes if node.name == only]
        if not nodes:
            raise ValueError(f"{file} has no GRU node {only!r}: it has {', '.join(names)}")
    runs = runtime_named(runtime)
    found = list[NodeResult]()
    for node in nodes:
        inputs = list[Given]()
        if node.gru is not None:
            _require_width(recorded, node.gru)
            inputs = [*recorded, *drawn_inputs(node, node.gru, seed)]
        found.append(check_node(node, runs, inputs, declared or {}))
    return FileResult(file, runtime, runs.versions, seed, declared or {}, tuple(found))


def _require_width(recorded: Sequence[Given], gru: Gru) -> None:
    for given in recorded:
        if given.inputs.ndim != 3 or given.inputs.shape[2] != gru.stack.input_size:
            raise ValueError(
                f"{given.about}: shape {given.inputs.shape}, expected (T, B, I) with "
                f"I={gru.stack.input_size} for {gru.name} (another GRU of the file is named by "
                "--gru)"
            )
