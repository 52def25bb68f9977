"""Trains a convolutional network on colour images in CIFAR-10's file layout, with random crops and flips.

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/colour_cnn.py``. The images beside it are
emoji of nine categories; ``--data cifar-10-python.tar.gz`` trains on CIFAR-10.
"""

import argparse
import os
import pickle
import tarfile
import time

import numpy as np
import pictures
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 32
PADDING = 2
REBUILD = np.zeros(0).__reduce__()[0]  # the function by which NumPy's arrays come out of a pickle
# How many images the mean colour is of, and the nearest neighbour is sought among and for: all emoji, a part of CIFAR-10.
NEIGHBOURS, QUERIES = 10000, 2000


class BatchUnpickler(pickle.Unpickler):
    """Reads pickles of builtin types and NumPy arrays, and refuses all others: a pickle can name any function to call."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): REBUILD,
        ("numpy._core.multiarray", "_reconstruct"): REBUILD,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"a file of CIFAR-10's layout has no need of {module}.{name}: it is not read")
        return self.ALLOWED[module, name]


def read_batches(path):
    """The dictionaries of ``data_batch_1`` to ``_5``, ``test_batch`` and ``batches.meta``, out of a folder or a tar file."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]
    found = {}
    if os.path.isdir(path):
        for name in names:
            if os.path.exists(os.path.join(path, name)):
                with open(os.path.join(path, name), "rb") as file:
                    found[name] = BatchUnpickler(file, encoding="bytes").load()
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                name = os.path.basename(member.name)
                if name in names and member.isfile():
                    found[name] = BatchUnpickler(archive.extractfile(member), encoding="bytes").load()
    missing = [name for name in names if name not in found]
    if missing:
        raise SystemExit(f"{path} is not CIFAR-10's Python version: it lacks {', '.join(missing)}")
    return found


class ColourImages(Dataset):
    """Pairs of a (3, 32, 32) image and its label; with ``augment``, each image is shifted and perhaps mirrored at random."""

    def __init__(self, batches, augment=False):
        self.pixels = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, SIDE, SIDE)
        self.labels = [label for batch in batches for label in batch[b"labels"]]
        self.augment = augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.pixels[index]
        if self.augment:
            top, left = torch.randint(0, 2 * PADDING + 1, (2,)).tolist()
            padded = np.pad(image, [(0, 0), (PADDING, PADDING), (PADDING, PADDING)], "edge")
            image = padded[:, top:top + SIDE, left:left + SIDE]
            if torch.rand(()) < 0.5:
                image = image[:, :, ::-1]
        return torch.from_numpy(image.copy()), self.labels[index]

    def tensors(self, count):
        """The first ``count`` images, uint8 of the shape (count, 3, 32, 32), and their labels."""
        return torch.from_numpy(self.pixels[:count]), torch.tensor(self.labels[:count])


class Net(nn.Module):
    """Four convolutions, each of the first three with twice the channels and half the pixels of the one before.

    Takes uint8 images, and centres and scales their colours by ``mean`` and ``std`` of the shape (3, 1, 1).
    """

    def __init__(self, classes, mean, std, width):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        sizes = [3, width, 2 * width, 4 * width, 4 * width]
        layers = []
        for depth, (before, after) in enumerate(zip(sizes, sizes[1:])):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            if depth < 3:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, images):
        x = (images.float() / 255 - self.mean) / self.std
        x = F.adaptive_avg_pool2d(self.features(x), 1).flatten(1)
        return self.classifier(self.dropout(x))


def training_step(net, criterion, optimizer):
    def step(images, labels):
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def train(net, loader, step, scheduler, steps, losses):
    net.train()
    for images, labels in loader:
        losses.append(step(images, labels).item())
        scheduler.step()
        if steps and len(losses) >= steps:
            return


@torch.no_grad()
def predict(net, loader):
    net.eval()
    return torch.cat([net(images).argmax(1) for images, _ in loader])


def percent(guess, labels):
    return 100 * (guess == labels).sum().item() / len(labels)


def baselines(training, testing, classes):
    """Accuracies without a network: of always the commonest class, and of the class of the nearest image by its pixels."""
    commonest = torch.bincount(torch.tensor(training.labels), minlength=classes).argmax()
    (known, labels), (asked, wanted) = training.tensors(NEIGHBOURS), testing.tensors(QUERIES)
    known = known.flatten(1).float()
    nearest = torch.cat([torch.cdist(some, known).argmin(1) for some in asked.flatten(1).float().split(500)])
    return percent(commonest, torch.tensor(testing.labels)), percent(labels[nearest], wanted)


def draw(losses, accuracies, testing, guesses, names, path):
    def on(figure):
        curves, images = figure.subfigures(2, 1, height_ratios=[2, 3])
        left, right = curves.subplots(1, 2)
        left.plot(losses, linewidth=0.8)
        left.set(title="training loss", xlabel="step")
        right.plot(range(1, len(accuracies) + 1), accuracies)
        right.set(title="test accuracy", xlabel="epoch", ylabel="%")
        for axes, image, guess, label in zip(images.subplots(3, 8).flat, testing.pixels, guesses.tolist(), testing.labels):
            axes.imshow(image.transpose(1, 2, 0))
            axes.set_axis_off()
            axes.set_title(names[guess], fontsize=7, color="black" if guess == label else "red")

    pictures.save(path, on, size=(12, 7))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "emoji-32", "emoji-32-python.tar.gz"),
                        help="a folder or a .tar.gz in CIFAR-10's layout")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1, help="the highest learning rate")
    parser.add_argument("--width", type=int, default=16, help="channels of the first convolution")
    parser.add_argument("--workers", type=int, default=0, help="processes that load the images")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    batches = read_batches(args.data)
    names = [name.decode() for name in batches["batches.meta"][b"label_names"]]
    training = ColourImages([batches[f"data_batch_{i}"] for i in range(1, 6)], augment=True)
    testing = ColourImages([batches["test_batch"]])
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True, num_workers=args.workers)
    test_loader = DataLoader(testing, batch_size=500)
    std, mean = torch.std_mean(training.tensors(NEIGHBOURS)[0].float() / 255, (0, 2, 3))
    net = Net(len(names), mean[:, None, None], std[:, None, None], args.width)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, nesterov=True, weight_decay=1e-3)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(loader))
    step = training_step(net, criterion, optimizer)
    if args.compile:
        step = torch.compile(step)

    start, losses, accuracies = time.time(), [], []
    for epoch in range(1, args.epochs + 1):
        train(net, loader, step, scheduler, args.steps, losses)
        if args.steps and len(losses) >= args.steps:
            for step, loss in enumerate(losses):
                print(f"step {step} loss {loss:.8f}")
            return
        guesses = predict(net, test_loader)
        accuracies.append(percent(guesses, torch.tensor(testing.labels)))
        print(f"epoch {epoch}: loss {sum(losses[-len(loader):]) / len(loader):.4f}, accuracy {accuracies[-1]:.1f} %")
    print(f"Finished training in {time.time() - start:.0f} s: accuracy {accuracies[-1]:.1f} %")

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "colour_cnn.pt")
    torch.save({"model": net.state_dict(), "names": names, "accuracies": accuracies}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, accuracies, testing, guesses, names, os.path.join(args.out, "colour_cnn.png"))
    commonest, nearest = baselines(training, testing, len(names))
    print(f"result: accuracy {accuracies[-1]:.1f} % (baseline {commonest:.1f}: the commonest class; "
          f"baseline {nearest:.1f}: the nearest image by its pixels)")


if __name__ == "__main__":
    main()
