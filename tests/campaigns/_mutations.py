"""The grammar by which mutants.py changes a GRU written by hand, one place at a time.

A change is an operator, a side of it alone, a number, a sign, a comparison, a name taken for
another, σ or tanh left out; an expression scaled, left out, shifted along an axis or along time.
Beside each change of an expression there are some of the same that are made at a certain size or
time alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
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
#: What is put around an expression of numbers: {} stands for it.
_AROUND = (
    ("sign", "-({})"),
    ("left out", "0 * ({})"),
    ("scale", "2 * ({})"),
    ("scale", "0.5 * ({})"),
    ("scale", "1.01 * ({})"),
    ("scale", "0.999 * ({})"),
    ("sign", "np.abs({})"),
    ("shift or turn", "np.roll({}, 1, -1)"),
    ("shift or turn", "np.roll({}, 1, 0)"),
    ("shift or turn", "np.flip({}, 0)"),
)
#: Names of arrays, where they are read.
_ARRAYS = set().union(*_NAMES) - {"w_ih", "w_hh", "b_ih", "b_hh"} | {"d", "state", "d_inputs"}
#: When a change is made, by the arguments of the function that it is in.
_WHEN = {
    "cell": ("cell.hidden_size == 1", "cell.hidden_size == 3", "cell.hidden_size > 4"),
    "cell, x": ("cell.input_size == 2", "len(x) > 1", "len(x) == 3"),
    "inputs": ("len(inputs) == 1", "len(inputs) > 2", "inputs.shape[1] == 2"),
    "t": ("t == 0", "t == 2", "t == len(inputs) - 1"),
}
#: So many of those for a change, by turns.
_TURNS = 2

_Change = Callable[[ast.expr], ast.expr]


@dataclass(frozen=True)
class Mutant:
    """One change: its words, the whole source with it, and what kind of change it is."""

    words: str
    source: str
    kind: str

    @property
    def key(self) -> str:
        """What tells it from others."""
        return sha256(self.source.encode()).hexdigest()[:16]


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a source, no two with the same text."""
    seen, turn = {ast.unparse(ast.parse(source))}, 0
    tree = ast.parse(source)
    bound = _bound(tree)
    for node in _expressions(tree):
        for kind, words, change in _changes(node):
            for when in ("", *_conditions(node, bound[node], turn)):
                text = _changed(tree, node, change, when)
                if text in seen:
                    continue
                seen.add(text)
                said, of = f"line {node.lineno}: {words}", kind
                if when:
                    said, of = f"{said}, if {when}", f"{kind}, at a size or time"
                yield Mutant(said, text, of)
            turn += 1


def _expressions(tree: ast.AST) -> list[ast.expr]:
    """Those that are read, in the order of the walk; not the annotations."""
    left_out = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation:
            left_out |= {id(each) for each in ast.walk(node.annotation)}
        if isinstance(node, ast.FunctionDef) and node.returns:
            left_out |= {id(each) for each in ast.walk(node.returns)}
    found = list[ast.expr]()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.expr) and id(node) not in left_out:
                    found.append(node)
    return found


def _changed(tree: ast.Module, node: ast.expr, change: _Change, when: str) -> str:
    """The source of a tree with a change of one of its nodes, which is undone then."""
    kind, old = type(node), copy.copy(node.__dict__)
    new = change(copy.deepcopy(node))
    if when:
        test = ast.parse(when, mode="eval").body
        new = ast.IfExp(test=test, body=new, orelse=copy.deepcopy(node))
    node.__class__, node.__dict__ = type(new), new.__dict__  # type: ignore[assignment]
    text = ast.unparse(tree)
    node.__class__, node.__dict__ = kind, old  # type: ignore[assignment]
    return text


def _conditions(node: ast.expr, names: set[str], turn: int) -> list[str]:
    """Some that can be asked where an expression stands, by turns."""
    if isinstance(node, ast.Attribute | ast.Slice) or not isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    ):
        return []
    known = list[str]()
    for wanted, conditions in _WHEN.items():
        if set(wanted.split(", ")) <= names:
            known += conditions
    return [known[(_TURNS * turn + each) % len(known)] for each in range(min(_TURNS, len(known)))]


def _bound(tree: ast.AST) -> dict[ast.AST, set[str]]:
    """By node, the arguments and loop variables that are bound where it stands."""
    found = dict[ast.AST, set[str]]()
    for outer in ast.walk(tree):
        names = set[str]()
        if isinstance(outer, ast.FunctionDef):
            names = {argument.arg for argument in outer.args.args}
        if isinstance(outer, ast.For) and isinstance(outer.target, ast.Name):
            names = {outer.target.id}
        for node in ast.walk(outer):
            found[node] = found.get(node, set()) | names
    return found


def _changes(node: ast.expr) -> Iterator[tuple[str, str, _Change]]:
    """The kind of each change of an expression, its words, and the change."""
    text = ast.unparse(node)
    if isinstance(node, ast.BinOp):
        for other in _OPERATORS.get(type(node.op), ()):
            yield "operator", f"{text}, with {other.__name__}", _with("op", other())
        yield "left out", f"{text}, its left side alone", lambda n: cast(ast.BinOp, n).left
        yield "left out", f"{text}, its right side alone", lambda n: cast(ast.BinOp, n).right
        yield "operator", f"{text}, sides exchanged", _exchanged
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        for value in sorted({node.value + 1, node.value - 1, 2 * node.value} - {node.value}):
            yield "number or index", f"{node.value} as {value}", _with("value", value)
    if isinstance(node, ast.UnaryOp):
        yield "sign", f"{text}, without its sign", lambda n: cast(ast.UnaryOp, n).operand
    if isinstance(node, ast.Compare):
        yield "operator", f"{text}, the other way", _with("ops", [ast.Gt()])
    for field in ("id", "attr"):
        own = getattr(node, field, None)
        if isinstance(getattr(node, "ctx", None), ast.Load):
            for names in _NAMES:
                for name in sorted(names - {own}) if own in names else ():
                    yield "name", f"{own} as {name}", _with(field, name)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sigmoid", "np.tanh", "np.abs"):
        yield "left out", f"{text}, its argument alone", lambda n: cast(ast.Call, n).args[0]
    if _is_numbers(node):
        for kind, around in _AROUND:
            yield kind, f"{text} as {around.format(text)}", _around(around)
    if text == "t" and isinstance(getattr(node, "ctx", None), ast.Load):
        for other_time in ("max(t - 1, 0)", "min(t + 1, len(inputs) - 1)", "len(inputs) - 1 - t"):
            yield "time", f"t as {other_time}", _around(other_time)


def _is_numbers(node: ast.expr) -> bool:
    """Whether it is an array that is read."""
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Load) and node.id in _ARRAYS
    if isinstance(node, ast.Subscript | ast.Attribute):
        text = ast.unparse(node)
        return isinstance(node.ctx, ast.Load) and text.startswith(
            ("inputs[", "states[", "d_outputs[", "cell.weight", "cell.bias")
        )
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("sigmoid", "np.tanh", "np.concatenate")
    return isinstance(node, ast.BinOp) and "t" not in ast.unparse(node).replace("at", "").split()


def _with(field: str, value: object) -> _Change:
    def change(node: ast.expr) -> ast.expr:
        setattr(node, field, value)
        return node

    return change


def _exchanged(node: ast.expr) -> ast.expr:
    both = cast(ast.BinOp, node)
    both.left, both.right = both.right, both.left
    return both


def _around(pattern: str) -> _Change:
    def change(node: ast.expr) -> ast.expr:
        return ast.parse(pattern.format(ast.unparse(node)), mode="eval").body

    return change
