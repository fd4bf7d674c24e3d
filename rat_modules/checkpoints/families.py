"""The published systems that can be converted, ours and plugins', and which of them a set of files belongs to."""

import logging
from collections.abc import Iterator, Mapping

import attrs

from rat_modules.checkpoints.family import Family, Network
from rat_modules.checkpoints.kinds import PACKAGES, kind_of
from rat_modules.checkpoints.released import Published
from rat_modules.errors import CheckpointError, PluginError, UnknownNameError
from rat_modules.registry import get_catalog
from rat_modules.registry.nearest import did_you_mean

_log = logging.getLogger("rat_modules")


class _Registered(Mapping[str, Family]):
    """What the catalog holds; a family's module is imported when the family is looked up."""

    def __getitem__(self, name: str) -> Family:
        if name not in list(self):
            raise KeyError(name)
        entry = get_catalog().get("families", name)
        family = entry.resolve()
        if not isinstance(family, Family):
            raise PluginError(
                f"families '{name}' of plugin '{entry.owner}' cannot be used",
                got=type(family).__name__,
                expected="a rat_modules.checkpoints.family.Family",
            )
        return attrs.evolve(family, name=name, summary=entry.summary)

    def __iter__(self) -> Iterator[str]:
        return iter(get_catalog().names("families"))

    def __len__(self) -> int:
        return len(get_catalog().names("families"))


# Where the files fit several, the first is taken.
FAMILIES = _Registered()


def choose_family(name: str | None, files: Mapping[str, Published]) -> tuple[Family, list[str]]:
    """The family that files belong to.

    Args:
        name: what the user says; None leaves the choice to the files.
        files: part -> file; none where a text encoder is all there is.

    Returns:
        The family, and a note for each file that could as well be of another one.

    Raises:
        UnknownNameError: nobody knows the family.
        PluginError: the plugin that registers the family cannot be imported.
        CheckpointError: a file is of another family, or of none.
    """
    named = _named(name) if name is not None else None
    if named is not None and all(_fits(named, part, file) for part, file in files.items()):
        return named, []
    known = _usable()
    fitting = [family for family in known if all(_fits(family, part, files[part]) for part in files)]
    if named is not None or not fitting:
        for part, file in files.items():
            if not any(_fits(family, part, file) for family in ([named] if named else known)):
                raise _refusal(named, part, file, fitting, known)
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
        for other in known
        # a rival is a family that would take the same file and read it in another way
        if _fits(other, part, file) and other.network(part) is not chosen.network(part)
    ]


def _usable() -> list[Family]:
    """Every family whose plugin can be imported: what is wrong with one of them stays with it."""
    families = []
    for name in FAMILIES:
        try:
            families.append(FAMILIES[name])
        except PluginError as error:
            _log.warning("%s", error)
    return families


def _fits(family: Family, part: str, file: Published) -> bool:
    kind = family.network(part).kind
    if not isinstance(kind, str):
        return kind.fits(file.weights)
    found = kind_of(file.weights)
    return found is not None and found.name == kind


def _named(name: str) -> Family:
    if name in FAMILIES:
        return FAMILIES[name]
    if name in PACKAGES:
        meant = f"this version converts no other by itself; --family {name} comes with the package {PACKAGES[name]}"
    else:
        meant = did_you_mean(name, [*FAMILIES, *PACKAGES]) or "rat-modules plugins says what else did not load, and why"
    raise UnknownNameError("family", got=repr(name), expected="one of " + ", ".join(FAMILIES), hint=meant)


def _refusal(
    family: Family | None, part: str, file: Published, fitting: list[Family], known: list[Family]
) -> CheckpointError:
    kind = kind_of(file.weights)
    networks: list[Network] = [other.network(part) for other in known]
    if family is not None:
        expected = family.network(part).kind_name
    else:
        expected = " or ".join(sorted({network.kind_name for network in networks}))
    choice = "choose " + " or ".join(f"--family {other.name}" for other in fitting)
    if kind is None:
        names = list(file.weights)
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        return CheckpointError(
            f"{file.path} is no published {part} known here",
            got=f"{len(names)} tensors: {some}",
            expected=expected,
            hint=choice if fitting else None,
        )
    if fitting:
        hint = choice
    elif any(kind.name == network.kind_name for network in networks):
        hint = "choose another --family, or none"
    else:
        hint = kind.advice
    problem = f"{file.path} is not of family {family.name}" if family is not None else f"--{part} {file.path}"
    return CheckpointError(problem, got=kind.name, expected=expected, hint=hint)
