"""The Inception network of published Frechet distances and Inception scores, by torch-fidelity."""

import hashlib
import tempfile
from pathlib import Path

import torch
from torch import Tensor
from torch.hub import download_url_to_file, get_dir
from torch.nn.functional import pad

from rat_modules.checkpoints.released import read_published
from rat_modules.errors import CheckpointError, RatError
from rat_modules.evaluation.extractors import Extracted

_CLASSES = 1008  # of torch-fidelity's network; those of ImageNet and a few that TensorFlow left empty
_HEAD = "fc.weight"


class InceptionExtractor:
    """Inception V3 as FID and Inception score use it: TensorFlow's weights and resampling (torch-fidelity's port).

    Features are the 2,048 of the last pooling, logits those without bias, as published scores take them.

    Args:
        file: its weights under torch-fidelity's keys, with any number of classes up to 1,008, such as a network
            fine-tuned on CUB; None takes those of ImageNet from torch's cache, or downloads them there (91 MB).
        device: where it computes.

    Raises:
        RatError: torch-fidelity or torchvision is missing, or the download failed.
        CheckpointError: the file is damaged, or of another network.
    """

    name, resize = "inception", "to 299 px, bilinear as TensorFlow 1 has it"

    def __init__(self, file: Path | None = None, *, device: torch.device | str = "cpu") -> None:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Inception
        except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises RuntimeError
            hint = "pip install 'rat-modules[inception]' with the torchvision that belongs to your torch"
            raise RatError("features of Inception", got=f"{error}".splitlines()[0], hint=hint) from error
        wanted = ["2048", "logits_unbiased"]
        self.classes = _CLASSES
        file = file or _downloaded(URL_INCEPTION_V3)
        weights = read_published(file, "discriminator").weights
        # torch-fidelity reads files with the full unpickler, which would run code: it is given one that we wrote
        with tempfile.TemporaryDirectory() as folder:
            torch.save(self._padded(weights, file), Path(folder) / "inception.pth")
            try:
                self._network = Inception("inception", wanted, str(Path(folder) / "inception.pth"))
            except RuntimeError as error:
                said = str(error).splitlines()[-1].strip()
                raise CheckpointError(f"{file} is no Inception of torch-fidelity", got=said) from error
        self.sha256 = _sha256_of_weights(weights)
        self._network.to(device).eval()
        self._device = torch.device(device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Extracted:
        """Pictures 'n 3 h w', uint8, to features 'n 2048' and logits 'n k'."""
        features, logits = self._network(images.to(self._device))
        return Extracted(features, logits[:, : self.classes])

    def _padded(self, weights: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
        """The same with rows of zeros for classes that it does not have; their logits are cut off again."""
        head, bias = weights.get(_HEAD), weights.get("fc.bias")
        if head is None or bias is None or head.ndim != 2 or not 1 < len(head) == len(bias) <= _CLASSES:
            got = "none" if head is None else tuple(head.shape)
            raise CheckpointError(
                f"{_HEAD} of {file}", got=got, expected="'k 2048', 2 to 1,008 classes, as torch-fidelity's Inception"
            )
        self.classes = len(head)
        missing = _CLASSES - len(head)
        return {**weights, _HEAD: pad(head, (0, 0, 0, missing)), "fc.bias": pad(bias, (0, missing))}


def _downloaded(url: str) -> Path:
    """The file in torch's cache, fetched where it is not there; its name ends with the beginning of its hash."""
    file = Path(get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            download_url_to_file(url, str(file), hash_prefix=file.stem.rpartition("-")[2])
        except (OSError, RuntimeError) as error:
            hint = f"fetch {file.name} elsewhere and give it: --features inception:FILE"
            raise RatError("weights of Inception", got=error, expected="a download", hint=hint) from error
    return file


def _sha256_of_weights(weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
