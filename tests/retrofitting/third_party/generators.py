"""Networks that others wrote and published on PyPI, and how one would retrofit each.

Small for the tests; in a usual size, which is the default of the package or what its paper has, for the benchmark.
"""

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import nn

from .absent import absent


@attrs.frozen
class Generator:
    """One network of somebody's package.

    Args:
        package: its name on PyPI.
        build: makes the network with random weights, in a usual size or a small one.
        inputs: what one calls it with, by batch and size: arguments, or keywords.
        sites: how many sites the small one has.
        options: of `retrofit`.
        weak: the sites that `verify` warns of.
    """

    package: str
    build: Callable[[bool], nn.Module]
    inputs: Callable[[int, bool], tuple[Any, ...] | dict[str, Any]]
    sites: int
    options: dict[str, Any] = attrs.Factory(dict)
    weak: tuple[str, ...] = ()


def stylegan2(usual: bool) -> nn.Module:
    with absent("fire", "kornia", "torchvision", "vector_quantize_pytorch", "aim", "apex", "pytorch_fid", "retry",
                "contrastive_learner"):  # fmt: skip
        from stylegan2_pytorch.stylegan2_pytorch import Generator

        sizes = {"image_size": 128, "latent_dim": 512} if usual else {"image_size": 32, "latent_dim": 32}
        return Generator(**sizes, network_capacity=16 if usual else 4)


def stylegan2_inputs(n: int, usual: bool) -> tuple[Any, ...]:
    layers, width, side = (6, 512, 128) if usual else (4, 32, 32)
    return torch.randn(n, layers, width), torch.rand(n, side, side, 1)


def lightweight_gan(usual: bool) -> nn.Module:
    with absent("fire", "kornia", "torchvision", "adabelief_pytorch", "aim", "retry", "pytorch_fid"):
        from lightweight_gan import Generator

        sizes = {"image_size": 256} if usual else {"image_size": 128, "latent_dim": 32, "fmap_max": 32}
        return Generator(**sizes, attn_res_layers=[16])


def gigagan(usual: bool) -> nn.Module:
    with absent("kornia", "torchvision", "beartype", "accelerate", "numerize", "open_clip", "ema_pytorch"):
        from gigagan_pytorch import Generator

        if usual:
            sizes = {"image_size": 128, "style_network": {"dim": 64, "depth": 4}}
        else:
            sizes = {"image_size": 32, "style_network": {"dim": 16, "depth": 2}, "dim_capacity": 4, "dim_latent": 32,
                     "self_attn_dim_head": 8, "self_attn_heads": 2}  # fmt: skip
        return Generator(**sizes, self_attn_resolutions=(16,), unconditional=True)


MIMICRY = ("torchvision", "tensorflow", "sklearn", "skimage", "scipy", "six", "torch._six", "torch.utils.tensorboard")


def sngan(usual: bool) -> nn.Module:
    with absent(*MIMICRY):
        from torch_mimicry.nets.sngan import SNGANGenerator32

        return SNGANGenerator32() if usual else SNGANGenerator32(nz=16, ngf=16)


def sngan_discriminator(usual: bool) -> nn.Module:
    with absent(*MIMICRY):
        from torch_mimicry.nets.sngan import SNGANDiscriminator32

        return SNGANDiscriminator32() if usual else SNGANDiscriminator32(ndf=16)


def cgan(usual: bool) -> nn.Module:
    with absent(*MIMICRY):
        from torch_mimicry.nets.cgan_pd import CGANPDGenerator32

        return CGANPDGenerator32(num_classes=10) if usual else CGANPDGenerator32(num_classes=10, nz=16, ngf=16)


def biggan(usual: bool) -> nn.Module:
    with absent("boto3", "botocore", "nltk", "libsixel", "scipy"):
        from pytorch_pretrained_biggan import BigGAN, BigGANConfig

        layers = [(False, 16, 16), (True, 16, 8), (True, 8, 4), (False, 4, 2), (False, 2, 1)]
        small = {"z_dim": 16, "channel_width": 8, "num_classes": 10, "layers": layers, "attention_layer_position": 2}
        model = BigGAN(BigGANConfig(**({} if usual else small)))
    last = model.generator.bn
    nn.init.ones_(last.weight), nn.init.zeros_(last.bias)  # the package leaves them to a checkpoint
    with torch.no_grad():
        for _ in range(5):  # so that the spectral norms have found the weights' largest singular values
            model.train()(*biggan_inputs(2, usual))
    return model


def biggan_inputs(n: int, usual: bool) -> tuple[Any, ...]:
    return torch.randn(n, 128 if usual else 16), torch.eye(1000 if usual else 10)[:n], 0.4


def diffusers_vae(usual: bool) -> nn.Module:
    with absent("importlib_metadata", "regex"):
        from diffusers import AutoencoderKL
    if usual:  # of Stable Diffusion
        sizes = {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2}
    else:
        sizes = {"block_out_channels": [16, 32], "norm_num_groups": 4, "layers_per_block": 1}
    depth = len(sizes["block_out_channels"])
    return AutoencoderKL(**sizes, down_block_types=["DownEncoderBlock2D"] * depth,
                         up_block_types=["UpDecoderBlock2D"] * depth)  # fmt: skip


def diffusion_unet(usual: bool) -> nn.Module:
    with absent("torchvision", "accelerate", "scipy", "pytorch_fid", "ema_pytorch"):
        from denoising_diffusion_pytorch import Unet
    return Unet(dim=64) if usual else Unet(dim=16, dim_mults=(1, 2), attn_dim_head=8, attn_heads=2)


def vocos(usual: bool) -> nn.Module:
    with absent("torchaudio", "scipy", "encodec", "yaml"):
        from vocos.heads import ISTFTHead
        from vocos.models import VocosBackbone
    if usual:
        return nn.Sequential(VocosBackbone(100, 512, 1536, 8), ISTFTHead(512, n_fft=1024, hop_length=256))
    return nn.Sequential(VocosBackbone(20, 32, 64, 3), ISTFTHead(32, n_fft=64, hop_length=16))


def bigvgan(usual: bool) -> nn.Module:
    with absent("librosa", "torchaudio", "scipy", "nnAudio", "pesq", "auraloss", "soundfile"):
        from bigvgan.bigvgan import BigVGAN
        from bigvgan.env import AttrDict

        if usual:
            sizes = {"num_mels": 100, "upsample_initial_channel": 512, "upsample_rates": [4, 4, 2, 2, 2, 2],
                     "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4], "resblock_kernel_sizes": [3, 7, 11],
                     "resblock_dilation_sizes": [[1, 3, 5]] * 3}  # fmt: skip
        else:
            sizes = {"num_mels": 20, "upsample_initial_channel": 32, "upsample_rates": [4, 4],
                     "upsample_kernel_sizes": [8, 8], "resblock_kernel_sizes": [3, 7],
                     "resblock_dilation_sizes": [[1, 3]] * 2}  # fmt: skip
        return BigVGAN(AttrDict(sizes, resblock="1", activation="snakebeta", snake_logscale=True))


def monai_volumes(usual: bool) -> nn.Module:
    from monai.networks.nets import Generator

    if usual:
        return Generator((128,), (128, 4, 4, 4), (64, 32, 16, 1), (2, 2, 2, 2), num_res_units=2)
    return Generator((8,), (16, 2, 2, 2), (16, 8, 1), (2, 2, 2), num_res_units=1)


def monai_inputs(n: int, usual: bool) -> tuple[Any, ...]:
    return (torch.randn(n, 128 if usual else 8),)


GENERATORS = {
    "StyleGAN2": Generator(
        "stylegan2-pytorch",
        stylegan2,
        stylegan2_inputs,
        sites=8,
        options={"targets": ["blocks.*.conv1", "blocks.*.conv2"]},
    ),
    "lightweight GAN": Generator(
        "lightweight-gan",
        lightweight_gan,
        lambda n, usual: (torch.randn(n, 256 if usual else 32),),
        sites=7,
    ),
    "GigaGAN": Generator(
        "gigagan-pytorch",
        gigagan,
        lambda n, usual: {"noise": torch.randn(n, 64 if usual else 16)},
        sites=8,
        options={"targets": ["layers.*.1.0", "layers.*.1.3"]},
    ),
    "SNGAN": Generator(
        "torch-mimicry",
        sngan,
        lambda n, usual: (torch.randn(n, 128 if usual else 16),),
        sites=7,
    ),
    "SNGAN discriminator": Generator(
        "torch-mimicry",
        sngan_discriminator,
        lambda n, usual: (torch.randn(n, 3, 32, 32),),
        sites=4,
        options={"targets": "block?"},
    ),
    "cGAN-PD": Generator(
        "torch-mimicry",
        cgan,
        lambda n, usual: (torch.randn(n, 128 if usual else 16), torch.arange(n)),
        sites=7,
    ),
    "BigGAN": Generator("pytorch-pretrained-biggan", biggan, biggan_inputs, sites=21),
    "BigGAN's gate": Generator(  # its attention starts behind a gain of zero
        "pytorch-pretrained-biggan",
        biggan,
        biggan_inputs,
        sites=6,
        options={"targets": ["*.bn_0", "*.snconv1x1_o_conv"]},
        weak=("generator.layers.2.snconv1x1_o_conv",),
    ),
    "Stable Diffusion decoder": Generator(
        "diffusers",
        lambda usual: diffusers_vae(usual).decoder,
        lambda n, usual: (torch.randn(n, 4, 8, 8),),
        sites=14,
    ),
    "diffusion U-Net": Generator(
        "denoising-diffusion-pytorch",
        diffusion_unet,
        lambda n, usual: (torch.randn(n, 3, 32 if usual else 16, 32 if usual else 16), torch.arange(n)),
        sites=29,
    ),
    "Vocos": Generator(
        "vocos", vocos, lambda n, usual: (torch.randn(n, 100, 94) if usual else torch.randn(n, 20, 12),), sites=5
    ),
    "BigVGAN": Generator(
        "bigvgan",
        bigvgan,
        lambda n, usual: (torch.randn(n, 100, 16) if usual else torch.randn(n, 20, 8),),
        sites=16,
        options={"targets": "resblocks.*.convs?.*"},
    ),
    "MONAI volumes": Generator("monai", monai_volumes, monai_inputs, sites=2),
    # An instance norm undoes what is done to the channels right before it; the first not wholly, since its features
    # vary so little that its epsilon counts. After the third there is none.
    "MONAI before norms": Generator(
        "monai",
        monai_volumes,
        monai_inputs,
        sites=3,
        options={"targets": "*.unit0.conv"},
        weak=("conv.layer_1.1.conv.unit0.conv",),
    ),
}
