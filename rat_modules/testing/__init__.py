"""The conformance kit: the promises of every kind of component, checked on yours as on ours.

Each check returns a `Report` of the properties that hold, or raises a `ConformanceError` that says in plain words which
does not. Nothing in the package imports this kit: it is for tests.

Example:
    >>> import torch
    >>> from rat_modules.testing import check_op
    >>> "layouts" in check_op(torch.sin, (torch.randn(2, 3),)).checked
    True
"""

from rat_modules.testing.attention import check_attention
from rat_modules.testing.cell import check_cell
from rat_modules.testing.dataset import check_dataset
from rat_modules.testing.discriminator import check_discriminator
from rat_modules.testing.fusion import check_fusion
from rat_modules.testing.generator import check_generator
from rat_modules.testing.layer import check_layer
from rat_modules.testing.loss import check_loss
from rat_modules.testing.metric import check_metric
from rat_modules.testing.op import check_op
from rat_modules.testing.plugin import check_plugin
from rat_modules.testing.recipe import check_recipe
from rat_modules.testing.report import ConformanceError, Report
from rat_modules.testing.text_encoder import check_text_encoder

__all__ = [
    "ConformanceError",
    "Report",
    "check_attention",
    "check_cell",
    "check_dataset",
    "check_discriminator",
    "check_fusion",
    "check_generator",
    "check_layer",
    "check_loss",
    "check_metric",
    "check_op",
    "check_plugin",
    "check_recipe",
    "check_text_encoder",
]
