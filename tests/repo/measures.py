"""How dense the product's code is, beside the goals that the house sets itself.

    python tests/repo/measures.py

prints for each measure what was found and the goal. Rates are per 1,000 lines.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = (*ROOT.glob("gruverify/**/*.py"), *ROOT.glob("strategies/gruverify_strategies/**/*.py"))
#: What each measure should be at most, or for comments at least.
GOALS = {
    "nested comprehensions": 0.5,
    "ternaries": 10.0,
    "Any": 10.0,
    "lines over 100 columns, %": 1.0,
    "functions over 60 lines": 0.0,
    "comments": 36.0,
}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def counts_of(text: str) -> Counter[str]:
    """What a module has of each."""
    tree, lines = ast.parse(text), text.splitlines()
    found = Counter(
        {"lines": len(lines), "lines over 100 columns, %": sum(len(line) > 100 for line in lines)}
    )
    found["comments"] = sum(token.type == tokenize.COMMENT for token in _tokens(text))
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            found["ternaries"] += 1
        elif isinstance(node, ast.Name):
            found["Any"] += node.id == "Any"
        elif isinstance(node, _COMPREHENSIONS):
            found["nested comprehensions"] += _nests(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = len((ast.get_docstring(node) or "").splitlines())
            lines_of_it = (node.end_lineno or 0) - node.lineno - documented
            found["functions over 60 lines"] += lines_of_it >= 60
    return found


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(text).readline)


def _nests(comprehension: ast.AST) -> bool:
    """Whether another comprehension lies within it, or it has more than one `for`."""
    inner = (node for node in ast.walk(comprehension) if node is not comprehension)
    return len(comprehension.generators) > 1 or any(
        isinstance(node, _COMPREHENSIONS) for node in inner
    )  # type: ignore[attr-defined]


def rates(found: Counter[str]) -> dict[str, float]:
    """Each measure in the unit of its goal."""
    lines = found["lines"]
    shares = {name: 1000 * found[name] / lines for name in GOALS}
    shares["lines over 100 columns, %"] /= 10
    shares["functions over 60 lines"] = float(found["functions over 60 lines"])
    return shares


def main() -> None:
    """Prints the table."""
    total = sum((counts_of(path.read_text(encoding="utf-8")) for path in PRODUCT), Counter[str]())
    print(f"{total['lines']} lines in {len(PRODUCT)} files")
    for name, rate in rates(total).items():
        print(
            f"{name:28} {rate:6.1f}   goal {'at least' if name == 'comments' else 'at most'} "
            f"{GOALS[name]:g}"
        )


if __name__ == "__main__":
    main()
