"""A model card: what the model is, its data and licence, and what was measured by which protocol."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from rat_modules import __version__
from rat_modules.assembly import Assembly
from rat_modules.errors import RatError
from rat_modules.evaluation.result import Result
from rat_modules.hub.signing import signed
from rat_modules.hub.staging import GRID
from rat_modules.sampling.draw import draw_captions
from rat_modules.sampling.grid import captioned_grid
from rat_modules.sampling.pixels import write_png

_HEADLINES = (
    "frechet: distance", "kernel-distance: mean", "inception-score: mean", "precision-recall: precision",
    "precision-recall: recall", "diversity: ratio", "r-precision: generated", "clip-score: generated",
)  # fmt: skip


def card(
    assembly: Assembly,
    *,
    data: str | None = None,
    licence: str | None = None,
    results: Sequence[str | Path] = (),
    captions: Sequence[str] = (),
    name: str = "",
    where: str = "...",
) -> ModelCard:
    """Write a card.

    Args:
        assembly: what it is about.
        data: what it was trained on, in words.
        licence: an identifier of the Hub, such as "apache-2.0".
        results: files that `rat-modules evaluate --protocol --out` wrote; each number stands beside its protocol.
        captions: a list of those of the grid that `write_grid` drew.
        name: of the model; the recipe's where it is empty.
        where: "owner/name" that loads it.

    Returns:
        Text with its front matter.

    Raises:
        RatError: a result cannot be read, or captions are one text.

    Example:
        >>> from rat_modules import assemble
        >>> print(card(assemble("ratgan-tiny"), data="coloured shapes").data.pipeline_tag)
        text-to-image
    """
    if isinstance(captions, str):
        raise RatError("captions of a card", got=repr(captions), expected="a list of captions", hint="wrap it in []")
    read = [Result.read(Path(file)) for file in results]
    try:
        rows, measured = [*_rows(read)], [line for result in read for line in _measured(result)]
    except (KeyError, TypeError, AttributeError) as error:
        got = f"no {error} in one of {', '.join(map(str, results))}"
        raise RatError("results for a card", got=got, expected="what `evaluate --protocol --out` wrote") from error
    name = name or assembly.recipe.name
    about = ModelCardData(
        library_name="rat_modules", pipeline_tag="text-to-image", license=licence, model_name=name,
        tags=["gan", "rat-gan", "text-to-image"], eval_results=rows or None,
    )  # fmt: skip
    text = "\n".join([*_text(assembly, name, data, licence, captions, where), *measured, ""])
    return ModelCard(signed(f"---\n{about.to_yaml()}\n---\n\n{text}"))


def write_grid(assembly: Assembly, folder: Path, captions: Sequence[str]) -> None:
    """Draw captions, with seed 0, for the card to show; nothing where there are none.

    Args:
        assembly: with generator and text encoder.
        folder: one that is there.
        captions: what to draw.
    """
    if captions:
        drawn = draw_captions(assembly, captions, seed=0)
        write_png(folder / GRID, captioned_grid(drawn.pixels, drawn.captions))


def _text(
    assembly: Assembly, name: str, data: str | None, licence: str | None, captions: Sequence[str], where: str
) -> Iterator[str]:
    recipe, generator = assembly.recipe, assembly.generator
    yield f"# {_cell(name)}\n"
    if captions:
        yield f"![Pictures of captions, seed 0]({GRID})\n"
    yield "```python"
    yield "from rat_modules.hub import PretrainedAssembly\n"
    hint = "  # this folder, or its name on the Hub" if where == "..." else ""
    yield f"model = PretrainedAssembly.from_pretrained({where!r}){hint}".replace("'", '"')
    yield f"images = model.sample({(captions or ('a caption',))[0]!r}, seed=0)  # 'n 3 h w' in [-1, 1]"
    yield "```\n"
    yield "| | |\n|---|---|"
    yield f"| recipe | {_cell(recipe.name)}: {_cell(recipe.summary)} |"
    if generator is not None:
        weights = sum(weight.numel() for weight in generator.parameters())
        yield f"| generator | {generator.image_size} px, {weights:,} weights |"
    yield f"| text encoder | {_cell(recipe.text_encoder.name)} |"
    yield f"| trained on | {_cell(data)} |"
    yield f"| licence | {_cell(licence)} |"
    yield f"| written by | rat_modules {__version__} |"


def _measured(result: Result) -> Iterator[str]:
    asked = result.protocol
    yield f"\n## Measured by protocol {_cell(asked['name'])}\n"
    count, reference, features = asked["captions"]["count"], asked["reference"], asked["features"]
    yield f"{count:,} pictures against {reference['pictures']:,} of split `{_cell(asked['split'])}`, features of"
    yield f"{_cell(features['name'])}, {asked['image size']} px, seed {asked['seed']}. By their sha256: reference"
    hashes = (_cell(str(each["sha256"])[:12]) for each in (reference, asked["captions"], features, result.model))
    yield "{}, captions {}, features {}, weights {}.\n".format(*hashes)
    yield "| measure | value |\n|---|---|"
    for measure, found in result.results.items():
        yield from (f"| {_cell(measure)}: {_cell(key)} | {value:.4g} |" for key, value in found.items())
    yield from (f"\n*{_cell(warning)}*" for warning in result.warnings)


def _cell(text: str | None) -> str:
    # a recipe or a result may be anybody's: no markup, no other row, no other line
    return html.escape(" ".join((text or "not said").split()), quote=False).replace("|", "\\|")


def _rows(read: Sequence[Result]) -> Iterator[EvalResult]:
    for result in read:
        features, kind = result.protocol["features"]["name"], result.data["kind"]
        numbers = {f"{m}: {key}": value for m, found in result.results.items() for key, value in found.items()}
        for name in (name for name in _HEADLINES if name in numbers):
            yield EvalResult(
                task_type="text-to-image", dataset_type=kind, dataset_name=kind, metric_value=numbers[name],
                dataset_config=f"protocol {result.protocol['name']}", dataset_split=result.protocol["split"],
                metric_type=name, metric_name=f"{name}, features of {features}",
            )  # fmt: skip
