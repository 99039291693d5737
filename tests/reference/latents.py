"""Values of scikit-learn for tests/lua/tsne_spec.lua: clusters, labels and maps.

    python3 tests/reference/latents.py        (scikit-learn 1.2.1)

writes tests/reference/latents.npz.
"""
import os

import numpy
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_samples, silhouette_score
from sklearn.mixture import GaussianMixture

random = numpy.random.RandomState(7)
centres = random.randn(6, 8) * 2.5
y = random.randint(0, 6, 600)
x = (centres[y] + random.randn(600, 8)).astype("float32")
other = numpy.where(random.rand(600) < 0.3, random.randint(0, 5, 600), y)
out = {"x": x, "y": (y + 1).astype("int32"), "other": (other + 1).astype("int32")}
out["silhouette"] = silhouette_samples(x.astype("float64"), y)
out["nmi"] = normalized_mutual_info_score(y, other)
out["ari"] = adjusted_rand_score(y, other)
out["inertia"] = KMeans(6, n_init=10, random_state=0).fit(x.astype("float64")).inertia_
g = GaussianMixture(3, tol=1e-8, max_iter=1000, random_state=0, n_init=5).fit(x.astype("float64"))
out["gmm_loglik"] = g.score(x.astype("float64"))
out["gmm_logp"] = g.score_samples(x.astype("float64"))
out["gmm"] = numpy.concatenate([g.weights_[:, None], g.means_, numpy.linalg.cholesky(g.covariances_).reshape(3, -1)], 1)
for method in "exact", "barnes_hut":
    t = TSNE(2, init="pca", learning_rate="auto", method=method, random_state=0)
    e = t.fit_transform(x)
    out[f"map_{method}"] = e
    out[f"kl_{method}"] = t.kl_divergence_
    out[f"trust_{method}"] = trustworthiness(x, e, n_neighbors=10)
    print(method, t.kl_divergence_, out[f"trust_{method}"])
numpy.savez_compressed(os.path.join(os.path.dirname(__file__), "latents.npz"), **out)
