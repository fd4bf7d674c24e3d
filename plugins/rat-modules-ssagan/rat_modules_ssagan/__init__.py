"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_generators(register: Register) -> None:
    register("ssagan", "rat_modules_ssagan.generator:SSAGenerator", summary="SSA-GAN generator, 16 to 512 px")


@hookimpl
def register_fusions(register: Register) -> None:
    register(
        "ssagan", "rat_modules_ssagan.fusion:MaskedBatchNormFusion", summary="batch norm and an affine where a mask is"
    )


@hookimpl
def register_recipes(register: Register) -> None:
    for name in ("ssagan", "ssagan-rat", "ssagan-shapes"):
        register(name, f"rat_modules_ssagan:{name}.toml")


@hookimpl
def register_families(register: Register) -> None:
    register("ssagan", "rat_modules_ssagan.published:FAMILY", summary="SSA-GAN: netG and netD in files of their own")
