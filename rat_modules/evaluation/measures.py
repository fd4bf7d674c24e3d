"""The metrics that come with the package: each reads the vectors of what was seen, and one formula."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from rat_modules.errors import RatError
from rat_modules.evaluation.diversity import diversity
from rat_modules.evaluation.feature_file import FeatureFile
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance
from rat_modules.evaluation.inception_score import inception_score
from rat_modules.evaluation.kernel_distance import SEED, kernel_distance
from rat_modules.evaluation.match_score import match_score
from rat_modules.evaluation.memorisation import memorisation
from rat_modules.evaluation.precision_recall import precision_recall
from rat_modules.evaluation.r_precision import RIVALS, rank_captions
from rat_modules.evaluation.r_precision import RPrecision as Ranked
from rat_modules.evaluation.seen import Seen, Side

_BLOCK = 1024


class Frechet:
    """The Frechet distance between features of generated and of real pictures; smaller is better."""

    needs = ("features",)

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        generated, real = (_moments(side["features"]) for side in (seen.generated, seen.real))
        return {"distance": frechet_distance(generated, real)}


class KernelDistance:
    """The kernel distance (KID) between features of generated and of real pictures; smaller is better.

    Args:
        subsets: how many are drawn.
        subset_size: pictures of each; None takes 1,000, as is usual, or all where a side has fewer.
        seed: of the subsets.
    """

    needs = ("features",)

    def __init__(self, subsets: int = 100, subset_size: int | None = None, seed: int = SEED) -> None:
        self.subsets, self.subset_size, self.seed = subsets, subset_size, seed

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        sides = seen.generated["features"], seen.real["features"]
        size = self.subset_size or min(1000, *map(len, sides))
        found = kernel_distance(*sides, subsets=self.subsets, subset_size=size, seed=self.seed)
        return {"mean": found.mean, "std": found.std, "subset size": size}


class InceptionScore:
    """The Inception score of generated pictures, beside that of real ones; larger is better.

    Args:
        splits: into how many the pictures are divided.
        seed: of their order.
    """

    needs = ("logits",)

    def __init__(self, splits: int = 10, seed: int = SEED) -> None:
        self.splits, self.seed = splits, seed

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        sides = seen.generated["logits"], seen.real["logits"]
        found, real = (inception_score(logits, splits=self.splits, seed=self.seed) for logits in sides)
        return {"mean": found.mean, "std": found.std, "of real pictures": real.mean, "real pictures": len(sides[1])}


class PrecisionRecall:
    """Which share of the generated pictures looks real, and which share of the real ones is covered; in [0, 1].

    Args:
        neighbours: how many make a picture's surroundings.
    """

    needs = ("features",)

    def __init__(self, neighbours: int = 3) -> None:
        self.neighbours = neighbours

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        found = precision_recall(seen.generated["features"], seen.real["features"], neighbours=self.neighbours)
        return {"precision": found.precision, "recall": found.recall}


class Diversity:
    """How far apart pictures of one caption are, and how far those of different captions."""

    needs = ("repeats",)

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        if seen.repeats is None:
            raise RatError("diversity", got="no repeated captions", expected="some, of the protocol")
        found = diversity(seen.repeats["features"], seen.times, seed=seen.seed)
        return {"of one caption": found.within, "of different captions": found.between, "ratio": found.ratio}


class RPrecision:
    """How often a picture's own caption ranks first among captions of other concepts (AttnGAN, 1711.10485).

    Args:
        rivals: captions of other concepts beside the own one.
    """

    needs = ("matching",)

    def __init__(self, rivals: int = RIVALS) -> None:
        self.rivals = rivals

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        if seen.caption_vectors is None:
            raise RatError("R-precision", got="no matching model", expected="one")
        real = seen.real["matching"]
        picked = (real.rows(list(seen.pictures[k : k + _BLOCK])) for k in range(0, len(seen.pictures), _BLOCK))

        def first(blocks: Iterable[Tensor]) -> Ranked:
            said, shown = seen.generated.captions, seen.concepts
            vectors_of = seen.caption_vectors
            assert vectors_of is not None
            ranked = rank_captions(blocks, vectors_of, said, shown, pool=seen.pool, rivals=self.rivals, seed=seen.seed)
            return ranked

        found = {"generated": first(seen.generated["matching"].blocks(_BLOCK)), "real": first(picked)}
        unread = found["real"].unread
        return {**{key: each.value for key, each in found.items()}, "chance": 1 / (self.rivals + 1), "unread": unread}


class MatchScore:
    """Mean cosine of pictures and their captions by the matching model, times 100, as CLIP score has it."""

    needs = ("matching",)

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        if seen.caption_vectors is None:
            raise RatError("match score", got="no matching model", expected="one")
        vectors_of = seen.caption_vectors

        def pairs(side: Side) -> Iterator[tuple[Tensor, Tensor]]:
            for start, block in zip(range(0, len(side.captions), _BLOCK), side["matching"].blocks(_BLOCK), strict=True):
                vectors, read = vectors_of(side.captions[start : start + _BLOCK])
                yield block[read.to(block.device)], vectors[read]

        return {"generated": match_score(pairs(seen.generated)), "real": match_score(pairs(seen.real))}


class Memorisation:
    """Are generated pictures nearer to training pictures than real pictures are that were held out?"""

    needs = ("features", "training")

    def __call__(self, seen: Seen, name: str) -> dict[str, float]:
        if seen.training is None:
            raise RatError("memorisation", got="no training pictures", expected="some")
        found = memorisation(seen.generated["features"], seen.real["features"], seen.training["features"])
        told = {f"{kind}, {q} %": v for kind in ("generated", "real") for q, v in getattr(found, kind).items()}
        return {**told, **{f"nearer than the nearest {q} % of real": v for q, v in found.nearer.items()}}


def _moments(features: FeatureFile) -> FeatureMoments:
    moments = FeatureMoments()
    for rows in features.blocks(_BLOCK):
        moments.update(rows)
    return moments

