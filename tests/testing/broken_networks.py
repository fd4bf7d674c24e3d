"""Small plain generators, discriminators and text encoders: healthy ones, and what can be wrong with them."""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import broken_ops as ops


class Generator(nn.Module):
    """Healthy: every step adds what it makes of its sentence."""

    noise_dim, cond_dim, steps, image_size = 4, 3, 2, 8

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(self.noise_dim, 6)
        self.fuse = nn.ModuleList(nn.Linear(self.cond_dim, 6) for _ in range(self.steps))
        self.draw = nn.Linear(6, 3 * self.image_size**2)

    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        sentences = sentence.expand(self.steps, -1, -1)
        hidden = self.start(noise)
        for fuse, each in zip(self.fuse, sentences, strict=True):
            hidden = torch.tanh(hidden + fuse(each))
        return hidden

    def picture(self, flat: Tensor) -> Tensor:
        return torch.tanh(flat).view(-1, 3, self.image_size, self.image_size)

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return self.picture(self.draw(self.hidden(noise, sentence)))


class Sizeless(Generator):
    image_size = None  # its weights are for 8

    def __init__(self) -> None:
        self.__class__.image_size = 8
        super().__init__()
        self.__class__.image_size = None


class Unsquashed(Generator):
    def picture(self, flat: Tensor) -> Tensor:
        return flat.view(-1, 3, self.image_size, self.image_size)


class Grey(Generator):
    def picture(self, flat: Tensor) -> Tensor:
        return super().picture(flat).mean(1, keepdim=True)


class Deaf(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(noise, 0 * sentence)


class Unmoved(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(0 * noise, sentence)


class FirstSentence(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(noise, sentence[0] if sentence.ndim == 3 else sentence)


class OneSentence(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(noise, sentence.view(len(noise), self.cond_dim))


class Adding(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(noise, sentence * 1.1 if sentence.ndim == 3 else sentence)


class Branching(Generator):
    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().forward(noise, sentence if float(noise.detach().sum()) < 1e9 else -sentence)


class OtherCompiled(Generator):
    def picture(self, flat: Tensor) -> Tensor:
        return super().picture(flat * 1.1 if torch.compiler.is_compiling() else flat)


class CachingNoise(Generator):
    """Draws with the noise of the call before."""

    last: Tensor | None = None

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        used = noise if self.last is None or self.last.shape != noise.shape else self.last.to(noise)
        self.last = noise.detach()
        return super().forward(used, sentence)


class BatchStatistics(Generator):
    """A batch norm that stays in training."""

    def picture(self, flat: Tensor) -> Tensor:
        return functional.batch_norm(flat.view(-1, 3, 8, 8), None, None, training=True).tanh()


# what goes back is three times as large, and the other way
contrary = ops.function_of(lambda x: x.clone(), lambda x, grad: -3 * grad)


class ContraryInputs(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(contrary(noise), contrary(sentence))


class ContrarySentence(Generator):
    def hidden(self, noise: Tensor, sentence: Tensor) -> Tensor:
        return super().hidden(noise, contrary(sentence))


class ContraryWeights(Generator):
    """Right for what goes in."""

    def __init__(self) -> None:
        super().__init__()
        self.draw = ContraryLinear(6, 3 * self.image_size**2)


class ContraryLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, contrary(self.weight), self.bias)


class Scores(NamedTuple):
    logits: Tensor
    attention: Tensor | None = None


class Discriminator(nn.Module):
    """Healthy: where the sentence fits, and how well."""

    cond_dim, image_size = 3, 8

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Conv2d(3, 4, 2, 2)
        self.fit = nn.Conv2d(4 + self.cond_dim, 4, 1)
        self.score, self.judge = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 1)

    def bend(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def features(self, images: Tensor) -> Tensor:
        return self.bend(self.see(images))

    def attend(self, scores: Tensor) -> Tensor:
        return scores.flatten(1).softmax(1).view(scores.shape)

    def logits(self, each: Tensor) -> Tensor:
        return each.sum((1, 2, 3))

    def head(self, features: Tensor, sentence: Tensor) -> Any:
        size = features.shape[-1]
        both = torch.cat([features, sentence[:, :, None, None].expand(-1, -1, size, size)], 1)
        joint = torch.tanh(self.fit(both))
        attention = self.attend(self.score(joint))
        return Scores(self.logits(attention * self.judge(joint)), attention)

    def forward(self, images: Tensor, sentence: Tensor) -> Any:
        return self.head(self.features(images), sentence)


class SmallWord(Discriminator):
    cond_dim = 3.0

    def __init__(self) -> None:
        self.__class__.cond_dim = 3
        super().__init__()
        self.__class__.cond_dim = 3.0


class Columns(Discriminator):
    def logits(self, each: Tensor) -> Tensor:
        return super().logits(each)[:, None]


class NoAnswer(Discriminator):
    def forward(self, images: Tensor, sentence: Tensor) -> Any:
        return super().forward(images, sentence).logits


class OverTheBatch(Discriminator):
    def attend(self, scores: Tensor) -> Tensor:
        return scores.softmax(0)


class OverChannels(Discriminator):
    def attend(self, scores: Tensor) -> Tensor:
        return scores.softmax(1)


class TwoWays(Discriminator):
    def forward(self, images: Tensor, sentence: Tensor) -> Any:
        scores = super().forward(images, sentence)
        return Scores(scores.logits + 0.1, scores.attention)


class Illiterate(Discriminator):
    def head(self, features: Tensor, sentence: Tensor) -> Any:
        return super().head(features, 0 * sentence)


class Absolute(Discriminator):
    def logits(self, each: Tensor) -> Tensor:
        return super().logits(each) / 0.0


class RemembersFeatures(Discriminator):
    """What was said of these features once is said again, whatever the sentence."""

    said: tuple[Tensor, Any] | None = None

    def head(self, features: Tensor, sentence: Tensor) -> Any:
        if self.said is None or self.said[0] is not features:
            self.said = (features, super().head(features, sentence))
        return self.said[1]


class Opaque(Discriminator):
    def bend(self, x: Tensor) -> Tensor:
        return ops.opaque(x)


class HalfReached(Discriminator):
    """The slope of the pictures does not tell where it comes from."""

    def features(self, images: Tensor) -> Tensor:
        seen = super().features(images)
        return ops.function_of(lambda x: x.clone(), lambda x, grad: grad.detach())(seen)


class Contrary(Discriminator):
    """Wrong in every derivative, and so in accord with itself."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(contrary(images))


class TextEncoder(nn.Module):
    """Healthy: the mean of its words' embeddings."""

    cond_dim = 6

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(64, self.cond_dim)

    def numbers(self, caption: str) -> list[int]:
        return [zlib.crc32(word.encode()) % 63 + 1 for word in caption.split()] or [0]

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        return self.pool(captions)

    def pool(self, captions: Sequence[str]) -> Tensor:
        return torch.stack([self.words(torch.tensor(self.numbers(caption))).mean(0) for caption in captions])


class Forgetful(TextEncoder):
    """Dropout that nobody switches off."""

    def pool(self, captions: Sequence[str]) -> Tensor:
        return functional.dropout(super().pool(captions), 0.5, training=True)


class Padding(TextEncoder):
    """The padding of the longest caption counts as words of all."""

    def pool(self, captions: Sequence[str]) -> Tensor:
        numbers = [self.numbers(caption) for caption in captions]
        longest = max(map(len, numbers))
        return self.words(torch.tensor([each + [0] * (longest - len(each)) for each in numbers])).mean(1)


class Sorting(TextEncoder):
    """Takes captions for sorted ones."""

    def pool(self, captions: Sequence[str]) -> Tensor:
        return super().pool(captions if captions[0] <= captions[-1] else captions[::-1])


class Monotone(TextEncoder):
    def numbers(self, caption: str) -> list[int]:
        return [1]


class Speechless(TextEncoder):
    def numbers(self, caption: str) -> list[int]:
        return [len(caption.split()[0])]


class Undefined(TextEncoder):
    def pool(self, captions: Sequence[str]) -> Tensor:
        empty = [not caption.strip() for caption in captions]
        return super().pool(captions).masked_fill(torch.tensor(empty)[:, None], torch.nan)


class Wide(TextEncoder):
    def pool(self, captions: Sequence[str]) -> Tensor:
        return torch.cat([super().pool(captions)] * 2, 1)


class Elsewhere(TextEncoder):
    def pool(self, captions: Sequence[str]) -> Tensor:
        return super().pool(captions).to("meta")


class Trainable(TextEncoder):
    def encode(self, captions: Sequence[str]) -> Tensor:
        return self.pool(captions)


class Tied(TextEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.again = self.words


class FollowingWords(TextEncoder):
    """Looks words up in the table of the original."""

    def __init__(self) -> None:
        super().__init__()
        words = self.words
        self.look_up = lambda numbers: words(numbers)

    def pool(self, captions: Sequence[str]) -> Tensor:
        return torch.stack([self.look_up(torch.tensor(self.numbers(caption))).mean(0) for caption in captions])


class SilentInInference(TextEncoder):
    def encode(self, captions: Sequence[str]) -> Tensor:
        loud = torch.is_grad_enabled()
        return super().encode(captions) * (1 if loud else 0)


class SortsTheList(TextEncoder):
    def encode(self, captions: list[str]) -> Tensor:
        found = super().encode(captions)
        captions.sort()
        return found


class SeedingWords(TextEncoder):
    def pool(self, captions: Sequence[str]) -> Tensor:
        torch.manual_seed(0)
        return super().pool(captions)
