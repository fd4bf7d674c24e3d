"""Imports point one way, torch stays below the line, and some calls have one home: read from the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rat_modules

PACKAGE = Path(rat_modules.__file__).parent
BASE = {"errors", "atomic", "plain_pickle", "unfolding", "regular"}
NAMES = {"registry", "recipes"}
OPS = {"ops"}
LAYERS = {"layers", "losses", "text"}
MODELS = {"models"}
SYSTEMS = {"assembly", "costs", "checkpoints", "retrofitting", "data"}
WORK = {"training", "matching", "evaluation", "sampling"}

# what each unit may import, at the top of a file or inside a function; a unit may always import itself
TABLE: dict[str, set[str]] = {
    "errors": set(),
    "atomic": {"errors"},
    "plain_pickle": {"errors", "unfolding"},
    "unfolding": {"errors"},
    "regular": set(),
    "registry": BASE,
    "recipes": BASE | {"registry"},
    "ops": BASE,
    "layers": BASE | OPS,
    "losses": BASE | OPS | {"layers"},
    "text": BASE | OPS | {"layers"},
    "models": BASE | OPS | LAYERS,
    **dict.fromkeys(SYSTEMS, BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS),
    **dict.fromkeys(WORK, BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK),
    "reporting": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK,
    "hub": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK,
    "playing": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK | {"reporting"},
    "exporting": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK,
    "testing": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK,
    "cli": BASE | NAMES | OPS | LAYERS | MODELS | SYSTEMS | WORK | {"testing", "reporting", "exporting", "playing"},
}
# nothing in these loads torch when it is imported; the command line and training loops do so inside functions
LIGHT = BASE | NAMES | {"cli"}
HEAVY = {"torch", "torchvision", "triton", "scipy", "wordllama", "onnx", "onnxruntime"}
# call -> the only files that may make it
HOMES = {
    "torch.load": {"checkpoints/released.py"},
    "pickle.load": set(),
    "pickle.loads": set(),
}


def unit(path: Path) -> str:
    """The part of the house that a file belongs to: its folder, or its own name at the top."""
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield (dotted name, at the top of the file) for every import; those for the type checker alone are left out."""
    stack = [(tree, True)]
    while stack:
        node, top = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack += [(child, top) for child in node.orelse]
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield (f"{node.module}.{alias.name}", top)
        inner = top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        stack += [(child, inner) for child in ast.iter_child_nodes(node)]


def problems(path: Path, source: str) -> list[str]:
    """Everything in one file that breaks the rules of the house."""
    tree, here, found = ast.parse(source), unit(path), []
    name = path.relative_to(PACKAGE).as_posix()
    for dotted, top in imports(tree):
        package, _, rest = dotted.partition(".")
        target = rest.partition(".")[0]
        if package == "rat_modules" and here in TABLE and target in TABLE and target not in TABLE[here] | {here}:
            found.append(f"{here} imports {target}")
        if top and here in LIGHT | {"__init__", "__main__"}:
            if package in HEAVY:
                found.append(f"{package} is imported with the file")
            if package == "rat_modules" and target in TABLE and target not in LIGHT:
                found.append(f"{target} is imported with the file, and torch with it")
        if package == "triton" and not name.startswith("ops/kernels/"):
            found.append("triton outside ops/kernels")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            if call in HOMES and name not in HOMES[call]:
                found.append(f"call of {call}")
            if isinstance(node.func, ast.Attribute) and node.func.attr == "cuda" and call != "torch.cuda":
                found.append("call of .cuda()")
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith(("/home/", "/Users/"))
        ):
            found.append(f"machine path {node.value}")
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_keeps_to_the_house(path: Path) -> None:
    assert unit(path) in {*TABLE, "__init__", "__main__"}, "a new part of the house needs a row in the table"
    assert problems(path, path.read_text(encoding="utf-8")) == []


def test_the_table_has_no_way_back() -> None:
    over = {"testing", "reporting", "exporting", "hub"}
    tiers = [BASE, NAMES | OPS, LAYERS, MODELS, SYSTEMS, WORK, over, {"playing"}, {"cli"}]
    height = {name: level for level, tier in enumerate(tiers) for name in tier}
    assert height.keys() == TABLE.keys()
    for name, allowed in TABLE.items():
        assert all(height[other] <= height[name] for other in allowed), name
    assert all("registry" not in TABLE[name] for name in OPS | LAYERS | MODELS)


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("layers/new.py", "from rat_modules.registry import get_catalog", "layers imports registry"),
        ("ops/new.py", "def f():\n    import rat_modules.models.generator", "ops imports models"),
        ("layers/new.py", "from rat_modules import assembly", "layers imports assembly"),
        ("registry/new.py", "import torch.nn", "torch is imported with the file"),
        (
            "cli/new.py",
            "from rat_modules.assembly import assemble",
            "assembly is imported with the file, and torch with it",
        ),
        ("layers/new.py", "import triton.language", "triton outside ops/kernels"),
        ("data/new.py", "x = torch.load(p)", "call of torch.load"),
        ("data/new.py", "x = pickle.load(p)", "call of pickle.load"),
        ("models/new.py", "x = net.cuda()", "call of .cuda()"),
        ("models/new.py", "x = '/home/me/data'", "machine path /home/me/data"),
    ],
)
def test_the_check_sees(name: str, source: str, problem: str) -> None:
    assert problems(PACKAGE / name, source) == [problem]


def test_the_check_allows_what_the_house_allows() -> None:
    lazily = "def command():\n    import torch\n    from rat_modules.training import trainer"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"
    assert problems(PACKAGE / "cli/new.py", lazily) == problems(PACKAGE / "recipes/new.py", typed) == []
    assert problems(PACKAGE / "ops/kernels/affine.py", "import triton") == []
    assert problems(PACKAGE / "checkpoints/released.py", "torch.load(p, weights_only=True)") == []
