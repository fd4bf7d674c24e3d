"""Adapters in a folder: `rat_config.json` says what they were made for, `rat_adapter.safetensors` what they learned."""

import hashlib
import json
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from rat_modules.assembly.within import Within
from rat_modules.atomic import atomic_write
from rat_modules.checkpoints.files import read_safetensors, write_safetensors
from rat_modules.errors import CheckpointError, RetrofitError
from rat_modules.layers.cells import CELLS
from rat_modules.layers.controller import RecurrentController
from rat_modules.regular import read_regular_text
from rat_modules.retrofitting.attach import follow_base
from rat_modules.retrofitting.bases import refuse_other_modules, refuse_unfit
from rat_modules.retrofitting.retrofitted import Retrofitted
from rat_modules.retrofitting.sites import Site

CONFIG, WEIGHTS = "rat_config.json", "rat_adapter.safetensors"
FORMAT = "rat_modules retrofit/1"


def save_adapter(r: Retrofitted, folder: str | Path) -> None:
    """Write what a retrofit added, and nothing of the base: weights, explicit sites, and which network they fit.

    Raises:
        RetrofitError: a controller of one's own, that a file cannot describe.
        OSError: the folder cannot be written; older files are then still whole.
    """
    cells = {kind: name for name, kind in CELLS.items()}
    cell = cells.get(type(r.controller.cell))
    if type(r.controller) is not RecurrentController:
        raise RetrofitError("controller", got=type(r.controller).__name__, expected="RecurrentController, to be saved")
    config = {
        "format": FORMAT,
        "base": f"{type(r.base).__module__}.{type(r.base).__qualname__}",
        "fingerprint": fingerprint(r.base),
        "freeze_base": r.frozen,
        "once": r.once,
        "controller": {
            "cell": cell or type(r.controller.cell).__qualname__,
            "cond_dim": r.controller.cond_dim,
            "noise_dim": r.controller.noise_dim,
            "hidden_dim": r.controller.hidden_dim,
        },
        "sites": [attrs.asdict(site) for site in r.sites],
    }
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise RetrofitError("folder of the adapter", got=f"{folder}, which is a file", expected="a folder")
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"fingerprint": fingerprint(r.base), "sites": _digest(r.sites)}
    write_safetensors(folder / WEIGHTS, dict(r.adapter_named_parameters()), metadata)
    with atomic_write(folder / CONFIG) as temporary:
        Path(temporary).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_retrofit(
    model: nn.Module, folder: str | Path, *, controller: RecurrentController | None = None
) -> Retrofitted:
    """Attach saved adapters to a network of the same architecture.

    Args:
        model: the network that they were made for, with its own weights.
        folder: from `save_adapter`.
        controller: needed where the saved one has a cell that is not ours; its weights are read from the folder.

    Raises:
        RetrofitError: another architecture, or a network that cannot be retrofitted.
        CheckpointError: a file is missing, damaged, or does not fit the other.

    Example:
        >>> import tempfile
        >>> from rat_modules.retrofitting.attach import retrofit
        >>> make = lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
        >>> folder = tempfile.mkdtemp()
        >>> retrofit(make(), cond_dim=8, hidden_dim=8).save_adapter(folder)
        >>> load_retrofit(make(), folder).sites[0].name
        '1'
    """
    refuse_unfit(model)
    folder = Path(folder)
    config = _read_config(folder / CONFIG)
    found = fingerprint(model)
    if config["fingerprint"] != found:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise RetrofitError(
            "the adapters were made for another architecture",
            got=f"{kind} {found[:12]}",
            expected=f"{config['base']} {config['fingerprint'][:12]}",
            hint="build the network as it was when they were saved",
        )
    tensors, metadata = read_safetensors(folder / WEIGHTS)
    sites = [Site(**site) for site in config["sites"]]
    # folders of the first version say nothing of the sites there
    known = (metadata.get("fingerprint"), metadata.get("sites", _digest(sites)))
    if known != (config["fingerprint"], _digest(sites)):
        raise CheckpointError(f"{folder / WEIGHTS} and {CONFIG} do not belong together", hint="save the adapters again")
    refuse_other_modules(model, sites)
    with Within(str(folder / CONFIG), sum(tensor.nbytes for tensor in tensors.values())):
        r = Retrofitted(
            model,
            controller or _controller(config["controller"], folder / CONFIG),
            sites,
            frozen=config["freeze_base"],
            once=config.get("once", False),
        )
    try:
        own = dict(r.adapter_named_parameters())
        shapes = {name: tuple(value.shape) for name, value in own.items()}
        if shapes != {name: tuple(value.shape) for name, value in tensors.items()}:
            raise CheckpointError(f"{folder / WEIGHTS} does not hold what {CONFIG} describes", hint="save them again")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(tensors[name])
        follow_base(r)
    except BaseException:
        r.unretrofit()
        raise
    return r


def fingerprint(model: nn.Module) -> str:
    """What an architecture is known by: the names and shapes of its weights.

    Example:
        >>> fingerprint(nn.Linear(2, 3)) == fingerprint(nn.Linear(2, 3)) != fingerprint(nn.Linear(3, 2))
        True
    """
    state = model.state_dict()
    # a module's extra state may be anything
    keys = sorted(f"{name} {tuple(getattr(value, 'shape', ()))}" for name, value in state.items())
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _digest(sites: list[Site]) -> str:
    """What a list of sites is known by: they and the order of their steps, without what `verify` measured."""
    told = [attrs.astuple(attrs.evolve(site, effect=None)) for site in sites]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _read_config(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise CheckpointError("adapters", got=f"no file {path}", expected=f"a folder with {CONFIG} and {WEIGHTS}")
    try:
        config = json.loads(read_regular_text(path, 2**24))
        if config["format"] != FORMAT:
            raise CheckpointError(f"format of {path}", got=repr(config["format"]), expected=repr(FORMAT))
        attrs_of_sites = {attribute.name for attribute in attrs.fields(Site)}
        whole = all(set(site) == attrs_of_sites for site in config["sites"])
        numbers = ("channels", "channel_dim", "step")
        whole = whole and all(type(site[name]) is int for site in config["sites"] for name in numbers)
        whole = whole and isinstance(config["controller"], dict) and isinstance(config["fingerprint"], str)
        if not whole or not {"base", "fingerprint", "freeze_base", "controller"} <= set(config):
            raise KeyError("an entry is missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged", got=f"{type(error).__name__} {error}") from error
    return dict(config)


def _controller(config: dict[str, Any], path: Path) -> RecurrentController:
    options = dict(config)
    if options.keys() != {"cell", "cond_dim", "noise_dim", "hidden_dim"}:
        raise CheckpointError(f"controller in {path}", got=", ".join(options), expected="its cell and its widths")
    if options["cell"] not in CELLS:
        raise RetrofitError(
            "the adapters' controller has a cell of its own", got=options["cell"], hint="load_retrofit(controller=...)"
        )
    return RecurrentController(options.pop("cond_dim"), **options)
