"""The text half of a CLIP model as a text encoder."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rat_modules.errors import CheckpointError, ShapeError
from rat_modules.text.captions import check_captions
from rat_modules.text.frozen import Frozen
from rat_modules_clip.pretrained import DEFAULT, pretrained, weights_sha256

_AT_ONCE = 64


class CLIPTextEncoder(Frozen):
    """Text features of a pretrained CLIP as sentences; frozen, in evaluation mode, float32.

    A caption is cut as CLIP does it: at most 77 tokens, the first of which begins and the last ends it. Nothing is
    learnt, and a saved model holds the hash of the weights in place of the weights: it loads wherever the same ones are
    found. Radford et al. 2021 (arXiv 2103.00020).

    Args:
        model: folder that `save_pretrained` wrote, or id of a model on the hub (read from its cache, or downloaded).
        revision: branch, tag or commit on the hub.
        features: "projected" into the space that is shared with pictures, or "pooled", as they are before that.
        scale: root mean square of a sentence's components; None leaves them as CLIP gives them.

    Raises:
        RatError: transformers is not installed, or the model is not to be had; the line says what to type.
        CheckpointError: the folder is damaged or holds no CLIP.
        ShapeError: a scale that is not positive.
    """

    def __init__(
        self,
        *,
        model: str = DEFAULT,
        revision: str | None = None,
        features: Literal["projected", "pooled"] = "projected",
        scale: float | None = None,
    ) -> None:
        if scale is not None and not scale > 0:
            raise ShapeError("scale", got=scale, expected="a positive number")
        who = "text encoder 'clip'"
        network = pretrained("CLIPTextModelWithProjection", model, revision, what=who)
        super().__init__(network, weights_sha256(network))
        self.tokenizer = pretrained("CLIPTokenizer", model, revision, what=who)
        self._check_tokenizer(model, network.config)
        self.features, self.scale = features, scale
        self.max_tokens = int(network.config.max_position_embeddings)
        self.cond_dim = int(network.config.projection_dim if features == "projected" else network.config.hidden_size)

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences 'n s' of captions, float32 on the encoder's device; others in the list move them by rounding only.

        Raises:
            RatError: a caption is empty.
        """
        texts = check_captions(captions)
        found = torch.cat([self._encode(texts[k : k + _AT_ONCE]) for k in range(0, len(texts), _AT_ONCE)])
        return found if self.scale is None else normalize(found) * (self.scale * math.sqrt(self.cond_dim))

    def _encode(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
        ).to(self.device)
        pooled: Tensor = self.network.text_model(**tokens).pooler_output
        return self.network.text_projection(pooled) if self.features == "projected" else pooled

    def _check_tokenizer(self, model: str, config: Any) -> None:
        # with another one's end of text the features are those of the beginning: all captions would be one
        known = len(self.tokenizer)
        if known > config.vocab_size or config.eos_token_id not in (2, self.tokenizer.eos_token_id):
            raise CheckpointError(
                f"tokenizer of CLIP model {model!r} does not fit it",
                got=f"{known} tokens, the last of a text {self.tokenizer.eos_token_id}",
                expected=f"{config.vocab_size} tokens, the last of a text {config.eos_token_id}",
                hint="save the model's own tokenizer beside it",
            )

    def extra_repr(self) -> str:
        return f"cond_dim={self.cond_dim}, features={self.features!r}, scale={self.scale}"
