"""Learns to foretell people's ratings of films by collaborative filtering: MovieLens 100K.

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/recommender.py``. GroupLens' terms do not
allow to pass the ratings on: the first run fetches them by ``pip`` out of a package that carries them, and keeps them in
``--data``. They are described in F. Maxwell Harper and Joseph A. Konstan, "The MovieLens Datasets: History and Context",
ACM Transactions on Interactive Intelligent Systems 5(4), 2015.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile

import pictures
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

PACKAGE = "recbole==1.2.1"
WHEEL = "recbole-1.2.1-py3-none-any.whl"
WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"
RATINGS = "ml-100k.inter"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "movielens-100k")
TEST_SHARE = 0.1
LOWEST, HIGHEST = 1.0, 5.0


def fetch(folder):
    """The path of the ratings in ``folder``, fetched if they are not there yet."""
    path = os.path.join(folder, RATINGS)
    if os.path.exists(path):
        return path
    with tempfile.TemporaryDirectory() as scratch:
        command = ["pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", scratch, PACKAGE]
        print(f"fetching the ratings: {' '.join(command)}", file=sys.stderr)
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{done.stderr}\n{PACKAGE} could not be downloaded. Where there is no network, get {WHEEL} "
                             f"elsewhere, take {MEMBER} out of it (it is a zip), and name its folder by --data.")
        with open(os.path.join(scratch, WHEEL), "rb") as wheel:
            digest = hashlib.sha256(wheel.read()).hexdigest()
        if digest != WHEEL_SHA256:
            raise SystemExit(f"{WHEEL} has the SHA-256 {digest} and should have {WHEEL_SHA256}: it is not used. "
                             "`pip config list` says where pip gets its packages.")
        with zipfile.ZipFile(os.path.join(scratch, WHEEL)) as archive:
            content = archive.read(MEMBER)
    os.makedirs(folder, exist_ok=True)
    part = f"{path}.{os.getpid()}"  # another process may be doing the same
    with open(part, "wb") as file:
        file.write(content)
    os.replace(part, path)
    return path


def load(path):
    """Users and items numbered from 0, int64, and the ratings, float32; one of each per line of the file."""
    with open(path) as file:
        next(file)  # the names of the columns
        rows = [line.split("\t")[:3] for line in file]
    users, items = (torch.tensor([int(row[column]) - 1 for row in rows]) for column in (0, 1))
    return users, items, torch.tensor([float(row[2]) for row in rows])


class Recommender(nn.Module):
    """A mean, how kind a user is, how good an item is, and how well the two suit each other: a product of embeddings."""

    def __init__(self, users, items, factors, mean):
        super().__init__()
        self.users, self.items = nn.Embedding(users, factors), nn.Embedding(items, factors)
        self.user_biases, self.item_biases = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.register_buffer("mean", mean)
        for embedding in (self.users, self.items):
            nn.init.normal_(embedding.weight, std=0.1)
        for embedding in (self.user_biases, self.item_biases):
            nn.init.zeros_(embedding.weight)

    def forward(self, users, items):
        suits = (self.users(users) * self.items(items)).sum(1)
        return self.mean + self.user_biases(users).squeeze(1) + self.item_biases(items).squeeze(1) + suits


def training_step(model, optimizer):
    def step(users, items, ratings):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(users, items), ratings)
        loss.backward()
        optimizer.step()
        return loss

    return step


def train(model, loader, step, scheduler, steps, losses):
    model.train()
    for users, items, ratings in loader:
        losses.append(step(users, items, ratings).item())
        scheduler.step()
        if steps and len(losses) >= steps:
            return


def rmse(guesses, ratings):
    """The root of the mean squared error, in stars; a guess outside the scale counts as its nearest end."""
    return (guesses.clamp(LOWEST, HIGHEST) - ratings).square().mean().sqrt().item()


@torch.no_grad()
def evaluate(model, dataset):
    model.eval()
    users, items, ratings = dataset.tensors
    return rmse(model(users, items), ratings)


def baselines(training, testing, sizes):
    """Errors without factors: of the mean rating, and of it plus how far the user's and the item's means are off it."""
    *known, ratings = training.tensors
    *asked, wanted = testing.tensors
    mean = ratings.mean()
    guesses = mean.expand(len(wanted))
    plain = rmse(guesses, wanted)
    for those, these, size in zip(known, asked, sizes):
        sums = torch.zeros(size).index_add_(0, those, ratings - mean)
        guesses = guesses + (sums / torch.bincount(those, minlength=size).clamp(min=1))[these]
    return plain, rmse(guesses, wanted)


def draw(losses, errors, simple, path):
    def on(figure):
        left, right = figure.subplots(1, 2)
        left.plot(losses, linewidth=0.8)
        left.set(title="training loss", xlabel="step", ylabel="squared error")
        right.plot(range(1, len(errors) + 1), errors, marker="o")
        right.axhline(simple, color="grey", linestyle="--", label="user and item means")
        right.set(title="test error", xlabel="epoch", ylabel="RMSE")
        right.legend()

    pictures.save(path, on)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=CACHE, help=f"folder of {RATINGS}; fetched into it if it is not there")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--lr", type=float, default=0.005, help="the highest learning rate")
    parser.add_argument("--weight-decay", type=float, default=3e-4)
    parser.add_argument("--factors", type=int, default=32, help="numbers that describe a user or an item")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    columns = load(fetch(args.data))
    sizes = [int(column.max()) + 1 for column in columns[:2]]
    order = torch.randperm(len(columns[2]))
    count = int(TEST_SHARE * len(order))
    testing, training = (TensorDataset(*(c[part] for c in columns)) for part in (order[:count], order[count:]))
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    model = Recommender(*sizes, args.factors, training.tensors[2].mean())
    optimizer = optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(loader))
    step = training_step(model, optimizer)
    if args.compile:
        step = torch.compile(step)
    print(f"{len(training):,} ratings of {sizes[1]:,} items by {sizes[0]:,} users")

    start, losses, errors = time.time(), [], []
    for epoch in range(1, args.epochs + 1):
        train(model, loader, step, scheduler, args.steps, losses)
        if args.steps and len(losses) >= args.steps:
            for step, loss in enumerate(losses):
                print(f"step {step} loss {loss:.8f}")
            return
        errors.append(evaluate(model, testing))
        print(f"epoch {epoch}: loss {sum(losses[-len(loader):]) / len(loader):.4f}, RMSE {errors[-1]:.4f}")
    print(f"Finished training in {time.time() - start:.0f} s: RMSE {errors[-1]:.4f}")

    plain, simple = baselines(training, testing, sizes)
    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "recommender.pt")
    torch.save({"model": model.state_dict(), "errors": errors}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, errors, simple, os.path.join(args.out, "recommender.png"))
    print(f"result: RMSE {errors[-1]:.4f} stars (baseline {plain:.4f}: the mean rating; "
          f"baseline {simple:.4f}: user and item means)")


if __name__ == "__main__":
    main()
