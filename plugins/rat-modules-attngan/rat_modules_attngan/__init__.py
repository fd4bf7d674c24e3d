"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_layers(register: Register) -> None:
    register(
        "word-attention",
        "rat_modules_attngan.attention:WordAttention",
        summary="every place of the features looks at the words, and gets a context of its own",
    )
    # a module that stands on its own: `losses` are adversarial and judge logits, and this one judges two encoders
    register(
        "damsm-loss",
        "rat_modules_attngan.damsm:DAMSMLoss",
        summary="do words and sentence match the picture? the loss that DAMSM encoders are trained with",
    )
