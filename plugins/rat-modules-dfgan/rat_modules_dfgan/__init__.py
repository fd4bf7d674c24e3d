"""The hooks. Targets are strings, so that listing components does not import torch."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_generators(register: Register) -> None:
    register("dfgan", "rat_modules_dfgan.generator:DFGenerator", summary="DF-GAN generator, 16 to 512 px")


@hookimpl
def register_discriminators(register: Register) -> None:
    register("dfgan", "rat_modules_dfgan.discriminator:DFDiscriminator", summary="DF-GAN discriminator, 16 to 512 px")


@hookimpl
def register_fusions(register: Register) -> None:
    register(
        "dfgan",
        "rat_modules_dfgan.fusion:ChannelWideAffineFusion",
        summary="affine and leaky rectifier, its perceptrons as narrow as the features",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    for name in ("dfgan", "dfgan-rat", "dfgan-shapes", "dfgan-rat-shapes"):
        register(name, f"rat_modules_dfgan:{name}.toml")


@hookimpl
def register_families(register: Register) -> None:
    register("dfgan", "rat_modules_dfgan.published:FAMILY", summary="DF-GAN, code of 2022: all networks in one file")
