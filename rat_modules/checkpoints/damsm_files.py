"""Published DAMSM text encoders: a `.pth` file with weights, a `captions.pickle` with words."""

from pathlib import Path

from rat_modules.checkpoints.fitting import Fit, fit
from rat_modules.checkpoints.kinds import DAMSM_TEXT, kind_of
from rat_modules.checkpoints.published_keys import KeyMap
from rat_modules.checkpoints.released import Published, read_published
from rat_modules.errors import CheckpointError
from rat_modules.text.damsm import DAMSMTextEncoder
from rat_modules.text.vocabulary import Vocabulary

_SAME_NAMES = KeyMap({"{rest}": "{rest}"}, {}, ())


def read_damsm(path: str | Path | None, captions: str | Path | None) -> tuple[DAMSMTextEncoder, Published, Fit] | None:
    """Read a text encoder and its vocabulary, or nothing where neither file is given.

    Raises:
        CheckpointError: one of the files is missing, unsafe or foreign, or they do not belong together.
    """
    if path is None and captions is None:
        return None
    if path is None or captions is None:
        raise CheckpointError(
            "text encoder",
            got="--captions without --text-encoder" if path is None else "--text-encoder without --captions",
            expected="both: the captions.pickle holds the words that the encoder knows",
        )
    file = read_published(path, "text_encoder")
    kind = kind_of(file.weights)
    if kind is None or kind.name != DAMSM_TEXT:
        raise CheckpointError(
            f"--text-encoder {path}",
            got=kind.name if kind else f"{len(file.weights)} tensors: {', '.join(list(file.weights)[:3])}",
            expected=f"{DAMSM_TEXT}: encoder.weight, rnn.weight_ih_l0, ...",
            hint=kind.advice if kind else None,
        )
    vocabulary = Vocabulary.from_captions_pickle(captions)
    try:
        encoder = DAMSMTextEncoder.from_published(file.weights, vocabulary)
    except CheckpointError as error:
        raise CheckpointError(f"--text-encoder {path}: {error}") from None
    return encoder.eval(), file, fit(str(path), file.weights, encoder.state_dict(), _SAME_NAMES)
