"""The published systems that can be converted, and which of them a set of files belongs to."""

from collections.abc import Mapping
from functools import partial

from rat_modules.checkpoints.family import Family, Network
from rat_modules.checkpoints.kinds import RATGAN_ATTENTION, RATGAN_DISCRIMINATOR, RATGAN_GENERATOR, kind_of
from rat_modules.checkpoints.ratgan_sizes import read_discriminator, read_generator
from rat_modules.checkpoints.released import Published
from rat_modules.errors import CheckpointError, UnknownNameError
from rat_modules.registry.nearest import did_you_mean

_FOUR = Network(RATGAN_GENERATOR, partial(read_generator, affines=4))
_SIX = Network(RATGAN_GENERATOR, partial(read_generator, affines=6))
_PLAIN = Network(RATGAN_DISCRIMINATOR, partial(read_discriminator, attention=False))
_ATTENTION = Network(RATGAN_ATTENTION, partial(read_discriminator, attention=True))

# Where the files fit several, the first is taken.
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("ratgan-released", "4 affines a block: birds, COCO", "ratgan-released", _FOUR, _PLAIN),
        Family(
            "ratgan-released-attention",
            "4 affines a block, attention in the discriminator: code until June 2023",
            "ratgan-released-attention",
            _FOUR,
            _ATTENTION,
        ),
        Family("ratgan-flower", "6 affines a block: Oxford-102 flowers", "ratgan-flower", _SIX, _PLAIN),
    )
}


def choose_family(name: str | None, files: Mapping[str, Published]) -> tuple[Family, list[str]]:
    """The family that files belong to.

    Args:
        name: what the user says; None leaves the choice to the files.
        files: part -> file; none where a text encoder is all there is.

    Returns:
        The family, and a note for each file that could as well be of another one.

    Raises:
        UnknownNameError: nobody knows the family.
        CheckpointError: a file is of another family, or of none.
    """
    fitting = [family for family in FAMILIES.values() if all(_fits(family, part, files[part]) for part in files)]
    if name is not None:
        family = _named(name)
        for part, file in files.items():
            if not _fits(family, part, file):
                raise _refusal(family, part, file, fitting)
        return family, []
    if not fitting:
        for part, file in files.items():
            if not any(_fits(family, part, file) for family in FAMILIES.values()):
                raise _refusal(None, part, file, [])
        raise CheckpointError(
            "the files do not belong together",
            got=", ".join(str(file.path) for file in files.values()),
            expected="one family",
        )
    chosen = fitting[0]
    return chosen, [
        f"--{part} cannot tell {chosen.name} ({chosen.summary}) from {other.name} ({other.summary}): "
        f"took {chosen.name}, choose with --family {other.name}{'' if other in fitting else f' for the {part} alone'}"
        for part, file in files.items()
        for other in FAMILIES.values()
        # a rival is a family that would take the same file and read it in another way
        if _fits(other, part, file) and other.network(part) is not chosen.network(part)
    ]


def _fits(family: Family, part: str, file: Published) -> bool:
    kind = kind_of(file.weights)
    return kind is not None and kind.name == family.network(part).kind


def _named(name: str) -> Family:
    if name not in FAMILIES:
        meant = did_you_mean(name, FAMILIES) or "this version converts no other"
        raise UnknownNameError("family", got=repr(name), expected="one of " + ", ".join(FAMILIES), hint=meant)
    return FAMILIES[name]


def _refusal(family: Family | None, part: str, file: Published, fitting: list[Family]) -> CheckpointError:
    kind = kind_of(file.weights)
    if family is not None:
        expected = family.network(part).kind
    else:
        expected = " or ".join(sorted({other.network(part).kind for other in FAMILIES.values()}))
    if kind is None:
        names = list(file.weights)
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        return CheckpointError(
            f"{file.path} is no published {part} known here",
            got=f"{len(names)} tensors: {some}",
            expected=expected,
        )
    if fitting:
        hint = "choose " + " or ".join(f"--family {other.name}" for other in fitting)
    elif any(kind.name == other.network(part).kind for other in FAMILIES.values()):
        hint = "choose another --family, or none"
    else:
        hint = kind.advice
    problem = f"{file.path} is not of family {family.name}" if family is not None else f"--{part} {file.path}"
    return CheckpointError(problem, got=kind.name, expected=expected, hint=hint)
