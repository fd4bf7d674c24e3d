"""Inception through torch-fidelity: its own numbers, and never its unpickler."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rat_modules.errors import CheckpointError, RatError
from rat_modules.evaluation.feature_file import FeatureFile
from rat_modules.evaluation.frechet import FeatureMoments, frechet_distance
from rat_modules.evaluation.inception import InceptionExtractor
from rat_modules.evaluation.inception_score import inception_score
from rat_modules.evaluation.kernel_distance import kernel_distance
from rat_modules.evaluation.precision_recall import precision_recall
from rat_modules.sampling.pixels import to_pictures


def _missing() -> str:
    try:
        import torch_fidelity  # noqa: F401
    except (ImportError, RuntimeError) as error:
        return f"torch-fidelity with a torchvision that fits this torch: {error}".splitlines()[0]
    return ""


here = pytest.mark.skipif(bool(_missing()), reason=_missing() or "-")
pytestmark = pytest.mark.filterwarnings("default")  # torch-fidelity's own are not ours to mend


@pytest.mark.skipif(not _missing(), reason="torch-fidelity is here")
def test_without_it_one_line_says_what_to_type() -> None:
    with pytest.raises(RatError, match=r"features of Inception: got .*; pip install 'rat-modules\[inception\]'"):
        InceptionExtractor()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights drawn at random: the published ones are a download."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Inception

    # its constructor always loads a file: it is given the weights of itself
    file = tmp_path_factory.mktemp("inception") / "drawn.pth"
    torch.manual_seed(0)
    load = Inception.load_state_dict
    try:
        Inception.load_state_dict = lambda self, state: None  # type: ignore[assignment,method-assign]
        torch.save({}, file)
        network = Inception("drawn", ["2048"], str(file))
    finally:
        Inception.load_state_dict = load  # type: ignore[method-assign]
    torch.save(network.state_dict(), file)
    return file


def pictures(seed: int, count: int = 40) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    small = torch.rand(count, 3, 4, 4, generator=source)
    return (255 * torch.nn.functional.interpolate(small, size=(48, 48), mode="bilinear")).round().to(torch.uint8)


@here
def test_all_numbers_are_those_of_torch_fidelity(weights: Path, tmp_path: Path) -> None:
    from torch_fidelity import calculate_metrics

    sides = pictures(1), pictures(2)
    for number, side in enumerate(sides, start=1):
        (tmp_path / str(number)).mkdir()
        for index, picture in enumerate(to_pictures(side)):
            picture.save(tmp_path / str(number) / f"{index:04d}.png")
    asked: dict[str, Any] = {"isc": True, "fid": True, "kid": True, "prc": True, "kid_subset_size": 20}
    theirs = calculate_metrics(
        input1=str(tmp_path / "1"), input2=str(tmp_path / "2"), cuda=False, verbose=False, cache=False,
        feature_extractor="inception-v3-compat", feature_extractor_weights_path=str(weights), **asked,
    )  # fmt: skip
    extractor = InceptionExtractor(weights)
    with FeatureFile(None, 2048) as first, FeatureFile(None, 2048) as second, FeatureFile(None, 1008) as logits:
        for side, file in zip(sides, (first, second), strict=True):
            for part in side.split(16):
                extracted = extractor(part)
                file.append(extracted.features)
                if file is first and extracted.logits is not None:
                    logits.append(extracted.logits)
        moments = [FeatureMoments.of(file.rows(slice(None))) for file in (first, second)]
        kid, prc = kernel_distance(first, second, subset_size=20), precision_recall(first, second)
        isc = inception_score(logits)
    assert frechet_distance(*moments) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-3, abs=1e-3)
    assert kid.mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3, abs=1e-6)
    assert kid.std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-3, abs=1e-6)
    assert (prc.precision, prc.recall) == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-3)
    assert isc.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-3)


@here
def test_a_network_with_other_classes(weights: Path, tmp_path: Path) -> None:
    whole = torch.load(weights, weights_only=True)
    few = {**whole, "fc.weight": whole["fc.weight"][:7], "fc.bias": whole["fc.bias"][:7]}
    torch.save(few, tmp_path / "few.pth")
    found = InceptionExtractor(tmp_path / "few.pth")(pictures(3, 2))
    wanted = InceptionExtractor(weights)(pictures(3, 2))
    assert found.logits is not None and wanted.logits is not None and found.logits.shape == (2, 7)
    assert torch.equal(found.features, wanted.features)
    torch.testing.assert_close(found.logits, wanted.logits[:, :7])


@here
def test_what_is_no_inception_is_refused_and_runs_nothing(weights: Path, tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(3, 2048), "fc.bias": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="is no Inception"):
        InceptionExtractor(tmp_path / "other.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match=r"fc\.weight of"):
        InceptionExtractor(tmp_path / "none.pth")

    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "hostile.pth").write_bytes(pickle.dumps({"fc.weight": Hostile()}))
    with pytest.raises(CheckpointError):
        InceptionExtractor(tmp_path / "hostile.pth")
    assert not (tmp_path / "ran").exists()
