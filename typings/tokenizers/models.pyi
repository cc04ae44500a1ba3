class Model: ...

class WordPiece(Model):
    def __init__(self, vocab: dict[str, int], *, unk_token: str) -> None: ...

class BPE(Model):
    def __init__(
        self,
        vocab: dict[str, int],
        merges: list[tuple[str, str]],
        *,
        continuing_subword_prefix: str,
        end_of_word_suffix: str,
        fuse_unk: bool,
        unk_token: str,
    ) -> None: ...
