"""Times of scipy's and scikit-learn's routes to the same numbers: see tests/bench/evaluation.lua.
Reads moments and features from the files that it is given, prints name and seconds."""
import sys
import time

import numpy as np
import scipy.linalg
import sklearn.metrics


def timed(name, f, repeats=3):
    best = min(once(f) for _ in range(repeats))
    print(name, best, flush=True)


def once(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def prdc(real, fake, k):
    """The route of the prdc package: whole matrices of distances."""
    def far(a, b):
        return sklearn.metrics.pairwise_distances(a, b, metric="euclidean", n_jobs=1)

    def radii(x):
        d = far(x, x)
        return np.take_along_axis(d, np.argpartition(d, k + 1, axis=-1)[..., :k + 1], -1).max(-1)

    rr, rf, d = radii(real), radii(fake), far(real, fake)
    inside = d < rr[:, None]
    return (inside.any(0).mean(), (d < rf[None]).any(1).mean(), inside.sum(0).mean() / k,
            (d.min(1) < rr).mean())


moments = np.load(sys.argv[1])
features = np.load(sys.argv[2])
timed("sqrtm", lambda: scipy.linalg.sqrtm(moments["s1"].dot(moments["s2"]), disp=False), 1)
real, fake = features["real"], features["fake"]
timed("prdc", lambda: prdc(real, fake, 5), 1)
