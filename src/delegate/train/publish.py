"""Puts a folder of examples on the Hugging Face hub."""

from __future__ import annotations

import os
from pathlib import Path

from delegate.errors import DataError, MissingExtraError, SpecError
from delegate.secret import redact

TOKEN = "HF_TOKEN"
"""The environment variable with the token; it is not read anywhere else, and never shown."""


def publish(folder: Path, repository: str, *, public: bool = False, endpoint: str | None = None) -> str:
    """Upload everything the folder holds; returns the page's address.

    Args:
        folder: a folder of examples.
        repository: `OWNER/NAME`; made where there is none.
        public: whether one that is made can be seen by everybody.
        endpoint: of another hub; `None`: as the environment says, or the public one.

    Raises:
        SpecError: there is no token, or no such name.
        MissingExtraError: huggingface_hub is not installed.
        DataError: the hub cannot be reached, or refuses.
    """
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError:
        raise MissingExtraError(f"publishing {folder}", "train") from None
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name:
        raise SpecError(f"--push takes OWNER/NAME, found {repository!r}")
    token = os.environ.get(TOKEN)
    if not token:
        raise SpecError(f"publishing needs a token of the hub in the environment variable {TOKEN}; none is set")
    hub = HfApi(endpoint=endpoint, token=token)
    try:
        page = hub.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=repository, repo_type="dataset")
    except Exception as error:  # the client's own errors and those of whatever it speaks HTTP with
        said = redact(str(error).replace(token, "[key]")).splitlines()
        raise DataError(repository, f"cannot be published ({said[0] if said else type(error).__name__})") from None
    return str(page)
