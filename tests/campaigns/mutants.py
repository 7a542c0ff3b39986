"""Mutants of a GRU written by hand, one change each: operators, numbers, names, slices, calls left
out.

    python tests/campaigns/mutants.py [--every 1] [--profile quick]

prints each mutant that nothing catches, and how many were caught. A mutant that returns the same
bits as the right one on drawn cases is equivalent, and not counted.
"""

from __future__ import annotations

import argparse
import ast
import copy
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gruverify
from gruverify import float32
from gruverify.backends import completed
from gruverify.cell import Case
from gruverify.engine import draw, streams_for

SOURCE = Path(__file__).with_name("_plain_gru.py").read_text(encoding="utf-8")
METHODS = ("step", "sequence", "sequence_vjp")
_OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
    ast.MatMult: (),
}
#: Names that are taken for each other.
_NAMES = (
    {"r", "z", "n"},
    {"a_r", "a_z", "a_n"},
    {"b_r", "b_z", "b_n"},
    {"d_r", "d_z", "d_n"},
    {"a", "b"},
    {"x", "h"},
    {"weight_ih", "weight_hh"},
    {"bias_ih", "bias_hh"},
    {"inputs", "states"},
    {"w_ih", "w_hh"},
    {"b_ih", "b_hh"},
    {"d_outputs", "d_last"},
)


def mutants() -> Iterator[tuple[str, ast.Module]]:
    """Where and how each differs, and its tree."""
    tree = ast.parse(SOURCE)
    count = sum(1 for _ in ast.walk(tree))
    for place in range(count):
        node = _node(tree, place)
        for words, change in _changes(node):
            other = copy.deepcopy(tree)
            change(_node(other, place))
            yield f"line {getattr(node, 'lineno', 0)}: {words}", other


def _node(tree: ast.AST, place: int) -> ast.AST:
    for number, node in enumerate(ast.walk(tree)):
        if number == place:
            return node
    raise IndexError(place)


def _changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.BinOp):
        text = ast.unparse(node)
        for other in _OPERATORS.get(type(node.op), ()):
            yield f"{text}, with {other.__name__}", _setting("op", other())
        yield f"{text}, its left side alone", lambda n: _become(n, n.left)
        yield f"{text}, its right side alone", lambda n: _become(n, n.right)
        yield f"{text}, sides exchanged", _exchange
    if isinstance(node, ast.AugAssign):
        yield f"{ast.unparse(node)}, with Sub", _setting("op", ast.Sub())
        yield f"{ast.unparse(node)}, with Mult", _setting("op", ast.Mult())
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        for value in (node.value + 1, node.value - 1, 2 * node.value):
            if value != node.value:
                yield f"{node.value} as {value}", _setting("value", value)
    if isinstance(node, ast.UnaryOp):
        yield f"{ast.unparse(node)}, without its sign", lambda n: _become(n, n.operand)
    if isinstance(node, ast.Compare):
        yield f"{ast.unparse(node)}, the other way", _setting("ops", [ast.Gt()])
    for field in ("id", "attr"):
        own = getattr(node, field, None)
        if isinstance(getattr(node, "ctx", None), ast.Load):
            for names in _NAMES:
                for other in sorted(names - {own}) if own in names else ():
                    yield f"{own} as {other}", _setting(field, other)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sigmoid", "np.tanh", "np.abs"):
        yield f"{ast.unparse(node)}, its argument alone", lambda n: _become(n, n.args[0])


def _setting(field: str, value: Any) -> Any:
    return lambda node: setattr(node, field, value)


def _exchange(node: Any) -> None:
    node.left, node.right = node.right, node.left


def _become(node: Any, other: Any) -> None:
    """Turn a node into another one, in place."""
    node.__class__ = other.__class__
    node.__dict__ = copy.copy(other.__dict__)


def built(tree: ast.Module) -> Any:
    """The backend that a mutant is."""
    module = types.ModuleType("mutant")
    exec(compile(ast.fix_missing_locations(tree), "mutant", "exec"), module.__dict__)
    return completed(module)


def answers(backend: Any, cases: list[Case]) -> list[Any]:
    """Every number that it returns over some cases; what it raises is an answer, too."""
    found = list[Any]()
    for case in cases:
        try:
            with np.errstate(all="ignore"):
                outputs = backend.sequence(case.cell, case.inputs, case.state)
                arguments = case.cell, case.inputs, case.state, case.d_outputs, case.d_last
                gradients = vars(backend.sequence_vjp(*arguments)).values()
            found += [np.asarray(array).tobytes() for array in (*outputs, *gradients)]
        except Exception as error:  # whatever a mutant does
            found.append(type(error).__name__)
    return found


def main() -> None:
    """Put every mutant to the checks, and print what became of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--profile", default="quick")
    options = parser.parse_args()
    right = built(ast.parse(SOURCE))
    cases = list[Case]()
    [stream, *_] = streams_for(right, float32, 1, 60)
    draw(stream.strategy, stream.count, stream.seed, cases.append)
    expected = answers(right, cases)
    assert gruverify.check(right, profile=options.profile).verdict == "conforms"
    caught = equivalent = 0
    survivors = list[str]()
    for number, (words, tree) in enumerate(mutants()):
        if number % options.every:
            continue
        try:
            mutant = built(tree)
        except Exception:  # it cannot even be imported
            caught += 1
            continue
        if answers(mutant, cases) == expected:
            equivalent += 1
            continue
        result = gruverify.check(mutant, profile=options.profile, max_failures=1, shrink=False)
        if result.verdict == "conforms":
            survivors.append(words)
            print(f"not caught: {words}", flush=True)
        else:
            caught += 1
    total = caught + len(survivors)
    print(f"{caught} of {total} caught, {equivalent} equivalent")


if __name__ == "__main__":
    main()
