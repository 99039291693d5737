"""Reference values of the distances and image scores, from the programs that define them.

    python3 tests/reference/metrics.py TM08 TM010 TM10 TM14 TM18

with torch-fidelity 0.4.0, prdc 0.2, torchmetrics 0.8.2, 0.10.3, 1.0.3, 1.4.1 and 1.8.2 (each in a
folder of its own: pip install --no-deps --target), torch 1.13, scipy 1.10.1, scikit-learn 1.2.1,
NumPy 1.24.2. Writes tests/reference/metrics.npz, which tests/lua/metric_reference_spec.lua reads.
Pictures are stored as [N, H, W, C].
"""
import json
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))

# torchvision is imported by torch-fidelity, but nothing here uses it.
STUBS = """
import sys
from unittest.mock import MagicMock
stubs = ["torchvision" + rest for rest in ("", ".transforms", ".transforms.functional",
                                           ".datasets", ".models")]
stubs = [name for name in stubs + ["PIL", "PIL.Image"] if name not in sys.modules]
for name in stubs:
    sys.modules[name] = MagicMock()
import torch_fidelity.feature_extractor_inceptionv3
for name in stubs:
    del sys.modules[name]
"""

TM = STUBS + r"""
import json, sys, numpy as np, torch
import torchmetrics
given = np.load(sys.argv[1])
version = tuple(int(v) for v in torchmetrics.__version__.split(".")[:2])
out = {"version": torchmetrics.__version__}
t = {k: torch.from_numpy(given[k]) for k in given.files}

class Flat(torch.nn.Module):
    num_features = 16
    def forward(self, x):
        return x if x.dim() == 2 else torch.zeros(len(x), 16)

try:
    from torchmetrics.image import StructuralSimilarityIndexMeasure as SSIM
except ImportError:
    from torchmetrics import StructuralSimilarityIndexMeasure as SSIM
from torchmetrics.image.fid import FrechetInceptionDistance as FID
m = FID(feature=Flat())
m.update(t["real"], real=True)
m.update(t["fake"], real=False)
out["fid"] = float(m.compute())
s = SSIM(data_range=1.0, reduction="none")
out["ssim"] = [float(v) for v in s(t["pa"].permute(0, 3, 1, 2), t["pb"].permute(0, 3, 1, 2))]
if version >= (1, 0):
    from torchmetrics.image.inception import InceptionScore
    order = torch.from_numpy(np.random.RandomState(2020).permutation(len(given["logits"])))
    torch.randperm = lambda n: order
    score = InceptionScore(feature=Flat(), splits=10)
    score.features = [t["logits"].double()]
    score._update_count = 1
    out["is"] = [float(v) for v in score.compute()]
print(json.dumps(out))
"""


def tm(folder, path):
    text = subprocess.run([sys.executable, "-W", "ignore", "-c", TM, path], check=True, text=True,
                          stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=folder)).stdout
    return json.loads(text.strip().split("\n")[-1])


def main(folders):
    import scipy.linalg
    import torch
    exec(STUBS)
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    rng = np.random.RandomState(1)
    f32 = np.float32
    mix = rng.randn(16, 16)
    given = {
        "real": (rng.randn(300, 16) @ mix).astype(f32),
        "fake": (0.9 * rng.randn(260, 16) @ mix + 0.3).astype(f32),
        "few": rng.randn(12, 16).astype(f32),
        "grid_real": rng.randint(0, 4, (120, 3)).astype(f32),       # many equal distances
        "grid_fake": rng.randint(0, 4, (90, 3)).astype(f32),
        "logits": (2 * rng.randn(203, 7)).astype(f32),
        "pa": rng.rand(3, 24, 20, 2).astype(f32),
    }
    given["pb"] = (0.7 * given["pa"] + 0.3 * rng.rand(3, 24, 20, 2)).astype(f32)
    path = os.path.join(HERE, "metrics.npz")
    np.savez_compressed(path, **given)
    out = {}
    t = {k: torch.from_numpy(v) for k, v in given.items()}

    def fidelity(a, b):
        sa, sb = fid_features_to_statistics(t[a]), fid_features_to_statistics(t[b])
        return fid_statistics_to_metric(sa, sb, verbose=False)["frechet_inception_distance"]

    out["fid.fidelity"] = fidelity("real", "fake")
    out["fid.fidelity.few"] = fidelity("real", "few")
    a, b = given["real"].astype(float), given["fake"].astype(float)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(0) - b.mean(0)
    out["fid.ttur"] = (gap @ gap + np.trace(s1) + np.trace(s2)
                       - 2 * np.trace(scipy.linalg.sqrtm(s1.dot(s2)).real))
    kid = kid_features_to_metric(t["real"].double(), t["fake"].double(), kid_subsets=7,
                                 kid_subset_size=100, verbose=False)
    out["kid"] = [kid["kernel_inception_distance_mean"], kid["kernel_inception_distance_std"]]
    isc = isc_features_to_metric(t["logits"])
    out["is.fidelity"] = [isc["inception_score_mean"], isc["inception_score_std"]]
    isc = isc_features_to_metric(t["logits"], shuffle=False)
    out["is.openai"] = [isc["inception_score_mean"], isc["inception_score_std"]]
    for name, real, fake in ("", "real", "fake"), (".grid", "grid_real", "grid_fake"):
        p = compute_prdc(given[real], given[fake], nearest_k=5)
        out["prdc" + name] = [p[k] for k in ("precision", "recall", "density", "coverage")]
        p = prc_features_to_metric(t[fake], t[real], verbose=False)
        out["prc" + name] = [p["precision"], p["recall"]]
    for folder in folders:
        result = tm(folder, path)
        for key in ("fid", "ssim", "is"):
            if key in result:
                out[f"{key}.tm{result['version']}"] = result[key]
    out["permutation"] = np.random.RandomState(7).permutation(1000)[:20] + 1
    for key, value in out.items():
        value = np.asarray(value)
        given[key] = value.astype(np.int32 if value.dtype.kind == "i" else np.float64)
        print(key, given[key])
    np.savez_compressed(path, **given)


main(sys.argv[1:])
