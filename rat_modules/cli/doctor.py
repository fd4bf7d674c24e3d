"""`rat-modules doctor`: what a bug report needs to say about a machine."""

import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from rat_modules import __version__
from rat_modules.cli.table import table
from rat_modules.registry import plugin_states

EPILOG = """\b
Examples:
  rat-modules doctor
  rat-modules doctor --json > machine.json
"""
_PACKAGES = ("torch", "triton", "numpy", "einops", "safetensors", "pillow", "pluggy", "attrs", "cattrs", "click")
# of the extras, where they are installed
_EXTRAS = (
    "wordllama", "tensorboard", "webdataset", "torch-fidelity", "gradio", "huggingface-hub", "onnx", "onnxscript",
    "onnxruntime",
)  # fmt: skip


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Print versions, devices, which kernels run and why, plugins and disk space."""
    report = {
        "versions": _versions(),
        "devices": _devices(),
        "kernels": _kernels(),
        "plugins": _plugins(),
        "disk": _disk(),
    }
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        rows = [{"part": part, "what": what, "found": found} for part in report for what, found in report[part].items()]
        click.echo(table(rows))


def _versions() -> dict[str, str]:
    found = {"rat-modules": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES + _EXTRAS:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package in _PACKAGES:
                found[package] = "not installed"
    return found


def _devices() -> dict[str, str]:
    import torch

    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.13 has it
    # where it is in hardware, `training.precision=bfloat16` is faster
    quick = ", bfloat16 in hardware" if able.get("avx512_bf16") or able.get("amx_bf16") else ""
    found = {"cpu": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads in torch{quick}"}
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        memory = device.total_memory / 2**30
        found[f"cuda:{index}"] = f"{device.name}, {memory:.1f} GiB, capability {device.major}.{device.minor}"
    if torch.backends.mps.is_available():
        found["mps"] = "available"
    return found


def _kernels() -> dict[str, str]:
    import torch

    from rat_modules.ops import backend

    features = torch.ones(1, 1, 1, device="cuda" if torch.cuda.is_available() else "cpu")
    reasons = {op: backend.unfit(op, features) for op in backend.KERNELS}
    return {op: f"reference: {reason}" if reason else "triton" for op, reason in reasons.items()}


def _plugins() -> dict[str, str]:
    return {
        f"{plugin.name} ({plugin.source})": plugin.state + (f": {plugin.reason}" if plugin.reason else "")
        for plugin in plugin_states()
    }


def _disk() -> dict[str, str]:
    usage = shutil.disk_usage(Path.cwd())
    return {"working folder": f"{usage.free / 2**30:.1f} GiB free of {usage.total / 2**30:.1f}"}
