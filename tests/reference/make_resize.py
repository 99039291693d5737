"""Pictures in other sizes by the originals of va.resize's rules.

    python3 tests/reference/make_resize.py
    (Debian: python3-torch 1.13.1, python3-pil 9.4; PyPI: torch-fidelity 0.4.0)

writes tests/reference/resize.npz, which tests/lua/resize_spec.lua reads: an input "x.HxW" [H, W],
and "RULE.HxW.hxw" for the results. TensorFlow 1's bilinear is torch-fidelity's
interpolate_bilinear_2d_like_tensorflow1x; Pillow's is its resize of pictures of mode F.
"""
import importlib.util
import os
import sys
import types

import numpy
import torch
import torch.nn.functional as F
from PIL import Image

# The package as a whole asks for torchvision, which its resize does not need.
package = types.ModuleType("torch_fidelity")
package.__path__ = importlib.util.find_spec("torch_fidelity").submodule_search_locations
sys.modules["torch_fidelity"] = package
from torch_fidelity.interpolate_compat_tensorflow import (  # noqa: E402
    interpolate_bilinear_2d_like_tensorflow1x)

out = {}
KEEP = 24    # of large results only every KEEP-th row and column is kept, and the last ones


def thin(a):
    rows = sorted(set(range(0, a.shape[0], KEEP)) | {a.shape[0] - 1})
    columns = sorted(set(range(0, a.shape[1], KEEP)) | {a.shape[1] - 1})
    return a[rows][:, columns] if a.shape[0] > 64 else a


for H, W, h, w in [(28, 28, 299, 299), (32, 32, 299, 299), (300, 300, 64, 64), (7, 11, 5, 13),
                   (13, 5, 29, 3), (1, 4, 3, 4)]:
    key = f"{H}x{W}"
    # a formula for the large input, so that it need not be stored
    i, j = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    x = ((i * 7919 + j * 104729 + i * j * 31) % 256).float()
    t = x[None, None]
    results = {
        "half-pixel": F.interpolate(t, size=(h, w), mode="bilinear", align_corners=False),
        "antialias": F.interpolate(t, size=(h, w), mode="bilinear", align_corners=False,
                                   antialias=True),
        "nearest": F.interpolate(t, size=(h, w), mode="nearest"),
    }
    if H > 1:
        results["tf1"] = interpolate_bilinear_2d_like_tensorflow1x(
            t, size=(h, w), align_corners=False, method="slow")
    image = Image.fromarray(x.numpy(), mode="F")
    results["pil-bicubic"] = torch.from_numpy(numpy.array(image.resize((w, h), Image.BICUBIC)))
    bilinear = torch.from_numpy(numpy.array(image.resize((w, h), Image.BILINEAR)))
    print(key, "torch antialias against Pillow's bilinear:",
          (bilinear - results["antialias"][0, 0]).abs().max().item())
    for rule, y in results.items():
        out[f"{rule}.{key}.{h}x{w}"] = thin(y.reshape(h, w).numpy())

numpy.savez_compressed(os.path.join(os.path.dirname(__file__), "resize.npz"), **out)
print(len(out), "results")
