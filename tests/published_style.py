"""RAT-GAN in plain words: the computation of the published system on a dictionary of its weights, step by step.

Nothing of `rat_modules` is used here, and nothing is planned, shared or fused: every fusion step advances the
recurrence, runs its two perceptrons and makes its own pass over the features. Tests hold it to the golden files and
hold our modules to it at any width, size, seed and batch; benchmarks time it as the reference.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Weights = Mapping[str, Tensor]

State = tuple[Tensor, Tensor]

# which numbered affines run before the first and before the second convolution of a generator block; nothing was
# published with two, which tell what a step costs
ORDER = {2: ((0,), (2,)), 4: ((0, 1), (2, 3)), 6: ((0, 1, 4), (2, 3, 5))}


def start(weights: Weights, noise: Tensor) -> State:
    """Noise 'n z' to the first (hidden, cell) of the recurrence, each 'n d'."""
    hidden = noise @ weights["lstm.noise2h.weight"].T + weights["lstm.noise2h.bias"]
    cell = noise @ weights["lstm.noise2c.weight"].T + weights["lstm.noise2c.bias"]
    return hidden, cell


def advance(weights: Weights, sentence: Tensor, state: State) -> State:
    """One step of the recurrence: the sentence 'n s' and (hidden, cell) to the next pair."""
    hidden, cell = state
    gates = sentence @ weights["lstm.W"] + hidden @ weights["lstm.U"] + weights["lstm.bias"]
    enter, forget, candidate, leave = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def modulation(weights: Weights, affine: str, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden state 'n d' to gamma 'n c' and beta 'n c' of the affine of that name."""
    gamma, beta = (_perceptron(weights, f"{affine}.fc_{part}", hidden) for part in ("gamma", "beta"))
    return gamma, beta


def modulate(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """One affine and its rectifier: features 'n c h w', gamma and beta 'n c'."""
    scale, shift = gamma[:, :, None, None].expand_as(x), beta[:, :, None, None].expand_as(x)
    return functional.leaky_relu(scale * x + shift, 0.2, inplace=True)


def attention_map(scores: Tensor, published: bool) -> Tensor:
    """Scores 'n 1 h w' to weights that sum to one."""
    soft = scores.sigmoid().flatten(1)
    weighed = soft.softmax(1) if published else soft / soft.sum(1, keepdim=True)
    return weighed.view_as(scores)


class Picture(NamedTuple):
    """image 'n 3 h w', hidden 'k n d', and the output 'n c h w' of every block."""

    image: Tensor
    hidden: Tensor
    blocks: list[Tensor]


def generator(weights: Weights, noise: Tensor, sentence: Tensor, affines: int = 4) -> Picture:
    """Noise 'n z' and sentence 'n s' to a picture; the number of blocks is read off the weights."""
    state = start(weights, noise)
    seen: list[Tensor] = []

    x = functional.linear(noise, weights["fc.weight"], weights["fc.bias"]).view(len(noise), -1, 4, 4)
    blocks: list[Tensor] = []
    while f"block{len(blocks)}.gamma" in weights:
        name = f"block{len(blocks)}"
        if blocks:
            x = functional.interpolate(x, scale_factor=2.0)
        residual = x
        for convolution, numbers in zip(("c1", "c2"), ORDER[affines], strict=True):
            for number in numbers:
                state = advance(weights, sentence, state)
                seen.append(state[0])
                residual = modulate(residual, *modulation(weights, f"{name}.affine{number}", state[0]))
            residual = _convolve(weights, f"{name}.{convolution}", residual, padding=1)
        if f"{name}.c_sc.weight" in weights:
            x = _convolve(weights, f"{name}.c_sc", x)
        x = x + weights[f"{name}.gamma"] * residual
        blocks.append(x)
    image = _convolve(weights, "conv_img.1", functional.leaky_relu(x, 0.2), padding=1).tanh()
    return Picture(image, torch.stack(seen), blocks)


def features(weights: Weights, images: Tensor) -> Tensor:
    """The discriminator's picture features; one halving per block."""
    x = _convolve(weights, "conv_img", images, padding=1)
    number = 0
    while f"block{number}.gamma" in weights:
        x = _halve(weights, f"block{number}", x)
        number += 1
    return x


def logits(weights: Weights, at: Tensor, sentence: Tensor) -> Tensor:
    """Features 'n c 4 4' and sentence 'n s' to logits 'n'."""
    joint = functional.leaky_relu(_convolve(weights, "COND_DNET.joint_conv.0", _beside(at, sentence), padding=1), 0.2)
    return _convolve(weights, "COND_DNET.joint_conv.2", joint).reshape(-1)


def attended_logits(weights: Weights, at: Tensor, sentence: Tensor, published: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Logits 'n', attention 'n 1 h w' and scores 'n 1 h w' of the head that looks at 8x8 features.

    published: softmax of the sigmoid, as the code had it; else sigmoid over sum of sigmoids, as in the paper.
    """
    name = "COND_DNET.joint_conv_att"
    inner = functional.leaky_relu(_convolve(weights, f"{name}.0", _beside(at, sentence), padding=1), 0.2)
    scores = _convolve(weights, f"{name}.2", inner)
    attention = attention_map(scores, published)
    weighted = attention * sentence[:, :, None, None]
    deeper = _halve(weights, "COND_DNET.block", torch.cat([at, weighted], 1))
    return logits(weights, deeper, sentence), attention, scores


def penalty_norm(weights: Weights, images: Tensor, sentence: Tensor) -> Tensor:
    """||d logits / d (images, sentence)|| of every pair, 'n'; differentiable again."""
    images, sentence = images.detach().requires_grad_(), sentence.detach().requires_grad_()
    output = logits(weights, features(weights, images), sentence)
    slopes = torch.autograd.grad(output, (images, sentence), torch.ones_like(output), create_graph=True)
    return torch.sqrt((torch.cat([slope.flatten(1) for slope in slopes], 1) ** 2).sum(1))


def picture(weights: Weights, noise: Tensor, sentence: Tensor, affines: int = 4) -> Tensor:
    """The generator's image alone."""
    return generator(weights, noise, sentence, affines).image


def hinge(
    weights: Weights, images: Tensor, sentence: Tensor, fake: Tensor, look: Callable[..., Tensor] = features
) -> dict[str, Tensor]:
    """Every term of the discriminator's loss; the first pictures are mismatched with the following captions."""
    at = look(weights, images)
    real = functional.relu(1 - logits(weights, at, sentence)).mean()
    mismatch = functional.relu(1 + logits(weights, at[:-1], sentence[1:])).mean()
    judged = functional.relu(1 + logits(weights, look(weights, fake.detach()), sentence)).mean()
    return {"real": real, "mismatch": mismatch, "fake": judged, "D": real + (judged + mismatch) / 2}


def iteration(
    nets: tuple[Weights, Weights],
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    images: Tensor,
    sentence: Tensor,
    noise: Tensor,
    affines: int = 4,
    *,
    draw: Callable[..., Tensor] = picture,
    look: Callable[..., Tensor] = features,
) -> Tensor:
    """A published training iteration on (generator, discriminator): the losses real, mismatch, fake, D, penalty, G.

    draw, look: `picture` and `features`, or compiled ones; the penalty, differentiated twice, takes neither.
    """
    netG, netD = nets
    for_G, for_D = optimizers
    fake = draw(netG, noise, sentence, affines)
    terms = hinge(netD, images, sentence, fake, look)
    for_D.zero_grad()
    terms["D"].backward()
    for_D.step()
    penalty = 2 * (penalty_norm(netD, images, sentence) ** 6).mean()
    for_D.zero_grad()
    penalty.backward()
    for_D.step()
    loss = -logits(netD, look(netD, fake), sentence).mean()
    for_G.zero_grad()
    for_D.zero_grad()
    loss.backward()
    for_G.step()
    return torch.stack([*(terms[name] for name in ("real", "mismatch", "fake", "D")), penalty, loss]).detach()


def _perceptron(weights: Weights, name: str, hidden: Tensor) -> Tensor:
    inner = functional.linear(hidden, weights[f"{name}.linear1.weight"], weights[f"{name}.linear1.bias"]).relu()
    return functional.linear(inner, weights[f"{name}.linear2.weight"], weights[f"{name}.linear2.bias"])


def _convolve(weights: Weights, name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    return functional.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), stride, padding)


def _halve(weights: Weights, name: str, x: Tensor) -> Tensor:
    residual = functional.leaky_relu(_convolve(weights, f"{name}.conv_r.0", x, stride=2, padding=1), 0.2)
    residual = functional.leaky_relu(_convolve(weights, f"{name}.conv_r.2", residual, padding=1), 0.2)
    if x.shape[1] != residual.shape[1]:
        x = _convolve(weights, f"{name}.conv_s", x)
    return functional.avg_pool2d(x, 2) + weights[f"{name}.gamma"] * residual


def _beside(at: Tensor, sentence: Tensor) -> Tensor:
    return torch.cat([at, sentence[:, :, None, None].expand(-1, -1, *at.shape[2:])], 1)
