"""Reads a PDF in poppler, PDFium, MuPDF and Ghostscript, and fails where they disagree.

readers.py FILE REGULAR.ttf BOLD.ttf: the fonts are those that the widths of the document come from.
Prints one JSON object: {"pages": [{"words": [...], "barcodes": [...], "ink": most ink that two readers differ by}]}.
"""

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

import pymupdf
import pypdfium2
import zxingcpp
from PIL import Image, ImageChops

FILE, REGULAR, BOLD = sys.argv[1:4]
DPI = 216
LEFT, RIGHT = 48.19, 547.09  # the margins, in points
FONTS = [pymupdf.Font(fontfile=file) for file in (REGULAR, BOLD)]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


def ghostscript(*options):
    return run("gs", "-q", "-dSAFER", "-dNOPAUSE", "-dBATCH", *options, FILE)


def images(page, folder):
    number = str(page + 1)
    run("pdftoppm", "-r", str(DPI), "-f", number, "-l", number, "-gray", "-singlefile", FILE, f"{folder}/poppler")
    ghostscript("-sDEVICE=pnggray", f"-r{DPI}", "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", f"-dFirstPage={number}", f"-dLastPage={number}", f"-sOutputFile={folder}/gs.png")
    pixels = pymupdf.open(FILE)[page].get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    return {
        "poppler": Image.open(f"{folder}/poppler.pgm").convert("L"),
        "pdfium": pypdfium2.PdfDocument(FILE)[page].render(scale=DPI / 72).to_pil().convert("L"),
        "mupdf": Image.frombytes("L", (pixels.width, pixels.height), pixels.samples),
        "ghostscript": Image.open(f"{folder}/gs.png").convert("L"),
    }


def words_of(characters):
    """Words with their ends from characters with theirs: (character, left, right, baseline)."""
    words, word = [], None
    for character, left, right, line in characters:
        if character.isspace():
            word = None
        elif word and abs(word[3] - line) < 1 and -3 < left - word[2] < 2:
            word[0] += character
            word[2] = right
        else:
            word = [character, left, right, line]
            words.append(word)
    return words


def poppler(page):
    tree = xml.fromstring(run("pdftotext", "-bbox", "-f", str(page + 1), "-l", str(page + 1), FILE, "-"))
    return [[word.text, float(word.get("xMin")), float(word.get("xMax")), float(word.get("yMax"))] for word in tree.iter("{http://www.w3.org/1999/xhtml}word")]


def pdfium(page):
    text = pypdfium2.PdfDocument(FILE)[page].get_textpage()
    characters = []
    for index in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(index, loose=True)
        characters.append((text.get_text_range(index, 1), left, right, bottom))
    return words_of(characters)


def spans(page):
    for block in pymupdf.open(FILE)[page].get_text("rawdict")["blocks"]:
        for line in block.get("lines", []):
            yield from line["spans"]


def mupdf(page):
    return words_of((c["c"], c["bbox"][0], c["bbox"][2], c["origin"][1]) for span in spans(page) for c in span["chars"])


def ghostscript_words(page):
    out = ghostscript("-sDEVICE=txtwrite", "-dTextFormat=0", f"-dFirstPage={page + 1}", f"-dLastPage={page + 1}", "-sOutputFile=-")
    characters = []
    for span in xml.fromstring(b"<all>" + out + b"</all>").iter("span"):
        for char in span.iter("char"):
            left, _, right, bottom = map(float, char.get("bbox").split())
            characters.append((char.get("c"), left, right, bottom))
    return words_of(characters)


def check_overlaps(page):
    """No text lies over another."""
    placed = []
    for span in spans(page):
        inked = [c["bbox"] for c in span["chars"] if not c["c"].isspace()]
        if inked:
            text = "".join(c["c"] for c in span["chars"])
            placed.append((text, inked[0][0], inked[-1][2], span["origin"][1], span["size"]))
    for index, (text, left, right, line, size) in enumerate(placed):
        for other, other_left, other_right, other_line, other_size in placed[:index]:
            apart = abs(line - other_line) > 0.65 * min(size, other_size)
            assert apart or right < other_left + 1 or other_right < left + 1, (text, other)


def check_widths(page):
    """Each text is as wide as the font says, kerning apart, and none runs off the page."""
    for span in spans(page):
        text = "".join(c["c"] for c in span["chars"])
        inked = [c["bbox"] for c in span["chars"] if not c["c"].isspace()]
        if text.strip() != text or not inked:
            continue  # a gap that MuPDF makes a space of
        left, right = inked[0][0], inked[-1][2]
        width = FONTS["bold" in span["font"].lower() or span["font"] == "F1"].text_length(text, span["size"])
        assert abs(right - left - width) < 0.6 + 0.03 * width, (text, right - left, width)
        assert LEFT - 1 < left and right < RIGHT + 1, (text, left, right)


def ink(page_images):
    """The most that any spot of a page differs in darkness between two readers, of 255: glyphs are smoothed differently, so spots are as wide as a letter."""
    small = {name: image.resize((image.width // 24, image.height // 24), Image.BOX) for name, image in page_images.items()}
    sizes = {name: image.size for name, image in page_images.items()}
    first = next(iter(small.values()))
    assert all(abs(w - first.width * 24) < 48 and abs(h - first.height * 24) < 48 for w, h in sizes.values()), sizes
    worst = 0
    for one in small.values():
        for other in small.values():
            worst = max(worst, ImageChops.difference(one, other.resize(one.size)).getextrema()[1])
    return worst


def main():
    pages = []
    for page in range(len(pymupdf.open(FILE))):
        read = {"poppler": poppler(page), "pdfium": pdfium(page), "mupdf": mupdf(page), "ghostscript": ghostscript_words(page)}
        said = {reader: sorted(word for word, *_ in words) for reader, words in read.items()}
        for reader, words in said.items():
            assert "\0" not in "".join(words), f"{reader} reads NUL"
            only = sorted(set(words) ^ set(said["mupdf"]))
            assert words == said["mupdf"], (reader, page + 1, only)
        for reader, words in read.items():
            free = list(words)
            for word, left, right, _ in read["mupdf"]:
                alike = [other for other in free if other[0] == word]
                nearest = min(alike, key=lambda other: abs(other[1] - left) + abs(other[2] - right))
                off = max(abs(nearest[1] - left), abs(nearest[2] - right))
                assert off < 2, (reader, page + 1, word, left, right, nearest)
                free.remove(nearest)
        check_overlaps(page)
        check_widths(page)
        with tempfile.TemporaryDirectory() as folder:
            page_images = images(page, folder)
            # Ours alone: lines of text may look like a linear code.
            barcodes = {reader: sorted(code.text for code in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.Aztec)) for reader, image in page_images.items()}
            for reader, codes in barcodes.items():
                assert codes == barcodes["mupdf"], (reader, page + 1, len(codes), len(barcodes["mupdf"]))
            pages.append({"words": [word for word, *_ in read["mupdf"]], "barcodes": barcodes["mupdf"], "ink": ink(page_images)})
    print(json.dumps({"pages": pages}))


main()
