"""evaluation.py - features of pictures, Fréchet distance, precision and recall in PyTorch: the peer
of ours/evaluation.lua, with the same network."""
import os

import numpy as np
import pytorch                                            # sets the threads first
import torch
import torch.nn.functional as F
import worker
from torch import nn

BATCH = 500
WEIGHTS = os.path.join(os.path.dirname(__file__),
                       "../../../lua/vaelua/features/fashion_mnist-v1.safetensors")


def safetensors(path):
    """The tensors of a file of float32, by name."""
    import json
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        header, body = json.loads(f.read(size)), f.read()
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(np.frombuffer(
        body[e["data_offsets"][0]:e["data_offsets"][1]], np.float32).reshape(e["shape"]).copy())
        for name, e in header.items() if e["dtype"] == "F32"}


class Network(nn.Module):
    """The feature network of this program: gives the features and the class scores."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 32, 3, 1, 1)
        self.c2 = nn.Conv2d(32, 64, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(64)
        self.c3 = nn.Conv2d(64, 48, 3, 1, 1, bias=False)
        self.b3 = nn.BatchNorm2d(48)
        self.features, self.head = nn.Linear(7 * 7 * 48, 64), nn.Linear(64, 10)
        with torch.no_grad():
            self.load(safetensors(WEIGHTS))
        self.eval()

    def load(self, t):
        """The file has channels last, and the features of a linear layer in that order."""
        conv = [self.c1, self.c2, self.c3]
        names = sorted((n for n in t if n.endswith("weight") and t[n].dim() == 4), key=place)
        for layer, name in zip(conv, names):
            layer.weight.copy_(t[name].permute(0, 3, 1, 2))
        self.c1.bias.copy_(t[names[0].replace("weight", "bias")])
        norms = sorted((n for n in t if n.endswith(".mean")), key=place)
        for layer, name in zip([self.b2, self.b3], norms):
            part = name[:-len("mean")]
            layer.running_mean.copy_(t[name])
            layer.running_var.copy_(t[part + "var"])
            layer.weight.copy_(t[part + "weight"])
            layer.bias.copy_(t[part + "bias"])
        body, = (n for n in t if n.startswith("body") and t[n].dim() == 2)
        head, = (n for n in t if n.startswith("head") and t[n].dim() == 2)
        w = t[body].view(64, 7, 7, 48).permute(0, 3, 1, 2)
        self.features.weight.copy_(w.reshape(64, -1))
        self.features.bias.copy_(t[body.replace("weight", "bias")])
        self.head.weight.copy_(t[head])
        self.head.bias.copy_(t[head.replace("weight", "bias")])

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.c1(x)), 2)
        h = F.max_pool2d(F.relu(self.b2(self.c2(h))), 2)
        h = F.relu(self.b3(self.c3(h))).contiguous().flatten(1)
        f = F.relu(self.features(h))
        return f, self.head(f)


def place(name):
    """The layer's number in a name such as body.5.weight."""
    return [int(w) for w in name.split(".") if w.isdigit()]


def frechet(a, b):
    """Of two (mean, covariance), by eigenvalues in float64."""
    values, vectors = torch.linalg.eigh(a[1])
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    both = torch.linalg.eigvalsh(root @ b[1] @ root).clamp(min=0).sqrt().sum()
    return float((a[0] - b[0]).square().sum() + a[1].trace() + b[1].trace() - 2 * both)


def moments(x):
    x = x.double()
    return x.mean(0), torch.cov(x.T)


def inception_score(logits, splits=10):
    scores = []
    for part in logits.double().chunk(splits):
        p = part.softmax(1)
        kl = (p * (p.log() - p.mean(0).log())).sum(1)
        scores.append(float(kl.mean().exp()))
    return sum(scores) / len(scores)


def prdc(real, fake, k=5):
    """Precision, recall, density and coverage (Naeem et al. 2020), whole matrices of distances."""
    def radii(x):
        return torch.cdist(x, x).kthvalue(k + 1, 1).values

    rr, rf, d = radii(real), radii(fake), torch.cdist(real, fake)
    inside = d < rr[:, None]
    return (inside.any(0).float().mean().item(), (d < rf).any(1).float().mean().item(),
            inside.sum(0).float().mean().item() / k, (d.min(1).values < rr).float().mean().item())


def settings_of(run):
    """{label: make} of run(network, layout), without gradients; the network as it is or traced."""
    def make(layout, way):
        net = Network().to(memory_format=pytorch.LAYOUTS[layout])
        if way == "traced":
            x = torch.rand(BATCH, 1, 28, 28).contiguous(memory_format=pytorch.LAYOUTS[layout])
            with torch.no_grad():
                net = torch.jit.optimize_for_inference(torch.jit.trace(net, x))
        elif way == "compiled":
            net = torch.compile(net, dynamic=False)

        def f():
            with torch.no_grad():
                run(net, layout)
        return worker.timed(f)
    return pytorch.settings(make)


def pictures(layout):
    return torch.rand(BATCH, 1, 28, 28).contiguous(memory_format=pytorch.LAYOUTS[layout])


def features(count):
    def run(net, layout):
        x = pictures(layout)
        for _ in range(count // BATCH):
            net(x)
    return settings_of(run)


def whole(count):
    def run(net, layout):
        x = pictures(layout)
        all = [net(x) for _ in range(count // BATCH)]
        m = moments(torch.cat([f for f, _ in all]))
        frechet(m, m)
        inception_score(torch.cat([s for _, s in all]))
    return settings_of(run)


def memory(count):
    def make():
        run = whole(count)["channels last, eager"]()

        def measured(seconds):
            run(0)
            return [worker.most_memory()]
        return measured
    return {"channels last, eager": make}


def of_moments(width):
    wide = torch.randn(width, width) / width ** 0.5
    a = moments(torch.randn(4 * width, width) @ wide)
    b = moments(torch.randn(4 * width, width) @ wide * 1.1 + 0.1)
    return {"eigenvalues, float64": lambda: worker.once(lambda: frechet(a, b))}


def of_neighbours(count):
    real, fake = torch.randn(count, 64), torch.randn(count, 64)
    return {"cdist": lambda: worker.once(lambda: prdc(real, fake))}


if __name__ == "__main__":
    worker.serve(pytorch.NAME, {"features": features, "whole": whole, "memory": memory,
                                "frechet": of_moments, "prdc": of_neighbours})
