"""The demo model's tokenizer: byte-level BPE trained on the corpus grammar.

In: a seed and a vocabulary size. Out: a `tokenizers.Tokenizer`, saved as a folder that
`AutoTokenizer` reads. Bytes are the fallback, so any text has tokens and exact offsets. This file
knows no model.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from emotui.demo.corpus import deflections, dialogues, neutral, stories

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
VOCABULARY = 2048


def train_tokenizer(*, seed: int = 0, vocabulary: int = VOCABULARY) -> Tokenizer:
    """Train on 6,000 texts; held-out topics come in through neutral texts only."""
    texts = [
        story.text
        for story in (
            *stories(4000, seed=seed, topics="train"),
            *deflections(700, seed=seed, topics="train"),
            *neutral(900, seed=seed),
            *dialogues(400, seed=seed),
        )
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)]),
        ]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, context: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": context,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
