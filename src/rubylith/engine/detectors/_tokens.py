"""Words → the numbers that a network was taught them as, from the tokenizer files beside its weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import ModelFailed, Unavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WHOLE, WORD_PIECES, BYTE_PAIRS, MERGES = "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"
CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"
CLIP_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


class Tokens:
    """A tokenizer that has been read. Any number of threads may share it."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        tokenizer.no_padding()  # what a file says of either is of another network's making
        tokenizer.no_truncation()
        self._tokenizer = tokenizer

    def of(self, text: str) -> list[int]:
        """The numbers of a text, without those that only begin and end one."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def number(self, token: str) -> int:
        """The number of one token; ModelFailed if the network has never met it."""
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ModelFailed(f"The tokenizer has no {token!r}", "Take weights and tokenizer from the same place")
        return found


def padded(
    said: Sequence[Sequence[int]], tokens: Tokens, length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Phrases in CLIP's tokens, begun and ended: (N, length) int64, and which of them count.

    Of a longer phrase the beginning; the rest of a row is filled with zeros.
    """
    begin, end = tokens.number(CLIP_START), tokens.number(CLIP_END)
    rows = np.zeros((len(said), length), np.int64)
    mask = np.zeros_like(rows)
    for row, one in enumerate(said):
        numbers = [begin, *one[: length - 2], end]
        rows[row, : len(numbers)], mask[row, : len(numbers)] = numbers, 1
    return rows, mask


def open_tokens(folder: Path) -> Tokens:
    """The tokenizer in a folder; Unavailable without the extra `words`, ModelFailed if its files are not right.

    `tokenizer.json` says all by itself; without it BERT's list of word pieces, or CLIP's byte pairs and merges, are
    enough to make the same.
    """
    try:
        import tokenizers  # noqa: PLC0415  an extra
    except ImportError as failure:
        raise Unavailable(
            f"Words for {folder.name} have to be cut into tokens, and tokenizers is not installed",
            "Install rubylith[words]",
        ) from failure
    try:
        if (folder / WHOLE).is_file():
            return Tokens(tokenizers.Tokenizer.from_file(str(folder / WHOLE)))
        if (folder / WORD_PIECES).is_file():
            return Tokens(_word_pieces(folder / WORD_PIECES))
        if (folder / BYTE_PAIRS).is_file():
            return Tokens(_byte_pairs(folder / BYTE_PAIRS, folder / MERGES))
    except Exception as failure:  # tokenizers raises bare Exception
        raise ModelFailed(f"The tokenizer in {folder} cannot be read: {failure}", "Pull the model again") from failure
    raise ModelFailed(f"{folder} has no {WHOLE}", "Take it from where the weights came from")


def _word_pieces(vocabulary: Path) -> "Tokenizer":
    """BERT's, in lower case, as the text side of every Grounding DINO is."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers  # noqa: PLC0415

    numbers = {token: number for number, token in enumerate(vocabulary.read_text("utf-8").splitlines())}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _byte_pairs(vocabulary: Path, merges: Path) -> "Tokenizer":
    """CLIP's. Source: transformers, CLIPTokenizer."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers  # noqa: PLC0415

    numbers: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))
    lines = [line.split() for line in merges.read_text("utf-8").splitlines() if not line.startswith("#version")]
    pairs = [(line[0], line[1]) for line in lines if len(line) == 2]
    model = models.BPE(
        numbers, pairs, continuing_subword_prefix="", end_of_word_suffix="</w>", fuse_unk=False, unk_token=CLIP_END
    )
    tokenizer = Tokenizer(model)
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer
