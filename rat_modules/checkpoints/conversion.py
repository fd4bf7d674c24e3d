"""Published files to an assembly, with an account of every tensor."""

from collections.abc import Collection
from pathlib import Path

import attrs
import torch

from rat_modules.assembly import Assembly, build
from rat_modules.checkpoints.damsm_files import read_damsm
from rat_modules.checkpoints.families import choose_family
from rat_modules.checkpoints.family import Family, Layout, Sizes
from rat_modules.checkpoints.fitting import Fit, fit
from rat_modules.checkpoints.released import Published, read_bundle, read_published
from rat_modules.errors import CheckpointError
from rat_modules.recipes import Recipe, load_recipe
from rat_modules.recipes.schema import Component
from rat_modules.text.damsm import DAMSMTextEncoder


@attrs.frozen
class Part:
    """What became of one file.

    Args:
        name: "generator", "discriminator" or "text encoder".
        file: what was read.
        facts: what it was recognised as: name of a size -> size.
        fit: where its tensors went.
        layout_notes: what its shapes and numbers let one suspect.
    """

    name: str
    file: Published
    facts: dict[str, int]
    fit: Fit
    layout_notes: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What a person should know of this file."""
        read = [f"read the entry {self.file.entry}"] if self.file.entry else []
        rest = ", ..." if len(self.file.left) > 8 else ""
        left = [f"not read: {', '.join(self.file.left[:8])}{rest}"] if self.file.left else []
        return [*read, *left, *self.layout_notes, *self.fit.notes]


@attrs.frozen
class Conversion:
    """An assembly made of published files, and the account of it.

    Args:
        assembly: what was converted; parts that were not given are None.
        family: which published system it is of.
        parts: what became of each file.
        notes: what the files cannot tell.
    """

    assembly: Assembly
    family: Family
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def convert(
    *,
    generator: str | Path | None = None,
    discriminator: str | Path | None = None,
    text_encoder: str | Path | None = None,
    captions: str | Path | None = None,
    family: str | None = None,
) -> Conversion:
    """Read published files; what is not given is None in the assembly, the text encoder too.

    Args:
        generator: netG, a `.pth` file; of a family that keeps all its networks in one file, that file.
        discriminator: netD, a `.pth` file.
        text_encoder: the `.pth` file of a DAMSM text encoder; needs `captions`.
        captions: the `captions.pickle` that holds its vocabulary.
        family: which published system; where None, the files say it, and a note tells where they cannot.

    Raises:
        CheckpointError: nothing given, or a file that is unsafe, foreign, or cannot be mapped tensor by tensor.
        UnknownNameError: nobody knows the family.
    """
    given = {"generator": generator, "discriminator": discriminator}
    files = {part: read_published(path, part) for part, path in given.items() if path is not None}
    text = read_damsm(text_encoder, captions)
    if not files and text is None:
        raise CheckpointError("nothing to convert", expected="--generator, --discriminator or --text-encoder")
    chosen, notes = choose_family(family, files)
    files = _unbundled(chosen, files)

    layouts: dict[str, Layout] = {}
    sizes: Sizes = {}
    for part, file in files.items():
        layouts[part] = chosen.network(part).read(file.weights, sizes)
        _check_equal(sizes, layouts[part].sizes, "generator and discriminator")
        sizes |= layouts[part].sizes
    if text is not None:
        _check_equal(sizes, {"generator.cond_dim": text[0].cond_dim}, "networks and text encoder")

    recipe = _recipe(chosen, sizes, text[0] if text else None)
    with torch.device("meta"):  # shapes alone: every number comes from the files
        assembly = build(attrs.evolve(recipe, text_encoder=Component("none")), parts=tuple(files))
    assembly.recipe = recipe
    parts = [_fill(assembly, part, file, layouts[part]) for part, file in files.items()]
    if text is not None:
        assembly.text_encoder, file, fitted = text
        parts.append(Part("text encoder", file, _facts(assembly.text_encoder), fitted, ()))
    return Conversion(assembly, chosen, tuple(parts), tuple(notes))


def _unbundled(family: Family, files: dict[str, Published]) -> dict[str, Published]:
    """Read the whole discriminator where the family keeps it in several entries, of the generator's file perhaps."""
    given = files.get("discriminator")
    holder = given or files.get("generator")
    found = read_bundle(holder.path, family.bundle) if holder and family.bundle else None
    if found is None:
        return files
    files = {**files, "discriminator": attrs.evolve(found, left=given.left if given else ())}
    return {part: _without(file, found.path, family.bundle) for part, file in files.items()}


def _without(file: Published, path: Path, read: Collection[str]) -> Published:
    """Take what was read of a file after all from the names that were left."""
    left = (name for name in file.left if file.path != path or name.rpartition(".")[2] not in read)
    return attrs.evolve(file, left=tuple(left))


def _recipe(family: Family, sizes: Sizes, encoder: DAMSMTextEncoder | None) -> Recipe:
    overrides: dict[str, object] = {**sizes, "summary": f"published weights of family {family.name}"}
    if encoder is None:
        overrides["text_encoder.name"] = "none"
    else:
        overrides |= {"text_encoder.name": "damsm", "generator.cond_dim": encoder.cond_dim}
        overrides |= {
            f"text_encoder.{key}": getattr(encoder, key) for key in ("embedding_dim", "cond_dim", "max_words")
        }
    # a discriminator is as wide as its generator, unless the recipe says so
    width = sizes.get("discriminator.width")
    if width is not None and overrides.setdefault("generator.width", width) == width:
        del overrides["discriminator.width"]
    return load_recipe(family.recipe, overrides)


def _fill(assembly: Assembly, part: str, file: Published, layout: Layout) -> Part:
    module = getattr(assembly, part)
    fitted = fit(str(file.path), file.weights, module.state_dict(), layout.keys)
    module.load_state_dict(fitted.tensors, assign=True)
    facts = {key.partition(".")[2]: size for key, size in layout.sizes.items()}
    if part == "generator":
        facts["steps"] = module.steps
    return Part(part, file, facts, fitted, layout.notes)


def _facts(encoder: DAMSMTextEncoder) -> dict[str, int]:
    return {"words": len(encoder.vocabulary), "embedding_dim": encoder.embedding_dim, "cond_dim": encoder.cond_dim}


def _check_equal(sizes: Sizes, more: Sizes, what: str) -> None:
    for key in sizes.keys() & more.keys():
        if sizes[key] != more[key]:
            raise CheckpointError(
                f"{what} do not belong together",
                got=f"{key.partition('.')[2]} {sizes[key]} and {more[key]}",
                expected="the same",
            )
