"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_fusions(register: Register) -> None:
    register("silu-affine", "rat_modules_silu.fusion:SiLUFusion", summary="gamma x + beta, then SiLU, step by step")


@hookimpl
def register_recipes(register: Register) -> None:
    register("ratgan-silu", "rat_modules_silu:ratgan-silu.toml")
