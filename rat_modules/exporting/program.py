"""The generator as a graph of torch's own operations, for any number of pictures: where every format begins."""

import torch
from torch.export import Dim, ExportedProgram

from rat_modules.errors import RatError
from rat_modules.exporting.quiet import quiet
from rat_modules.exporting.subject import Subject

BATCH = "n"


def exported(subject: Subject) -> ExportedProgram:
    """Trace a generator with a batch of any size; inside an exporter, its ops are their references by themselves.

    Args:
        subject: what to trace; its forward names its inputs `noise` and `sentence`, or takes them in that order.

    Raises:
        RatError: the generator cannot be traced: its way depends on the values of its inputs, say.

    Example:
        >>> from rat_modules import assemble
        >>> from rat_modules.exporting.subject import subject
        >>> program = exported(subject(assemble("ratgan-tiny", **{"text_encoder.name": "none"})))
        >>> program.module()(torch.zeros(3, 100), torch.zeros(3, 256)).shape
        torch.Size([3, 3, 32, 32])
    """
    batch = Dim(BATCH, min=1)
    inputs = subject.inputs(3)  # not 1, which an exporter takes for a constant
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(_Named(subject.module), inputs, dynamic_shapes=({0: batch}, {0: batch}))
    except RatError:
        raise
    except Exception as error:  # others' generators: torch has no one error for what it cannot trace
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise RatError(
            f"{type(subject.generator).__name__} cannot be exported",
            got=reason,
            expected="a generator whose way does not depend on the values of its inputs",
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


class _Named(torch.nn.Module):
    """Inputs by the names that a file has for them, whatever the generator calls them."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, noise: torch.Tensor, sentence: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = self.module(noise, sentence)
        return images
