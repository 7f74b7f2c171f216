"""Where a module can be altered and by what: the mutations of Cosmic Ray that a person might make.

An operator is replaced by one of its own kind, so that a mutant computes something else instead of
ending in a type error; annotations, which compute nothing, stay as they are.
"""

from __future__ import annotations

import ast
import importlib
import io
import itertools
import random
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_KINDS = (
    ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"),
    ("BitAnd", "BitOr", "BitXor"),
    ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"),
    ("Is", "IsNot"),
    ("UAdd", "USub"),
)
_REPLACED = re.compile(r"core/Replace(?:Binary|Comparison|Unary)Operator_(\w+)_(\w+)")
_WITH_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")


@dataclass(frozen=True, order=True, kw_only=True)
class Mutation:
    """One alteration of one module.

    Attributes:
      module: path below the root of the repository.
      line, column: where, counted from 1 and from 0.
      operator: name of Cosmic Ray for what is done.
      occurrence: the how manyth place of that operator in the module.
    """

    module: str
    line: int
    column: int
    operator: str
    occurrence: int


def plausible(operator: str) -> bool:
    """Whether an operator of Cosmic Ray stays within its kind and needs no arguments."""
    if operator in _WITH_ARGUMENTS:
        return False
    replaced = _REPLACED.fullmatch(operator)
    if replaced is None or replaced[1] == "Delete":
        return True
    return any(replaced[1] in kind and replaced[2] in kind for kind in _KINDS)


def mutations(module: str, source: str) -> Iterator[Mutation]:
    """Every plausible mutation of a module."""
    plugins: Any = importlib.import_module("cosmic_ray.plugins")
    trees: Any = importlib.import_module("cosmic_ray.ast")
    silent = silent_spans(source)
    tree = trees.get_ast(source)
    for name in filter(plausible, plugins.operator_names()):
        operator = plugins.get_operator(name)()
        starts = [start for node in trees.ast_nodes(tree)
                  for start, _ in operator.mutation_positions(node)]  # fmt: skip
        for occurrence, (line, column) in enumerate(starts):
            if not any(first <= (line, column) < last for first, last in silent):
                yield Mutation(module=module, line=line, column=column, operator=name,
                               occurrence=occurrence)  # fmt: skip


def mutant(source: str, mutation: Mutation) -> str | None:
    """The altered source; None where it is the same program, or none at all."""
    plugins: Any = importlib.import_module("cosmic_ray.plugins")
    mutating: Any = importlib.import_module("cosmic_ray.mutating")
    operator = plugins.get_operator(mutation.operator)()
    altered = mutating.mutate_code(source, operator, mutation.occurrence)
    try:
        same = altered is None or ast.dump(ast.parse(altered)) == ast.dump(ast.parse(source))
    except SyntaxError:
        return None
    return None if same else altered


def silent_spans(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Beginning and end of what computes nothing: a line (from 1) and a column (from 0) each.

    Annotations, how a dataclass is made (nothing here assigns to a frozen one), whether `zip`
    asserts that lengths agree, and the star after which arguments are keywords, which a mutation
    takes for a product.
    """
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.append(node.returns)
            case ast.arg() | ast.AnnAssign():
                found.append(node.annotation)
            case ast.Call(func=ast.Name(id="dataclass" | "zip")):
                found += [keyword.value for keyword in node.keywords]
    read = list(tokenize.generate_tokens(io.StringIO(source).readline))
    stars = [(star.start, star.end) for star, after in itertools.pairwise(read)
             if star.string == "*" and after.string == ","]  # fmt: skip
    return stars + [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in found
        if node is not None
    ]


def sample(sources: Mapping[str, str], number: int, seed: int) -> list[Mutation]:
    """Mutations of so many places, drawn evenly over the places and then over what is done there.

    Drawn evenly over mutations, operators would crowd out numbers and branches.

    Args:
      sources: of the modules, by their paths.
      number: how many, or all places where these are fewer.
      seed: of the draw.
    """
    at: dict[tuple[str, int, int], list[Mutation]] = {}
    for module, source in sources.items():
        for one in mutations(module, source):
            at.setdefault((one.module, one.line, one.column), []).append(one)
    draw = random.Random(seed)
    places = sorted(at)
    draw.shuffle(places)
    return list(_first(number, (_one(at[place], sources[place[0]], draw) for place in places)))


def _one(choices: list[Mutation], source: str, draw: random.Random) -> Mutation | None:
    """One of the mutations of a place that is another program."""
    for one in draw.sample(sorted(choices), len(choices)):
        if mutant(source, one) is not None:
            return one
    return None


def _first(number: int, found: Iterable[Mutation | None]) -> Iterator[Mutation]:
    for one in found:
        if number <= 0:
            return
        if one is not None:
            number -= 1
            yield one
