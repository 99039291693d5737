"""Taps of Inception-v3 of 2015-12-05 with weights from a formula, by PyTorch.

    python3 tests/reference/make_inception.py [FOLDER]
    (Debian: python3-torch 1.13.1; PyPI: torch-fidelity 0.4.0, whose module is the network)

writes tests/reference/inception.npz: the taps of two pictures, uint8 [2, 32, 28, 3] from a formula,
resized as TensorFlow 1 does. tests/lua/inception_spec.lua makes the same weights. With a FOLDER the
weights are also written there by torch.save in both of its forms.
"""
import importlib.util
import math
import os
import sys
import types

import numpy
import torch

# The package as a whole asks for torchvision, which this network does not need.
package = types.ModuleType("torch_fidelity")
package.__path__ = importlib.util.find_spec("torch_fidelity").submodule_search_locations
sys.modules["torch_fidelity"] = package
import torch_fidelity.feature_extractor_inceptionv3 as inception  # noqa: E402

P = 8191
table, s = [], 1
for _ in range(P):
    s = (s * 1664525 + 1013904223) % 2 ** 32
    table.append(s / 2 ** 31 - 1)
table = numpy.array(table, dtype=numpy.float32)


def numbers(name, shape):
    """The table, from a place that depends on the name, over and over."""
    start = 0
    for byte in name.encode():
        start = (start * 31 + byte) % P
    n = math.prod(shape)
    return table[(numpy.arange(n) + start) % P].reshape(shape)


def weight(name, shape):
    u = numbers(name, shape)
    if name.endswith("conv.weight") or name == "fc.weight":
        return u * numpy.float32(math.sqrt(6 / math.prod(shape[1:])))
    if name.endswith("bn.weight"):
        return 1 + numpy.float32(0.2) * u
    if name.endswith("running_var"):
        return 1 + numpy.float32(0.5) * u
    return numpy.float32(0.2) * u


# The constructor loads a file: it gets an empty dictionary, and the weights come afterwards.
real_load = torch.load
torch.load = lambda *a, **k: {}
torch.nn.Module.load_state_dict, kept = (lambda self, d: None), torch.nn.Module.load_state_dict
taps = ["64", "192", "768", "2048", "logits_unbiased"]
net = inception.FeatureExtractorInceptionV3("inception", taps, feature_extractor_weights_path="x")
torch.load, torch.nn.Module.load_state_dict = real_load, kept
state = net.state_dict()
for name, t in state.items():
    if not name.endswith("num_batches_tracked"):
        state[name] = torch.from_numpy(numpy.ascontiguousarray(weight(name, tuple(t.shape))))
net.load_state_dict(state)

n, h, w, c = numpy.meshgrid(*map(numpy.arange, (2, 32, 28, 3)), indexing="ij")
pictures = ((h * 37 + w * 11 + c * 53 + n * 101 + h * w) % 256).astype(numpy.uint8)
with torch.no_grad():
    result = net(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))
out = dict(zip(taps, (t.numpy() for t in result)))
for name, t in out.items():
    print(name, t.shape, "mean", t.mean(), "sd", t.std(), "largest", abs(t).max())
numpy.savez_compressed(os.path.join(os.path.dirname(__file__), "inception.npz"), **out)
if len(sys.argv) > 1:
    torch.save(state, os.path.join(sys.argv[1], "new.pth"))
    torch.save(state, os.path.join(sys.argv[1], "old.pth"), _use_new_zipfile_serialization=False)
