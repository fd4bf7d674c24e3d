"""Make a network of your own listen to text: one layer, one shared controller, three lines changed.

The network below paints one flat colour. Its target is the colour that the sentence stands for, so it can only succeed
by listening. Run it: `python examples/one_layer.py` (a few seconds on a CPU).
"""

import torch
from torch import Tensor, nn

from rat_modules import RecurrentAffine, RecurrentController


class Painter(nn.Module):
    """Noise 'n z' and sentence 'n s' to pictures 'n 3 8 8'."""

    def __init__(self, noise_dim: int = 16, cond_dim: int = 8, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Linear(noise_dim, width * 8 * 8)
        self.controller = RecurrentController(cond_dim, noise_dim=noise_dim, hidden_dim=64)
        self.fuse1 = RecurrentAffine(width, cond_dim, controller=self.controller)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.fuse2 = RecurrentAffine(width, cond_dim, controller=self.controller)
        self.conv2 = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, noise: Tensor, sentence: Tensor) -> Tensor:
        x = self.stem(noise).view(len(noise), -1, 8, 8)
        state = self.controller.initial_state(noise)
        x, state = self.fuse1(x, sentence, state)
        x = self.conv1(x).relu()
        x, state = self.fuse2(x, sentence, state)
        return self.conv2(x)


def main(steps: int = 300) -> float:
    """Train and return the error on sentences, relative to ignoring them."""
    torch.manual_seed(0)
    painter, words = Painter(), torch.randn(5, 8)
    colours = torch.rand(5, 3) * 2 - 1
    optimizer = torch.optim.Adam(painter.parameters(), lr=2e-3)
    for step in range(1, steps + 1):
        said = torch.randint(0, 5, (32,))
        target = colours[said][:, :, None, None]
        loss = (painter(torch.randn(32, 16), words[said]) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step}: error {loss.item():.4f}")
    relative = loss.item() / colours.var(0, correction=0).mean().item()
    print(f"error relative to a network that does not listen: {relative:.3f}")
    return relative


if __name__ == "__main__":
    main()
