"""A small FAST action tokenizer and what it decodes, for tests/core/policy/fast_tokenizer_test.cc.

The tokenizer is trained as Hugging Face's FAST processor trains its own, on smooth random chunks,
and decodes with the packages that the processor uses: tokenizers (BPE), scipy (the cosine transform)
and sentencepiece (the text between). Run in this folder with these and numpy.
"""

import json
import pathlib

import numpy as np
import sentencepiece
from scipy.fft import dct, idct
from tokenizers import ByteLevelBPETokenizer, trainers

SCALE, VOCABULARY = 10, 320
HORIZON, DIM = 6, 3
SKIPPED = 128
FOLDER = pathlib.Path("fast")


def chunks(random: np.random.Generator, count: int, amplitude: float) -> list[np.ndarray]:
    """Smooth motions: sums of slow sines."""
    time = np.linspace(0, 1, HORIZON)[:, None]
    result = []
    for _ in range(count):
        phase, speed = random.uniform(0, 6, DIM), random.uniform(0.2, 2, DIM)
        result.append(amplitude * np.sin(phase + speed * time))
    return result


def coefficients(chunk: np.ndarray) -> np.ndarray:
    return np.around(dct(chunk, axis=0, norm="ortho") * SCALE).astype(int)


def train(samples: list[np.ndarray]) -> tuple[ByteLevelBPETokenizer, int]:
    """The tokenizer, and the coefficient that the character 0 stands for."""
    all_coefficients = [coefficients(sample) for sample in samples]
    low = int(min(c.min() for c in all_coefficients))
    high = int(max(c.max() for c in all_coefficients))
    texts = ["".join(map(chr, c.flatten() - low)) for c in all_coefficients]
    bpe = ByteLevelBPETokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        special_tokens=[],
        initial_alphabet=[chr(i) for i in range(high - low + 1)],
        max_token_length=10000,
        show_progress=False,
    )
    bpe._tokenizer.train_from_iterator(texts, trainer=trainer)
    return bpe, low


def decode(bpe: ByteLevelBPETokenizer, low: int, ids: list[int]) -> np.ndarray | None:
    """None: it is no chunk."""
    if any(token < 0 for token in ids):
        return None
    text = bpe.decode(ids, skip_special_tokens=False)
    if len(text) != HORIZON * DIM or "\ufffd" in text:
        return None
    values = np.array([ord(c) for c in text]) + low
    return idct(values.reshape(HORIZON, DIM) / SCALE, axis=0, norm="ortho")


def extract(prompts, bpe, low, tokens: list[int]) -> np.ndarray | None:
    """Of an answer in tokens of the prompts' tokenizer, as openpi does it."""
    text = prompts.decode(tokens)
    if "Action: " not in text:
        return None
    inner = text.split("Action: ")[1].split("|")[0].strip()
    ids = [prompts.vocab_size() - 1 - SKIPPED - token for token in prompts.encode(inner)]
    return decode(bpe, low, ids)


def main() -> None:
    random = np.random.default_rng(3)
    prompts = sentencepiece.SentencePieceProcessor(model_file="tokenizer.model")
    bpe, low = train(chunks(random, 400, 2.0))
    FOLDER.mkdir(exist_ok=True)
    bpe.save(str(FOLDER / "tokenizer.json"))
    config = {"action_dim": None, "auto_map": {"AutoProcessor": "x.UniversalActionProcessor"}}
    config |= {"min_token": low, "processor_class": "UniversalActionProcessor", "scale": SCALE}
    config |= {"time_horizon": None, "vocab_size": VOCABULARY}
    (FOLDER / "processor_config.json").write_text(json.dumps(config, indent=2) + "\n")

    decoded = []
    for chunk in chunks(random, 12, 1.5):
        text = "".join(map(chr, np.maximum(coefficients(chunk) - low, 0).flatten()))
        ids = bpe.encode(text).ids
        actions = decode(bpe, low, ids)
        decoded.append({"ids": ids, "actions": actions.tolist()})
        assert np.abs(actions - chunk).max() < 0.2

    answers = []
    begin = prompts.encode("Action: ")
    for trial in range(200_000):
        # Whether the text of tokens is made of the same tokens depends on them; openpi hopes so.
        count = int(random.integers(1, 19))
        body = [prompts.vocab_size() - 1 - SKIPPED - int(i)
                for i in random.integers(0, min(bpe.get_vocab_size(), VOCABULARY), count)]
        tokens = begin + body + prompts.encode("|") + [1]
        if trial % 3 == 0:
            tokens += [0, 0]
        actions = extract(prompts, bpe, low, tokens)
        refused = sum(answer["actions"] is None for answer in answers)
        if actions is None and refused < 6 and trial % 50 == 0:
            answers.append({"tokens": tokens, "actions": None})
        if actions is not None and len(answers) - refused < 12:
            answers.append({"tokens": tokens, "actions": actions.tolist()})
    answers.append({"tokens": prompts.encode("pick up the cup"), "actions": None})
    answers.sort(key=lambda answer: answer["actions"] is None)
    print(sum(answer["actions"] is not None for answer in answers), "answers are actions")
    shape = {"horizon": HORIZON, "action_dim": DIM}
    pathlib.Path("fast.json").write_text(
        json.dumps(shape | {"decoded": decoded, "answers": answers}) + "\n")


if __name__ == "__main__":
    main()
