"""Trains an encoder-decoder with attention to translate English verses into Spanish.

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/translation.py``.

The network is of the kind of Bahdanau, Cho and Bengio (2015) with the attention of Luong, Pham and Manning (2015), which
looks at all words of the target in one call. Greedy translations of held-out verses are judged by BLEU (Papineni et al.
2002). With some 4,400 short verses to learn from it is far from a good translator. Many verses repeat others almost word
for word, so that answering with the known translation of the most similar verse is a strong rival, printed beside it.
"""

import argparse
import functools
import gzip
import math
import os
import re
import time
from collections import Counter

import pictures
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sentiment_lstm import SimilarLengths  # the folder of a program is where Python looks first
from torch.utils.data import DataLoader

HERE = os.path.dirname(os.path.abspath(__file__))
PADDING, UNKNOWN, START, END = range(4)
MARKERS = ["<pad>", "<unk>", "<start>", "<end>"]
LONGEST = 24  # longer sentences are cut


class Vocabulary:
    """The words that occur at least ``least`` times in the sentences, numbered after the markers."""

    def __init__(self, sentences, least):
        counts = Counter(word for sentence in sentences for word in sentence)
        self.words = MARKERS + [word for word, count in counts.most_common() if count >= least]
        self.numbers = {word: number for number, word in enumerate(self.words)}

    def encode(self, sentence):
        """The numbers of the words and of the end marker."""
        return [self.numbers.get(word, UNKNOWN) for word in sentence[: LONGEST - 1]] + [END]


class Encoder(nn.Module):
    """Words (N, S) to states (N, S, 2 * hidden)."""

    def __init__(self, words, embedding, hidden, dropout):
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PADDING)
        self.gru = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source):
        states, _ = self.gru(self.dropout(self.embedding(source)))
        return self.dropout(states)


class Decoder(nn.Module):
    """Previous target words (N, T), states of the source (N, S, size) and its padding (N, S) to logits (N, T, words)."""

    def __init__(self, words, embedding, size, dropout):
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PADDING)
        self.gru = nn.GRU(embedding, size, batch_first=True)
        self.first = nn.Linear(size, size)
        self.query = nn.Linear(size, size, bias=False)
        self.combine = nn.Linear(2 * size, embedding)
        self.output = nn.Linear(embedding, words)
        self.output.weight = self.embedding.weight  # shared, after Press and Wolf (2017)
        nn.init.normal_(self.embedding.weight, std=embedding ** -0.5)
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, states, padding):
        """The GRU's first state (1, N, size): a function of the mean of the source's states."""
        mean = states.masked_fill(padding.unsqueeze(-1), 0).sum(1) / (~padding).sum(1, keepdim=True)
        return torch.tanh(self.first(mean)).unsqueeze(0)

    def forward(self, previous, hidden, states, padding):
        """Also the GRU's last state (1, N, size) and the attention weights (N, T, S)."""
        outputs, hidden = self.gru(self.dropout(self.embedding(previous)), hidden)
        scores = self.query(outputs) @ states.transpose(1, 2)
        weights = scores.masked_fill(padding.unsqueeze(1), -math.inf).softmax(-1)
        combined = torch.tanh(self.combine(torch.cat([outputs, weights @ states], -1)))
        return self.output(self.dropout(combined)), hidden, weights


class Translator(nn.Module):
    def __init__(self, source_words, target_words, embedding, hidden, dropout):
        super().__init__()
        self.encoder = Encoder(source_words, embedding, hidden, dropout)
        self.decoder = Decoder(target_words, embedding, 2 * hidden, dropout)

    def forward(self, source, target):
        """The logits (N, T, words) of each of the target's words, given the source and the words before."""
        previous = torch.cat([torch.full((len(target), 1), START), target[:, :-1]], 1)
        states, padding = self.encoder(source), source == PADDING
        return self.decoder(previous, self.decoder.initial_state(states, padding), states, padding)[0]

    def greedy(self, source):
        """The likeliest next word again and again: words (N, LONGEST) and attention weights (N, LONGEST, S)."""
        states, padding = self.encoder(source), source == PADDING
        hidden = self.decoder.initial_state(states, padding)
        word = torch.full((len(source), 1), START)
        words, attention = [], []
        for _ in range(LONGEST):
            logits, hidden, weights = self.decoder(word, hidden, states, padding)
            word = logits.argmax(-1)
            words.append(word)
            attention.append(weights)
        return torch.cat(words, 1), torch.cat(attention, 1)


def load(path):
    """Pairs of sentences, as lists of lower-case words and punctuation marks."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("\t") for line in file]
    return [tuple(re.findall(r"\w+|[^\w\s]", text.lower()) for text in pair) for pair in pairs]


def collate(bucket, pairs):
    """Source and target words (N, T), with T the longest of all sentences, up to a bucket's size."""
    longest = max(len(words) for pair in pairs for words in pair)
    size = longest + -longest % bucket
    return [torch.tensor([words + [PADDING] * (size - len(words)) for words in side]) for side in zip(*pairs)]


def training_step(model, optimizer):
    criterion = nn.CrossEntropyLoss(ignore_index=PADDING, label_smoothing=0.1)

    def step(source, target):
        optimizer.zero_grad()
        loss = criterion(model(source, target).flatten(0, 1), target.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        return loss

    return step


def train(model, loader, step, scheduler, steps, losses):
    model.train()
    for source, target in loader:
        losses.append(step(source, target).item())
        scheduler.step()
        if steps and len(losses) >= steps:
            return


def evaluate(model, loader):
    """The percentage of the target's tokens (<unk> for rare words) that are the likeliest after the true ones before."""
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for source, target in loader:
            known = target != PADDING
            correct += ((model(source, target).argmax(-1) == target) & known).sum().item()
            total += known.sum().item()
    return 100 * correct / total


def translate(model, sources, vocabularies):
    """Translations of the sentences, and their attention weights (words, words of the source).

    For an unknown word stands the word of the source with most attention (after Luong et al. 2015): often a name.
    """
    model.eval()
    translations, attention = [], []
    for first in range(0, len(sources), 100):
        part = sources[first : first + 100]
        rows = [vocabularies[0].encode(sentence) for sentence in part]
        with torch.no_grad():
            words, weights = model.greedy(torch.tensor([row + [PADDING] * (LONGEST - len(row)) for row in rows]))
        looked_at = weights.argmax(-1).tolist()
        for sentence, row, looks, weight in zip(part, words.tolist(), looked_at, weights):
            row = row[: row.index(END)] if END in row else row
            sentence = [*sentence[: LONGEST - 1], MARKERS[END]]
            pairs = zip(row, looks)
            translations.append([vocabularies[1].words[w] if w != UNKNOWN else sentence[look] for w, look in pairs])
            attention.append(weight[: len(row), : len(sentence)])
    return translations, attention


def bleu(candidates, references):
    """Corpus BLEU-4 in percent, one reference each; one is added to the counts of the longer n-grams (Lin and Och 2004)."""
    logs = []
    for n in range(1, 5):
        matches = total = 0
        for candidate, reference in zip(candidates, references):
            found, wanted = (Counter(zip(*(words[i:] for i in range(n)))) for words in (candidate, reference))
            matches += (found & wanted).total()
            total += found.total()
        extra = n > 1
        logs.append(math.log((matches + extra) / (total + extra)) if matches + extra else -math.inf)
    length, wanted = (sum(map(len, sentences)) for sentences in (candidates, references))
    return 100 * math.exp(sum(logs) / 4 + min(0, 1 - wanted / max(length, 1)))


def nearest(sources, known):
    """For each source the index of the known sentence with the most similar bag of words: cosine, tf-idf weights."""
    documents = Counter(word for sentence in known for word in set(sentence))
    columns = {word: i for i, word in enumerate(documents)}
    idf = torch.tensor([math.log(len(known) / count) for count in documents.values()])

    def vectors(sentences):
        places = {(row, columns[word]) for row, words in enumerate(sentences) for word in words if word in columns}
        rows = torch.zeros(len(sentences), len(columns))
        rows[tuple(torch.tensor(sorted(places)).T)] = 1.0
        return F.normalize(rows * idf)

    return (vectors(sources) @ vectors(known).T).argmax(1).tolist()


def draw(losses, source, target, weights, path):
    def on(figure):
        left, right = figure.subplots(1, 2)
        left.plot(losses, linewidth=0.8)
        left.set(title="training loss", xlabel="step", ylabel="cross entropy")
        right.imshow(weights.numpy(), cmap="gray_r", vmin=0, vmax=1)
        right.set_xticks(range(len(source)), source, rotation=60, ha="right")
        right.set_yticks(range(len(target)), target)
        right.set(title="attention of a translation's words (down) to the source's")

    pictures.save(path, on, size=(12, 5))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "verses", "english-spanish.tsv.gz"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument(
        "--bucket", type=int, default=8, help="pad sentences to multiples of so many words, for few shapes to compile for"
    )
    parser.add_argument("--lr", type=float, default=6e-3, help="the highest learning rate of the one-cycle schedule")
    parser.add_argument("--embedding", type=int, default=128, help="size of the word vectors")
    parser.add_argument("--hidden", type=int, default=96, help="size of the encoder's state in each direction")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    pairs = load(args.data)
    pairs = [pairs[i] for i in torch.randperm(len(pairs)).tolist()]
    held_out = len(pairs) // 10
    testing, training = pairs[:held_out], pairs[held_out:]
    vocabularies = [Vocabulary(side, least=3) for side in zip(*training)]
    encoded, held = ([[v.encode(s) for v, s in zip(vocabularies, pair)] for pair in part] for part in (training, testing))
    pad = functools.partial(collate, args.bucket)
    lengths = [max(map(len, pair)) for pair in encoded]
    loader = DataLoader(encoded, batch_sampler=SimilarLengths(lengths, args.batch_size), collate_fn=pad)
    test_loader = DataLoader(held, batch_size=args.batch_size, collate_fn=pad)
    words = [vocabulary.words for vocabulary in vocabularies]
    print(f"{len(training)} pairs to learn from, {held_out} to test; {len(words[0])} English words, {len(words[1])} Spanish")

    model = Translator(len(words[0]), len(words[1]), args.embedding, args.hidden, args.dropout)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(loader))
    step = training_step(model, optimizer)
    if args.compile:
        step = torch.compile(step)
    start, losses, accuracies = time.time(), [], []
    for epoch in range(1, args.epochs + 1):
        train(model, loader, step, scheduler, args.steps, losses)
        if args.steps and len(losses) >= args.steps:
            for step, loss in enumerate(losses):
                print(f"step {step} loss {loss:.8f}")
            return
        accuracies.append(evaluate(model, test_loader))
        print(f"epoch {epoch}: loss {sum(losses[-len(loader):]) / len(loader):.3f}, token accuracy {accuracies[-1]:.1f} %")
    print(f"Finished training in {time.time() - start:.0f} s")

    sources, references = (list(side) for side in zip(*testing))
    translations, attention = translate(model, sources, vocabularies)
    for source, translation, reference in list(zip(sources, translations, references))[:5]:
        print(f"{' '.join(source)}\n  {' '.join(translation)}\n  ({' '.join(reference)})")

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "translation.pt")
    torch.save({"model": model.state_dict(), "words": words, "accuracies": accuracies}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, [*sources[0], MARKERS[END]], translations[0], attention[0], os.path.join(args.out, "translation.png"))

    tokens = Counter(number for _, target in held for number in target)
    commonest = Counter(number for _, target in encoded for number in target).most_common(1)[0][0]
    share = 100 * tokens[commonest] / tokens.total()
    print(f"result: token accuracy {accuracies[-1]:.1f} % (baseline {share:.1f}: the commonest token)")
    known_sources, known_targets = zip(*training)
    retrieved = [known_targets[i] for i in nearest(sources, known_sources)]
    print(
        f"result: BLEU {bleu(translations, references):.1f} % (baseline {bleu(sources, references):.1f}: the source itself; "
        f"baseline {bleu(retrieved, references):.1f}: the translation of the most similar training verse)"
    )


if __name__ == "__main__":
    main()
