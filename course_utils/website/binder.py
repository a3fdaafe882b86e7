"""The address that opens a notebook of the repository on mybinder.org."""
from __future__ import annotations

import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

BINDER = "https://mybinder.org"
PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


def configured_repository(root: Path) -> str:
    """The repository's address in `pyproject.toml` (`[project.urls]`, `Repository`); empty where there is none."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError):
        return ""
    return str(project.get("urls", {}).get("Repository", ""))


def binder_address(repository: str, notebook: str) -> str:
    """Where Binder starts the newest state of a repository and opens one of its notebooks.

    Parameters
    ----------
    repository : str
        `https://HOST/OWNER/NAME`, with or without `.git`.
    notebook : str
        Path in the repository, with forward slashes.

    Raises
    ------
    ValueError
        If the repository is no address of that form.
    """
    parts = urlsplit(repository.strip())
    path = parts.path.strip("/").removesuffix(".git")
    if parts.scheme not in ("http", "https") or not parts.hostname or "/" not in path:
        raise ValueError(f"The repository is given as {repository!r}; an address such as https://github.com/OWNER/NAME is expected.")
    kind = PROVIDERS.get(parts.hostname)
    if kind == "gh":
        where = path
    elif kind:
        where = quote(path, safe="")
    else:
        kind, where = "git", quote(f"{parts.scheme}://{parts.netloc}/{path}", safe="")
    return f"{BINDER}/v2/{kind}/{where}/HEAD?urlpath={quote(f'lab/tree/{notebook}', safe='')}"
