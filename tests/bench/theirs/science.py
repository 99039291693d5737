"""science.py - the routes of scipy and scikit-learn to the Fréchet distance and to precision and
recall: a peer of ours/evaluation.lua."""
import sys

sys.dont_write_bytecode = True                            # nothing is left beside the sources

import numpy as np
import scipy
import scipy.linalg
import sklearn
import sklearn.metrics
import worker


def frechet(width):
    """The square root of a product of covariances, as the usual programs for FID take it."""
    random = np.random.default_rng(1)
    wide = random.standard_normal((width, width)) / width ** 0.5
    a = np.cov((random.standard_normal((4 * width, width)) @ wide).T)
    b = np.cov((random.standard_normal((4 * width, width)) @ wide * 1.1 + 0.1).T)
    return {"sqrtm": lambda: worker.once(lambda: scipy.linalg.sqrtm(a.dot(b), disp=False))}


def prdc(count, k=5):
    """The route of the prdc package: whole matrices of distances."""
    random = np.random.default_rng(1)
    real, fake = random.standard_normal((2, count, 64), dtype=np.float32)

    def far(a, b):
        return sklearn.metrics.pairwise_distances(a, b, metric="euclidean", n_jobs=1)

    def radii(x):
        d = far(x, x)
        return np.take_along_axis(d, np.argpartition(d, k + 1, axis=-1)[..., :k + 1], -1).max(-1)

    def run():
        rr, rf, d = radii(real), radii(fake), far(real, fake)
        inside = d < rr[:, None]
        return (inside.any(0).mean(), (d < rf[None]).any(1).mean(), inside.sum(0).mean() / k,
                (d.min(1) < rr).mean())
    return {"pairwise_distances": lambda: worker.once(run)}


worker.serve("scipy %s, scikit-learn %s" % (scipy.__version__, sklearn.__version__),
             {"frechet": frechet, "prdc": prdc})
