"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_fusions(register: Register) -> None:
    fusion = "rat_modules_dtgan.fusion"
    register("cadailn", f"{fusion}:CAdaILNFusion", summary="instance and layer norm, mixed by a learned ratio")
    register("dtgan", f"{fusion}:DualAttentionFusion", summary="cadailn, then attention over channels and pixels")


@hookimpl
def register_layers(register: Register) -> None:
    attention = "rat_modules_dtgan.attention"
    register("channel-attention", f"{attention}:ChannelAttention", summary="which channels the sentence asks for")
    register("pixel-attention", f"{attention}:PixelAttention", summary="which places the sentence asks for")


@hookimpl
def register_recipes(register: Register) -> None:
    register("ratgan-dtgan", "rat_modules_dtgan:ratgan-dtgan.toml")
