"""Where the pictures and their words come from: four npm packages, pinned by version and by
digest."""

import hashlib
import subprocess
import tarfile
from pathlib import Path

STYLES = ("noto", "fluent-emoji-flat", "twemoji")

# npm name, version, sha256 of the tarball. Licences in this order: Apache-2.0, MIT, CC-BY-4.0
# (Twitter), MIT.
PACKAGES = {
    "noto": (
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
    ),
    "fluent-emoji-flat": (
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
    ),
    "twemoji": (
        "@iconify-json/twemoji",
        "1.2.5",
        "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7",
    ),
    "keywords": (
        "emojilib",
        "4.0.3",
        "7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303",
    ),
}


def fetch(work: Path) -> dict[str, Path]:
    """Download what is missing into `work/sources`, check every digest, unpack; returns the
    folder of each package."""
    folder = work / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    return {key: _unpack(folder, *package) for key, package in PACKAGES.items()}


def _unpack(folder: Path, name: str, version: str, digest: str) -> Path:
    stem = f"{name.lstrip('@').replace('/', '-')}-{version}"
    archive = folder / f"{stem}.tgz"
    if not archive.exists():
        subprocess.run(
            ["npm", "pack", "--silent", f"{name}@{version}"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        raise ValueError(
            f"{archive} has sha256 {found}, expected {digest}; delete it and fetch it again"
        )
    if not (folder / stem).exists():
        with tarfile.open(archive) as tar:
            tar.extractall(folder / stem, filter="data")
    return folder / stem / "package"
