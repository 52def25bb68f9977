import os
import tempfile

import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model

folder = tempfile.mkdtemp()
path = os.path.join(folder, "x.safetensors")
save_file({"a": torch.ones(2, 3), "b": torch.arange(3).to(torch.bfloat16), "c": torch.tensor(True)}, path, metadata={"k": "v"})
print({name: (tuple(t.shape), t.dtype, t.tolist()) for name, t in sorted(load_file(path).items())})
with safe_open(path, framework="pt") as f:
    print(sorted(f.keys()), f.metadata(), f.get_tensor("b").tolist(), f.get_slice("a")[1:, :2].tolist())
print(load(save({"h": torch.full((2,), 0.5, dtype=torch.float16)})))
model, other = (torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)) for _ in range(2))
save_model(model, path)
print(load_model(other, path), torch.equal(model[0].weight, other[0].weight))
try:
    load(b"\xff\xff\xff\xff\xff\xff\xff\x7f{}")
except Exception as error:
    print(type(error).__name__)
