"""Trains a generative adversarial network to draw clothes (Fashion-MNIST).

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/gan.py``.

The networks are small convolutional ones in the style of Radford, Metz and Chintala (2016). The pictures are judged by
a Frechet distance (Heusel et al. 2017), with the first principal components of real images as the features.
"""

import argparse
import os
import time

import pictures
import torch
import torch.nn as nn
import torch.optim as optim
from fashion_mnist_cnn import HERE, read_idx  # the folder of a program is where Python looks first
from torch.utils.data import DataLoader, TensorDataset

COMPONENTS = 32  # principal components the distance is measured on


class Generator(nn.Module):
    """Noise (N, noise) to images (N, 1, 28, 28) with values in [0, 1]."""

    def __init__(self, noise, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(noise, 2 * width * 7 * 7, bias=False),
            nn.BatchNorm1d(2 * width * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, noise):
        return self.net(noise)


class Discriminator(nn.Module):
    """Images (N, 1, 28, 28) to the logits (N,) of being real."""

    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * 7 * 7, 1),
        )

    def forward(self, images):
        return self.net(images).squeeze(1)


def load(folder, split):
    """Images (N, 1, 28, 28) with values in [0, 1], of the default floating-point type."""
    images = read_idx(os.path.join(folder, f"{split}-images-idx3-ubyte.gz"))
    return images.to(torch.get_default_dtype()).unsqueeze(1) / 255.0


def principal_components(images):
    """The mean (784,) and the first components (784, COMPONENTS) of images."""
    pixels = images.flatten(1).double()
    mean = pixels.mean(0)
    _, vectors = torch.linalg.eigh((pixels - mean).T @ (pixels - mean) / len(pixels))  # values in ascending order
    return mean, vectors[:, -COMPONENTS:]


def frechet_distance(first, second, components):
    """The distance |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)) between two sets of images, as features."""
    mean, vectors = components
    first, second = [(images.flatten(1).double() - mean) @ vectors for images in (first, second)]
    cov1, cov2 = torch.cov(first.T), torch.cov(second.T)
    values, axes = torch.linalg.eigh(cov1)
    root = axes * values.clamp(min=0).sqrt() @ axes.T
    # (C1 C2)^(1/2) has the trace of the symmetric (C1^(1/2) C2 C1^(1/2))^(1/2)
    trace = torch.linalg.eigvalsh(root @ cov2 @ root).clamp(min=0).sqrt().sum()
    shift = (first.mean(0) - second.mean(0)).square().sum()
    return (shift + cov1.trace() + cov2.trace() - 2 * trace).item()


def pixel_noise(images, count):
    """Images of independent pixels, each from a Gaussian fitted to that pixel of the given images."""
    mean, std = images.mean(0), images.std(0)
    return (mean + std * torch.randn(count, *mean.shape)).clamp(0, 1)


def generate(generator, noise):
    generator.eval()
    with torch.no_grad():
        images = torch.cat([generator(part) for part in noise.split(500)])
    generator.train()
    return images


def training_step(generator, discriminator, optimizers, noise_size):
    """A function of real images that gives the pair of losses, the discriminator's and the generator's."""
    criterion = nn.BCEWithLogitsLoss()

    def step(real):
        fake = generator(torch.randn(len(real), noise_size))

        optimizers[1].zero_grad()
        on_real, on_fake = discriminator(real), discriminator(fake.detach())
        # one-sided label smoothing (Salimans et al. 2016): a target of 0.9 keeps the discriminator from over-confidence
        loss_d = criterion(on_real, torch.full_like(on_real, 0.9)) + criterion(on_fake, torch.zeros_like(on_fake))
        loss_d.backward()
        optimizers[1].step()

        optimizers[0].zero_grad()
        logits = discriminator(fake)
        loss_g = criterion(logits, torch.ones_like(logits))
        loss_g.backward()
        optimizers[0].step()
        return loss_d, loss_g

    return step


def train(loader, step, steps, losses):
    """One epoch; appends the pair of losses of each step."""
    for (real,) in loader:
        losses.append(tuple(loss.item() for loss in step(real)))
        if steps and len(losses) >= steps:
            return


def draw(losses, images, path):
    def on(figure):
        left, right = figure.subplots(1, 2)
        left.plot(losses, linewidth=0.8, label=["discriminator", "generator"])
        left.set(title="losses", xlabel="step", ylabel="binary cross entropy")
        left.legend()
        grid = images.reshape(8, 8, 28, 28).transpose(1, 2).reshape(8 * 28, 8 * 28)
        right.imshow(grid.numpy(), cmap="gray_r", vmin=0, vmax=1)
        right.set(title="generated images", xticks=[], yticks=[])

    pictures.save(path, on, size=(11, 5))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--noise", type=int, default=64, help="length of the generator's input")
    parser.add_argument("--width", type=int, default=24, help="channels of the networks' layers at 14x14")
    parser.add_argument(
        "--double", action="store_true", help="double precision: in single, the two adversaries soon amplify rounding errors"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print the discriminator's losses")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    if args.double:
        torch.set_default_dtype(torch.float64)
    torch.manual_seed(args.seed)
    training, testing = load(args.data, "train"), load(args.data, "t10k")
    loader = DataLoader(TensorDataset(training), batch_size=args.batch_size, shuffle=True, drop_last=True)
    generator, discriminator = Generator(args.noise, args.width), Discriminator(args.width)
    optimizers = [optim.Adam(net.parameters(), lr=args.lr, betas=(0.5, 0.999)) for net in (generator, discriminator)]
    step = training_step(generator, discriminator, optimizers, args.noise)
    if args.compile:
        step = torch.compile(step)
    fixed = torch.randn(len(testing), args.noise)  # the same noise each time the pictures are judged

    if not args.steps:
        components = principal_components(training)
        baseline = frechet_distance(pixel_noise(training, len(testing)), testing, components)
    start, losses, distances = time.time(), [], []
    for epoch in range(1, args.epochs + 1):
        train(loader, step, args.steps, losses)
        if args.steps and len(losses) >= args.steps:
            for step, (loss_d, _) in enumerate(losses):
                print(f"step {step} loss {loss_d:.8f}")
            return
        images = generate(generator, fixed)
        distances.append(frechet_distance(images, testing, components))
        loss_d, loss_g = torch.tensor(losses[-len(loader):]).mean(0).tolist()
        print(f"epoch {epoch}: loss {loss_d:.3f} (discriminator) {loss_g:.3f} (generator), distance {distances[-1]:.2f}")
    print(f"Finished training in {time.time() - start:.0f} s")

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "gan.pt")
    states = [part.state_dict() for part in (generator, discriminator, *optimizers)]
    names = ["generator", "discriminator", "generator_optimizer", "discriminator_optimizer"]
    torch.save({**dict(zip(names, states)), "distances": distances}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, images[:64], os.path.join(args.out, "gan.png"))
    print(
        f"result: frechet distance {distances[-1]:.2f} (baseline {baseline:.2f}: independent Gaussian pixels; "
        f"floor {frechet_distance(training, testing, components):.2f}: real training images)"
    )


if __name__ == "__main__":
    main()
