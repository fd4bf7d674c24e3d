"""Which names are public, and on which page of the reference each is described once."""

import importlib
import importlib.util
import inspect
from collections.abc import Iterator

# a page and what it describes; packages by their __all__, other modules by what they define
PAGES = {
    "python": ("rat_modules",),
    "layers": (
        "rat_modules.layers.fusion",
        "rat_modules.layers.cells",
        "rat_modules.layers.blocks",
        "rat_modules.losses.magp_hinge",
        "rat_modules.losses.damsm",
        "rat_modules.losses.contrastive",
        "rat_modules.models.generator",
        "rat_modules.models.discriminator",
        "rat_modules.models.image_encoder",
    ),
    "ops": (
        "rat_modules.ops.affine",
        "rat_modules.ops.soft_threshold",
        "rat_modules.ops.gradient_penalty",
        "rat_modules.ops.recurrence",
        "rat_modules.ops.upsample_conv",
        "rat_modules.ops.average_pool",
        "rat_modules.ops.leaky",
    ),
    "systems": (
        "rat_modules.assembly",
        "rat_modules.recipes",
        "rat_modules.registry",
        "rat_modules.retrofitting",
        "rat_modules.data",
        "rat_modules.hub",
        "rat_modules.evaluation.protocol",
        "rat_modules.sampling.draw",
        "rat_modules.sampling.pixels",
        "rat_modules.sampling.grid",
        "rat_modules.exporting.subject",
        "rat_modules.exporting.file",
    ),
    "plugins": (
        "rat_modules.text.captions",
        "rat_modules.text.vocabulary",
        "rat_modules.text.damsm",
        "rat_modules.text.wordllama",
        "rat_modules.text.projected",
        "rat_modules.text.frozen",
        "rat_modules.evaluation.seen",
        "rat_modules.checkpoints.family",
        "rat_modules.checkpoints.published_keys",
        "rat_modules.checkpoints.votes",
        "rat_modules.layers.widths",
        "rat_modules.layers.padding",
        "rat_modules.layers.planning",
        "rat_modules.losses.similarity",
        "rat_modules.models.sizes",
        "rat_modules.ops.memory",
    ),
    "testing": ("rat_modules.testing",),
}


def names(module: str) -> list[str]:
    """The public names of a module."""
    held = importlib.import_module(module)
    if hasattr(held, "__all__"):
        return [name for name in held.__all__ if name != "__version__"]
    return [
        name
        for name, value in vars(held).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    ]


def described() -> dict[str, tuple[str, str]]:
    """Every public dotted name -> the page and the dotted name under which it is described there."""
    found: dict[str, tuple[str, str]] = {}
    first: dict[object, tuple[str, str]] = {}
    for page, modules in PAGES.items():
        for module in modules:
            for name in names(module):
                found[f"{module}.{name}"] = first.setdefault(_what(module, name), (page, path(module, name)))
    return found


def path(module: str, name: str) -> str:
    """The dotted name by which a reader of files finds it: where a file has the name too, that is its home."""
    dotted = f"{module}.{name}"
    if hasattr(importlib.import_module(module), "__path__") and importlib.util.find_spec(dotted):
        return f"{getattr(importlib.import_module(module), name).__module__}.{name}"
    return dotted


def _what(module: str, name: str) -> object:
    try:
        return id(getattr(importlib.import_module(module), name))
    except ImportError:  # an extra that is not installed; the reference is read without importing it
        return module, name


def markdown(argument: str) -> str:
    """The page `argument`: each module with its first sentence, then its names."""
    return "\n".join(line for module in PAGES[argument] for line in _module(module))


def _module(module: str) -> Iterator[str]:
    told = inspect.getdoc(importlib.import_module(module)) or ""
    yield from (f"## {module}", "", " ".join(told.split("\n\n")[0].split()), "")
    places = described()
    for name in names(module):
        page, dotted = places[f"{module}.{name}"]
        if dotted == path(module, name):
            yield from (f"::: {dotted}", "")
        else:
            yield from (f"`{name}` is [{dotted}]({page}.md#{dotted}).", "")
