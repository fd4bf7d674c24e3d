"""How an assembly shows itself: one line in a terminal, a few pictures in a notebook."""

import base64
import html
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange
from torch import nn

from rat_modules.data.pictures import to_png
from rat_modules.errors import RatError

if TYPE_CHECKING:
    from rat_modules.assembly.system import Assembly

PARTS = ("generator", "discriminator", "text_encoder", "loss")
CAPTIONS = ("a red circle", "a blue square", "a woman with dark hair", "a yellow flower")


def line(assembly: "Assembly") -> str:
    """What it is in one line."""
    told = ", ".join(f"{part}={_part(getattr(assembly, part))}" for part in PARTS)
    return f"Assembly(recipe={assembly.recipe.name!r}, {told})"


def page(assembly: "Assembly") -> str:
    """A table of its parts, and four pictures of captions where it can draw and knows their words."""
    rows = "".join(f"<tr><th>{part}</th><td>{html.escape(_part(getattr(assembly, part)))}</td></tr>" for part in PARTS)
    told = html.escape(f"{assembly.recipe.name}: {assembly.recipe.summary}")
    return f"<p>{told}</p><table>{rows}</table>{_pictures(assembly)}"


def _part(part: Any) -> str:
    if not isinstance(part, nn.Module):
        return "None" if part is None else type(part).__name__
    weights = sum(weight.numel() for weight in part.parameters())
    size = f"{part.image_size} px, " if hasattr(part, "image_size") else ""
    return f"{type(part).__name__}({size}{weights:,} weights)" if weights else type(part).__name__


def _pictures(assembly: "Assembly") -> str:
    try:
        drawn = assembly.sample(CAPTIONS, seed=0)
    except RatError:  # no generator, no text encoder, or one that knows none of these words
        return ""
    except Exception as error:  # of anybody's networks: a notebook that shows nothing helps nobody
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        return f"<p>no pictures: {html.escape(reason)}</p>"
    levels = (drawn / assembly.recipe.data.value_range + 1) * 127.5
    strip = rearrange(levels.round().clamp(0, 255).to(torch.uint8).cpu(), "n c h w -> c h (n w)")
    source, said = base64.b64encode(to_png(strip)).decode("ascii"), html.escape("; ".join(CAPTIONS))
    return f'<figure><img alt="{said}" src="data:image/png;base64,{source}"><figcaption>{said}</figcaption></figure>'
