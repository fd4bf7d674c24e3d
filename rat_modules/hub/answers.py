"""What the Hub answered, in a few words of one line."""

from huggingface_hub import constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is its client's, whichever it has
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def reason(error: BaseException) -> str:
    """Say why the Hub's own library gave up; what lies behind an error is often plainer than the error.

    Example:
        >>> reason(OfflineModeIsEnabled("any words"))
        'nothing in the cache, and no network (HF_HUB_OFFLINE)'
    """
    behind: BaseException | None = error
    while behind is not None:
        told = _known(behind)
        if told:
            return told
        behind = behind.__cause__
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is None:
        return "nothing in the cache, and nothing may be fetched"
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _known(error: BaseException) -> str | None:
    # from the special to the general: most of these are kinds of those below them
    if isinstance(error, OfflineModeIsEnabled):
        return "nothing in the cache, and no network (HF_HUB_OFFLINE)"
    if isinstance(error, GatedRepoError):
        return "a model whose owners have to agree first (gated)"
    if isinstance(error, RevisionNotFoundError):
        return "no such revision"
    if isinstance(error, RepositoryNotFoundError):
        return "no such model, or a private one that the token does not open"
    if isinstance(error, HfHubHTTPError) and not isinstance(error, EntryNotFoundError):
        said = " ".join((error.server_message or "").split())
        return f"status {error.response.status_code}" + (f", {said}" if said else "")
    if isinstance(error, HTTPError):  # of the transport
        return f"{constants.ENDPOINT} cannot be reached ({str(error) or type(error).__name__})"
    return None
