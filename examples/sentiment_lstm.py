"""Trains an LSTM to tell whether a sentence of a movie review is positive or negative.

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/sentiment_lstm.py``.

With some 8,500 sentences to learn from, counting words (naive Bayes) is a strong rival; its accuracy is printed, too.
"""

import argparse
import gzip
import math
import os
import re
import time
from collections import Counter

import pictures
import torch
import torch.nn as nn
import torch.optim as optim
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

HERE = os.path.dirname(os.path.abspath(__file__))
PADDING, UNKNOWN = 0, 1


class Reviews(Dataset):
    """Triples of word numbers (T,), the number of words and a label, with T the number of words up to a bucket's size."""

    def __init__(self, texts, labels, vocabulary, bucket):
        self.lengths = [len(text) for text in texts]
        self.labels = labels
        numbers = [[vocabulary.get(word, UNKNOWN) for word in text] for text in texts]
        self.words = [torch.tensor(row + [PADDING] * (-len(row) % bucket)) for row in numbers]

    def __len__(self):
        return len(self.words)

    def __getitem__(self, index):
        return self.words[index], self.lengths[index], self.labels[index]


class SimilarLengths(Sampler):
    """Shuffled batches of sentences of about the same length, so that little of a batch is padding."""

    def __init__(self, lengths, batch_size):
        self.lengths = torch.tensor(lengths)
        self.batch_size = batch_size

    def __len__(self):
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self):
        noisy = self.lengths + torch.rand(len(self.lengths))  # shuffles what has the same length
        batches = noisy.argsort().split(self.batch_size)
        for number in torch.randperm(len(batches)).tolist():
            yield batches[number].tolist()


def collate(samples):
    """Words (N, T), lengths (N,) and labels (N,), with T the longest bucket of the samples."""
    words, lengths, labels = zip(*samples)
    return pad_sequence(words, batch_first=True, padding_value=PADDING), torch.tensor(lengths), torch.tensor(labels)


class Classifier(nn.Module):
    """Words (N, T) and lengths (N,) to logits (N,) of being positive."""

    def __init__(self, vocabulary, embedding, hidden, dropout):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, words, lengths):
        states, _ = self.lstm(self.dropout(self.embedding(words)))
        # the state after the last word: reading from left to right, it has seen nothing of the padding
        last = states[torch.arange(len(words)), lengths - 1]
        return self.linear(self.dropout(last)).squeeze(1)


def load(path):
    """The texts, as lists of lower-case words, and the labels: whether people's mean score is above zero."""
    texts, labels = [], []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            score, text = line.rstrip("\n").split("\t")
            texts.append(re.findall(r"[a-z0-9]+|[!?.,;:]", text.lower().replace("'", "")))
            labels.append(float(float(score) > 0))
    return texts, labels


def naive_bayes(texts, labels, others):
    """Labels of the other texts by multinomial naive Bayes on the word counts of the texts, one added to each count."""
    counts = [Counter(), Counter()]
    for text, label in zip(texts, labels):
        counts[int(label)].update(text)
    words = counts[0].keys() | counts[1].keys()
    totals = [sum(count.values()) + len(words) for count in counts]
    prior = math.log(sum(labels) / (len(labels) - sum(labels)))

    def score(text):
        known = [word for word in text if word in words]
        ratios = [(counts[1][word] + 1) / totals[1] / ((counts[0][word] + 1) / totals[0]) for word in known]
        return prior + sum(map(math.log, ratios))

    return [float(score(text) > 0) for text in others]


def percent_equal(predicted, labels):
    return 100 * sum(p == q for p, q in zip(predicted, labels)) / len(labels)


def training_step(model, optimizer):
    criterion = nn.BCEWithLogitsLoss()

    def step(words, lengths, labels):
        optimizer.zero_grad()
        loss = criterion(model(words, lengths), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        return loss

    return step


def train(model, loader, step, scheduler, steps, losses):
    model.train()
    for words, lengths, labels in loader:
        losses.append(step(words, lengths, labels).item())
        scheduler.step()
        if steps and len(losses) >= steps:
            return


def evaluate(model, loader):
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for words, lengths, labels in loader:
            correct += ((model(words, lengths) > 0) == (labels > 0)).sum().item()
            total += len(labels)
    return 100 * correct / total


def draw(losses, accuracies, baseline, path):
    def on(figure):
        left, right = figure.subplots(1, 2)
        left.plot(losses, linewidth=0.8)
        left.set(title="training loss", xlabel="step", ylabel="binary cross entropy")
        right.plot(range(1, len(accuracies) + 1), accuracies, marker="o", label="LSTM")
        right.axhline(baseline, color="gray", linestyle="--", label="naive Bayes")
        right.set(title="test accuracy", xlabel="epoch", ylabel="%")
        right.legend()

    pictures.save(path, on)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "reviews", "reviews.tsv.gz"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument(
        "--bucket", type=int, default=16, help="pad sentences to multiples of so many words, for few shapes to compile for"
    )
    parser.add_argument("--lr", type=float, default=5e-3, help="the highest learning rate of the one-cycle schedule")
    parser.add_argument("--hidden", type=int, default=64, help="size of the word vectors and of the LSTM's state")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    texts, labels = load(args.data)
    order = torch.randperm(len(texts)).tolist()
    held_out = len(texts) // 5
    texts, labels = [texts[i] for i in order], [labels[i] for i in order]
    test_texts, test_labels, texts, labels = texts[:held_out], labels[:held_out], texts[held_out:], labels[held_out:]
    counts = Counter(word for text in texts for word in text)
    words = [word for word, count in counts.most_common() if count > 1]
    vocabulary = {word: number for number, word in enumerate(words, start=UNKNOWN + 1)}
    print(f"{len(texts)} sentences to learn from, {held_out} to test, {len(vocabulary)} words")

    training = Reviews(texts, labels, vocabulary, args.bucket)
    loader = DataLoader(training, batch_sampler=SimilarLengths(training.lengths, args.batch_size), collate_fn=collate)
    testing = Reviews(test_texts, test_labels, vocabulary, args.bucket)
    test_loader = DataLoader(testing, batch_size=256, collate_fn=collate)
    model = Classifier(UNKNOWN + 1 + len(vocabulary), args.hidden, args.hidden, dropout=0.5)
    optimizer = optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.3)
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
        print(f"epoch {epoch}: loss {sum(losses[-len(loader):]) / len(loader):.3f}, accuracy {accuracies[-1]:.1f} %")
    print(f"Finished training in {time.time() - start:.0f} s")

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "sentiment_lstm.pt")
    torch.save({"model": model.state_dict(), "vocabulary": vocabulary, "accuracies": accuracies}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    bayes = percent_equal(naive_bayes(texts, labels, test_texts), test_labels)
    commonest = percent_equal([float(sum(labels) > len(labels) / 2)] * held_out, test_labels)
    draw(losses, accuracies, bayes, os.path.join(args.out, "sentiment_lstm.png"))
    print(
        f"result: accuracy {accuracies[-1]:.1f} % (baseline {commonest:.1f}: the commonest class; "
        f"baseline {bayes:.1f}: naive Bayes)"
    )


if __name__ == "__main__":
    main()
