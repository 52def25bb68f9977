"""Models and weights from elsewhere; names of ``torch.hub``."""

from __future__ import annotations

from .frontend.hub import (
    HASH_REGEX,
    MODULE_HUBCONF,
    download_url_to_file,
    get_dir,
    help,
    list,
    load,
    load_state_dict_from_url,
    set_dir,
)

__all__ = [
    "HASH_REGEX", "MODULE_HUBCONF", "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url",
    "set_dir",
]
