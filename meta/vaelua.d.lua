---@meta vaelua
-- vaelua.d.lua - annotations for lua-language-server, made by `make docs`: not to be edited.

---@alias vaelua.dtype "float32"|"int32"|"uint8"|"float64"
---@alias vaelua.protocol "accuracy"|"active_units"|"augmentation"|"classes"|"elbo"|"failures"|"frechet"|"inception_score"|"interpolations"|"iwae"|"kid"|"latents"|"mutual_information"|"nearest"|"prdc"|"precision_recall"|"probe"|"recon"|"reconstructions"|"samples"|"traversals"|"uncertainty"|string
---@alias vaelua.sampler "gaussian"|"gmm"|"interpolation"|"prior"|"vae"|string
---@alias vaelua.dataset "cifar10"|"fashion_mnist"|"mnist"|"two_moons"|string

---@class vaelua.Tensor
---@field shape integer[]
---@field dtype vaelua.dtype
---@field device string
---@field [integer] vaelua.Tensor
---@operator add(vaelua.Tensor|number): vaelua.Tensor
---@operator sub(vaelua.Tensor|number): vaelua.Tensor
---@operator mul(vaelua.Tensor|number): vaelua.Tensor
---@operator div(vaelua.Tensor|number): vaelua.Tensor
---@operator mod(vaelua.Tensor|number): vaelua.Tensor
---@operator pow(vaelua.Tensor|number): vaelua.Tensor
---@operator unm: vaelua.Tensor
---@operator len: integer
local Tensor = {}

---@class vaelua.Layer
local Layer = {}

---@class vaelua.Chain
---@field input integer[]
---@field output integer[]
---@field [integer] any
---@operator len: integer
---@operator call(vaelua.Tensor): vaelua.Tensor
local Chain = {}

---@class vaelua.Model
---@field posterior fun(self: vaelua.Model, x: any, y?: any): vaelua.Distribution
---@field likelihood fun(self: vaelua.Model, z: any, y?: any): vaelua.Distribution
---@field loss fun(self: vaelua.Model, x: any, beta?: number, y?: any): vaelua.Tensor, table?
---@field classify fun(self: vaelua.Model, x: any): vaelua.Distribution
---@field [string] any
local Model = {}

---@class vaelua.Distribution
---@field [integer] vaelua.Tensor|vaelua.Distribution
local Distribution = {}

---@class vaelua.Optimiser
---@field lr number
---@field count integer
---@field params table<string, vaelua.Tensor>
local Optimiser = {}

---@class vaelua.Set
---@field shape integer[]
---@field classes string[]
---@operator add(vaelua.Set): vaelua.Set
---@operator len: integer
local Set = {}

---@class vaelua.Average
local Average = {}

---@class vaelua.Sampler
---@field words string
---@field protocol table<string, any>
---@overload fun(n: integer, y?: vaelua.Tensor): vaelua.Tensor
local Sampler = {}

---@class vaelua.Score
---@field name? string
---@field value number
---@field unit string
---@field better? "higher"|"lower"
---@field n? integer
---@field sd? number
---@field low? number
---@field high? number
---@field label? string
---@field protocol? table<string, any>
---@field reason? string
---@field [string] any
local Score = {}

---@class vaelua.History
---@field loss number[]
---@field last table<string, number>
---@field [string] any
local History = {}

---@class vaelua.Data
---@field name string
---@field train vaelua.Set
---@field test vaelua.Set
---@field shape integer[]
---@field classes string[]
local Data = {}

---@class vaelua.Run
---@field name string
---@field folder string
---@field seed integer
---@field models table<string, vaelua.Model>
---@field data? vaelua.Data
---@field config table<string, any>
---@field history table<string, table>
local Run = {}

---@class vaelua
---@field _VERSION string
local va = {}

--- |x|; slope 0 at 0. Result: the shape of x, float32.
---
--- ```lua
--- va.abs(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.abs(x) end

--- Absolute error, summed over all axes but the first: [N].
---
--- ```lua
--- va.absolute(away(0, 4, 7), 0)
--- ```
---@param y vaelua.Tensor|number
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function va.absolute(y, x) end

---@class vaelua.va.active_units.options
---@field delta? number default 0.01

--- Number of active units: those whose posterior mean has a variance (n - 1) of at least delta over the data. means: [N, Z], N at least 2. Result: one int32 number. Burda, Grosse and Salakhutdinov 2016.
---
--- No gradient: a metric
---
--- ```lua
--- va.active_units(randn(50, 4))
--- ```
---@param means vaelua.Tensor
---@param options? vaelua.va.active_units.options
---@return vaelua.Tensor
function va.active_units(means, options) end

---@class vaelua.va.adam.options
---@field lr? number default 1e-3
---@field betas? number[] default { 0.9, 0.999 }
---@field eps? number default 1e-8
---@field decay? number default 0
---@field clip? number default 0

--- Adam (Kingma and Ba 2015). decay is added to the gradient; clip is the largest norm of all gradients together.
---
--- ```lua
--- va.adam(model, { lr = 1e-3 })
--- ```
---@param what vaelua.Model|vaelua.Chain|vaelua.Tensor|table
---@param options? vaelua.va.adam.options
---@return vaelua.Optimiser
function va.adam(what, options) end

---@class vaelua.va.adamw.options
---@field lr? number default 1e-3
---@field betas? number[] default { 0.9, 0.999 }
---@field eps? number default 1e-8
---@field decay? number default 0.01
---@field clip? number default 0

--- AdamW (Loshchilov and Hutter 2019): Adam whose decay shrinks the weights by lr * decay, past the moments.
---
--- ```lua
--- va.adamw(model, { lr = 1e-3, decay = 0.01 })
--- ```
---@param what vaelua.Model|vaelua.Chain|vaelua.Tensor|table
---@param options? vaelua.va.adamw.options
---@return vaelua.Optimiser
function va.adamw(what, options) end

--- a + b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.add(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.add(a, b) end

--- int32 from, from + step, ... up to and with to, as in Lua's for.
---
--- ```lua
--- va.arange(1, 5)
--- ```
---@param from integer
---@param to integer
---@param step? integer default 1
---@return vaelua.Tensor
function va.arange(from, to, step) end

--- Where the largest element along an axis stands, from 1: int32 without that axis. The first of equals.
---
--- ```lua
--- va.argmax(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.argmax(x, axis) end

--- Where the smallest element along an axis stands, from 1: int32 without that axis. The first of equals.
---
--- ```lua
--- va.argmin(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.argmin(x, axis) end

--- va.args(defaults) -> cfg: the settings of the script, { name = default, ..., preset = { name = value } }.
---@param defaults table
---@return table<string, any>
function va.args(defaults) end

---@class vaelua.va.argsort.options
---@field descending? boolean default false

--- The order that sorts x along an axis: int32 places from 1, in the shape of x. Stable; NaN comes last. Compared as float32.
---
--- ```lua
--- va.argsort(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@param options? vaelua.va.argsort.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.argsort.options): vaelua.Tensor
function va.argsort(x, axis, options) end

--- Adjusted Rand index of two labellings of the same rows: the share of pairs on which they agree, 0 by chance and 1 if they are the same partition. a, b: int32 [N], from 1. Result: one float64 number. Hubert and Arabie 1985.
---
--- No gradient: a metric
---
--- ```lua
--- va.ari(randint(1, 3, 20), randint(1, 4, 20))
--- ```
---@param a vaelua.Tensor
---@param b vaelua.Tensor
---@return vaelua.Tensor
function va.ari(a, b) end

--- x as "float32", "int32", "uint8" or "float64" (on the host only). From float to integer: towards zero. Gradients flow through float32 alone.
---
--- ```lua
--- va.as(arange(1, 5), "float32")
--- ```
---@param x vaelua.Tensor
---@param dtype vaelua.dtype
---@return vaelua.Tensor
function va.as(x, dtype) end

--- inverse tangent, in radians. Result: the shape of x, float32.
---
--- ```lua
--- va.atan(rand_in(-4, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.atan(x) end

--- angle of the point (b, a) in radians, from -pi to pi. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.atan2(rand_in(-3, 3, 4, 7), rand_in(0.5, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.atan2(a, b) end

--- inverse of tanh; infinite at -1 and 1. Result: the shape of x, float32.
---
--- ```lua
--- va.atanh(rand_in(-0.8, 0.8, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.atanh(x) end

--- va.attribute(model, set, a, b): mean code of class b minus that of class a, classes by name or number: z + va.attribute(vae, data.train, "sneaker", "boot") makes a sneaker more of a boot. Differences of means as in Larsen et al. 2016.
---@param model vaelua.Model
---@param set vaelua.Set
---@param a integer|string
---@param b integer|string
---@return vaelua.Tensor
function va.attribute(model, set, a, b) end

--- One that is made outside of all loops is saved and restored with the loops that follow.
---@return vaelua.Average
function va.average() end

---@class vaelua.va.avgpool.options
---@field stride? integer
---@field pad? integer default 0

--- Mean of each k x k window; padding is not counted. x: [N, H, W, C]. stride: k if it is not given.
---
--- ```lua
--- va.avgpool(randn(2, 6, 4, 3), 2)
--- ```
---@param x vaelua.Tensor
---@param k integer
---@param options? vaelua.va.avgpool.options
---@return vaelua.Tensor
function va.avgpool(x, k, options) end

--- Statistics of each channel of x [N, ..., C] over all the rest, [3, C]: mean, variance (divided by n), variance (by n - 1; 0 for a single number). Without gradient, for running statistics.
---
--- ```lua
--- va.batch_stats(randn(4, 3, 3, 5))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.batch_stats(x) end

---@class vaelua.va.batchnorm_eval.options
---@field eps? number default 1e-5

--- Batch normalisation by given statistics: (x - mean) / sqrt(var + eps) gain + bias, all [C] but x [N, ..., C].
---
--- ```lua
--- va.batchnorm_eval(randn(4, 3), randn(3), rand_in(0.5, 2, 3), randn(3), randn(3))
--- ```
---@param x vaelua.Tensor
---@param mean vaelua.Tensor
---@param var vaelua.Tensor
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.va.batchnorm_eval.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, mean: vaelua.Tensor, var: vaelua.Tensor, options: vaelua.va.batchnorm_eval.options): vaelua.Tensor
function va.batchnorm_eval(x, mean, var, gain, bias, options) end

---@class vaelua.va.batchnorm_train.options
---@field eps? number default 1e-5

--- Batch normalisation (Ioffe and Szegedy 2015) by the statistics of the batch itself, through which gradients flow: each channel of x [N, ..., C] to mean 0 and variance 1, then times gain [C] plus bias [C]. stats: batch_stats(x), where the caller has it already.
---
--- ```lua
--- va.batchnorm_train(randn(8, 3), randn(3), randn(3))
--- ```
---@param x vaelua.Tensor
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param stats? vaelua.Tensor
---@param options? vaelua.va.batchnorm_train.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.batchnorm_train.options): vaelua.Tensor
function va.batchnorm_train(x, gain, bias, stats, options) end

--- Cross-entropy of x (0 to 1) against the Bernoulli distribution with these logits, in nats, summed over all axes but the first: [N]. For greys it is the usual loss, but not a likelihood.
---
--- ```lua
--- va.bce_logits(randn(4, 7), rand(4, 7))
--- ```
---@param logit vaelua.Tensor|number
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function va.bce_logits(logit, x) end

--- Log-probability of x under Bernoulli distributions with these logits, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.bernoulli_logp(rand(4, 7), randn(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@param logit vaelua.Tensor|number
---@return vaelua.Tensor
function va.bernoulli_logp(x, logit) end

--- Draws of 0 and 1 with probability sigmoid(logits) of a 1, as float32. A constant: no gradient flows through it.
---
--- ```lua
--- va.bernoulli_sample(randn(4, 7))
--- ```
---@param logits vaelua.Tensor
---@return vaelua.Tensor
function va.bernoulli_sample(logits) end

--- The tensors of a list joined along an axis; their other sizes and dtypes agree. Features join at the end (axis -1), batches along axis 1.
---
--- ```lua
--- va.cat({ randn(2, 3), randn(2, 4) })
--- ```
---@param x vaelua.Tensor[]
---@param axis? integer default -1
---@return vaelua.Tensor
function va.cat(x, axis) end

--- Log-probability of the classes y (int32, 1..K) under the softmax of logits [N, ..., K], summed over all axes but the first: [N].
---
--- ```lua
--- va.categorical_logp(randn(5, 3), labels(5, 3))
--- ```
---@param logits vaelua.Tensor
---@param y vaelua.Tensor
---@return vaelua.Tensor
function va.categorical_logp(logits, y) end

--- Draws of classes 1..K from the softmax of logits [..., K]: int32 [...]. A constant: no gradient flows through it.
---
--- ```lua
--- va.categorical_sample(randn(5, 3))
--- ```
---@param logits vaelua.Tensor
---@return vaelua.Tensor
function va.categorical_sample(logits) end

--- the least whole number not below x. Result: the shape of x, float32.
---
--- ```lua
--- va.ceil(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.ceil(x) end

---@class vaelua.va.check.options
---@field eps? number default 1e-2
---@field tol? number default 5e-3

--- va.check(f, inputs ..., { eps=1e-2, tol=5e-3 }) -> a line that says how well they agree.
---@param f function
---@param ... vaelua.Tensor|vaelua.va.check.options
---@return string
function va.check(f, ...) end

--- The lower triangular L with x = L L' for a symmetric positive definite matrix [n, n]; of another matrix, for (x + x') / 2.
---
--- ```lua
--- va.cholesky(spd(4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.cholesky(x) end

--- Element y[i] of each row i: x [N, K], y int32 [N] in 1..K, result [N]; with more axes the last one is chosen from. (torch: gather.)
---
--- ```lua
--- va.choose(randn(5, 3), labels(5, 3))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@return vaelua.Tensor
function va.choose(x, y) end

--- x, but not below low and not above high.
---
--- ```lua
--- va.clamp(away(0, 4, 7), -0.05, 5)
--- ```
---@param x vaelua.Tensor
---@param low number
---@param high? number
---@return vaelua.Tensor
function va.clamp(x, low, high) end

--- x with its elements in order in memory: a view, or a copy where they are not. Changes no value.
---
--- ```lua
--- va.contiguous(randn(3, 4):transpose())
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.contiguous(x) end

--- log of the constant of the continuous Bernoulli with logit x. Result: the shape of x, float32.
---
--- ```lua
--- va.continuous(rand_in(-4, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.continuous(x) end

--- Log-density of x in [0, 1] under continuous Bernoulli distributions (Loaiza-Ganem and Cunningham 2019) with these logits, summed over all axes but the first: [N].
---
--- ```lua
--- va.continuous_bernoulli_logp(rand(4, 7), randn(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@param logit vaelua.Tensor|number
---@return vaelua.Tensor
function va.continuous_bernoulli_logp(x, logit) end

---@class vaelua.va.conv.options
---@field stride? integer default 1
---@field pad? integer
---@field groups? integer default 1
---@field act? string default none

--- Convolution of pictures (cross-correlation). x: [N, H, W, C]; w: [K, KH, KW, C / groups]; b: [K]. Result: [N, H / stride, W / stride, K], rounded up: (KH - 1) / 2 rows and (KW - 1) / 2 columns of 0 lie before it, what is missing behind; with a pad as in PyTorch: (H + 2 pad - KH) / stride + 1, rounded down. act: "none" or "relu".
---
--- ```lua
--- va.conv(randn(2, 7, 6, 3), randn(4, 3, 3, 3), randn(4), { stride = 2 })
--- ```
---@param x vaelua.Tensor
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.va.conv.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.va.conv.options): vaelua.Tensor
function va.conv(x, w, b, options) end

--- cosine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---
--- ```lua
--- va.cos(rand_in(-6, 6, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.cos(x) end

--- Covariance matrix of the rows of x, divided by n - 1. x: [N, D]. Result: [D, D], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.covariance(randn(10, 3))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.covariance(x) end

--- Rank of a covariance: how many of its eigenvalues are above D 2.2e-16 times the largest. s: [D, D], symmetric. Result: one int32 number.
---
--- No gradient: a metric
---
--- ```lua
--- va.covariance_rank(covariance(randn(4, 6)))
--- ```
---@param s vaelua.Tensor
---@return vaelua.Tensor
function va.covariance_rank(s) end

--- Running sum of x along one axis. Result: the shape of x.
---
--- ```lua
--- va.cumsum(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.cumsum(x, axis) end

---@class vaelua.va.data.options
---@field train? vaelua.Set
---@field test? vaelua.Set
---@field classes? string[]
---@field name? string

--- va.data { train, test, classes, name }: a data set of two sets; a text is a name, a file or a folder.
---@param what vaelua.dataset|vaelua.va.data.options
---@return vaelua.Data
function va.data(what) end

---@class vaelua.va.deconv.options
---@field stride? integer default 1
---@field pad? integer
---@field groups? integer default 1
---@field act? string default none

--- Transposed convolution: the data gradient of conv, whose weight it takes. x: [N, H, W, C]; w: [C, KH, KW, K / groups]; b: [K]. Result: [N, H stride, W stride, K]; with a pad, where less than stride rows are missing for that, else [N, (H - 1) stride + KH - 2 pad, ..., K]. act: "none" or "relu".
---
--- ```lua
--- va.deconv(randn(2, 4, 3, 5), randn(5, 3, 3, 2), randn(2), { stride = 2 })
--- ```
---@param x vaelua.Tensor
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.va.deconv.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.va.deconv.options): vaelua.Tensor
function va.deconv(x, w, b, options) end

--- The value of x without its history: no gradient flows through it. A view.
---
--- ```lua
--- va.detach(randn(3, 4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.detach(x) end

--- va.device(): the name of the device that tensors are made on, "cpu" or "cuda:0".
---@return string
function va.device() end

--- The diagonal of a matrix. A view.
---
--- ```lua
--- va.diag(randn(4, 4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.diag(x) end

--- a / b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.div(rand_in(-3, 3, 4, 7), rand_in(0.5, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.div(a, b) end

--- x with each element set to 0 with probability p and the others divided by 1 - p (Srivastava et al., JMLR 2014).
---
--- ```lua
--- va.dropout(randn(4, 7), 0.3)
--- ```
---@param x vaelua.Tensor
---@param p? number default 0.5
---@return vaelua.Tensor
function va.dropout(x, p) end

--- va.eager([on=true]): loops run call by call, for debugging; the same bits, slower on a GPU. va.eager(false): their turns are noted and launched at once again. Gives what it was.
---@param on? boolean default true
---@return boolean
function va.eager(on) end

---@class vaelua.va.early.options
---@field patience? integer default 5
---@field better? "higher"|"lower" default "higher"

--- va.early(model, { patience=5, better="higher" }): function(score) that says when to stop; the best model so far is kept as "best".
---@param m vaelua.Model
---@param given? vaelua.va.early.options
---@return fun(score: number): boolean
function va.early(m, given) end

--- Eigenvalues of a symmetric matrix [n, n], ascending: [n]. Of another matrix, those of (x + x') / 2.
---
--- ```lua
--- va.eigvalsh(spd(4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.eigvalsh(x) end

--- Eigenvectors of a symmetric matrix [n, n] as columns, in the order of eigvalsh; the largest element of each is positive.
---
--- No gradient: it is not defined where eigenvalues are equal (eigvalsh has one)
---
--- ```lua
--- va.eigvecs(spd(4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.eigvecs(x) end

--- x above 0, exp(x) - 1 below (Clevert et al. 2016). Result: the shape of x, float32.
---
--- ```lua
--- va.elu(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.elu(x) end

--- va.ema(model, decay): a copy whose weights follow those of the model: after each step, e:update() moves them by (1 - decay) of the distance. They are buffers: saved, not trained.
---@param m vaelua.Model
---@param decay? number
---@return vaelua.Model
function va.ema(m, decay) end

--- Rows of a table w [K, ...] by int32 codes 1..K of any shape: [shape of index, shape of a row]. An error names a code out of range.
---
--- ```lua
--- va.embedding(randn(10, 4), labels(5, 10))
--- ```
---@param w vaelua.Tensor
---@param index vaelua.Tensor
---@return vaelua.Tensor
function va.embedding(w, index) end

--- 1 where a = b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.eq(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.eq(a, b) end

--- error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. Result: the shape of x, float32.
---
--- ```lua
--- va.erf(rand_in(-2, 2, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.erf(x) end

---@class vaelua.va.evaluate.options
---@field samplers? (vaelua.sampler|table|function)[] default {"prior"}
---@field count? integer default #test

--- va.evaluate(model, data, protocols, { samplers={"prior"}, count=#test }) -> scores by model, of which there may be a list, and by its name.
---@param model vaelua.Model|vaelua.Model[]
---@param data vaelua.Data
---@param protocols? vaelua.protocol|(vaelua.protocol|table|function)[]
---@param options? vaelua.va.evaluate.options
---@return table<any, table<string, vaelua.Score>>
function va.evaluate(model, data, protocols, options) end

--- e to the x. Result: the shape of x, float32.
---
--- ```lua
--- va.exp(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.exp(x) end

--- x stretched to a shape by the rule of broadcasting: axes of size 1 stretch; a smaller shape must equal the last axes. A view: nothing is copied.
---
--- ```lua
--- va.expand(randn(3, 1), 3, 5)
--- ```
---@param x vaelua.Tensor
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.expand(x, shape, ...) end

--- exp(x) - 1, precise near 0. Result: the shape of x, float32.
---
--- ```lua
--- va.expm1(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.expm1(x) end

--- The float32 identity matrix [n, n].
---
--- ```lua
--- va.eye(3)
--- ```
---@param n integer
---@return vaelua.Tensor
function va.eye(n) end

---@class vaelua.va.fit.options
---@field epochs? number default 10
---@field batch? integer default 128
---@field lr? number|fun(t: number): number default 1e-3
---@field beta? number|fun(t: number): number default 1
---@field clip? integer default 0
---@field ema? number
---@field val? vaelua.Set

--- va.fit(model, set, { epochs=10, batch=128, lr=1e-3, beta=1, clip=0, ema, val } ...): the visible loop. lr and beta are numbers or functions of t; ema is a decay, val a set.
---@param model vaelua.Model
---@param set vaelua.Set
---@param options? vaelua.va.fit.options
---@param ... vaelua.va.fit.options
---@return vaelua.History
function va.fit(model, set, options, ...) end

--- [N, ...] as [N, rest]: each row one vector, in the order of its axes (height, width, channels).
---
--- ```lua
--- va.flatten(randn(2, 3, 4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.flatten(x) end

--- the largest whole number not above x. Result: the shape of x, float32.
---
--- ```lua
--- va.floor(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.floor(x) end

--- Fréchet distance between the normals with the means and covariances (n - 1) of two sets of features, squared: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)). x: [N, D], y: [M, D], at least 2 rows each. Result: one float64 number. With no more rows than features it is biased upwards. Dowson and Landau 1982.
---
--- No gradient: a metric
---
--- ```lua
--- va.frechet(randn(50, 4), randn(60, 4))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@return vaelua.Tensor
function va.frechet(x, y) end

--- Fréchet distance as frechet has it, from means m1, m2: [D] and covariances s1, s2: [D, D], symmetric. Result: one float64 number. Always real and finite: eigenvalues of a covariance below D 2.2e-16 times its largest count as 0.
---
--- No gradient: a metric
---
--- ```lua
--- va.frechet_moments(randn(3), covariance(randn(9, 3)), randn(3), covariance(randn(9, 3)))
--- ```
---@param m1 vaelua.Tensor
---@param s1 vaelua.Tensor
---@param m2 vaelua.Tensor
---@param s2 vaelua.Tensor
---@return vaelua.Tensor
function va.frechet_moments(m1, s1, m2, s2) end

--- A tensor of a shape (a list) with the same value everywhere.
---
--- ```lua
--- va.full({ 2, 3 }, 0.5)
--- ```
---@param shape integer|integer[]
---@param value number
---@param dtype? vaelua.dtype default float32
---@return vaelua.Tensor
function va.full(shape, value, dtype) end

--- 1 where a >= b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.ge(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.ge(a, b) end

--- x * P(a normal number < x), exact (Hendrycks and Gimpel 2016). Result: the shape of x, float32.
---
--- ```lua
--- va.gelu(rand_in(-4, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.gelu(x) end

---@class vaelua.va.gmm.options
---@field steps? integer default 100
---@field tol? number default 1e-3
---@field floor? number default 1e-6

--- Mixture of normals with full covariances, fitted to the rows of x by expectation maximisation from a k-means++ start. x: [N, D]; u: [K] uniform random numbers, one a component. Stops when the mean log density gains less than tol, or after steps rounds; floor is added to the variances. Result: [K, 1 + D + D D], a component a row: weight, mean, lower Cholesky factor of the covariance.
---
--- No gradient: a metric
---
--- ```lua
--- va.gmm(randn(40, 2), rand(3))
--- ```
---@param x vaelua.Tensor
---@param u vaelua.Tensor
---@param options? vaelua.va.gmm.options
---@return vaelua.Tensor
function va.gmm(x, u, options) end

--- Log density of the rows of x under a mixture of normals, in nats. x: [N, D]; g: [K, 1 + D + D D] as gmm gives it. Result: [N], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.gmm_logp(randn(9, 2), gmm(randn(40, 2), rand(3)))
--- ```
---@param x vaelua.Tensor
---@param g vaelua.Tensor
---@return vaelua.Tensor
function va.gmm_logp(x, g) end

---@class vaelua.va.grad.options
---@field keep? boolean default false

--- va.grad(loss or function, wrt, { keep=false }): the gradient by a tensor, a list of tensors (a list), a chain or model (an ordered table). A function is recorded even in evaluation.
---@param loss vaelua.Tensor|fun(): vaelua.Tensor
---@param wrt vaelua.Tensor
---@param options? vaelua.va.grad.options
---@return vaelua.Tensor
---@overload fun(loss: any, wrt: vaelua.Tensor[], options?: vaelua.va.grad.options): vaelua.Tensor[]
---@overload fun(loss: any, wrt: vaelua.Model|vaelua.Chain, options?: vaelua.va.grad.options): table<string, vaelua.Tensor>
function va.grad(loss, wrt, options) end

---@class vaelua.va.groupnorm.options
---@field eps? number default 1e-5

--- Group normalisation (Wu and He 2018): x [N, ..., C] to mean 0 and variance 1 over each of the groups of neighbouring channels of each row; then times gain [C] plus bias [C].
---
--- ```lua
--- va.groupnorm(randn(2, 3, 3, 4), 2, randn(4), randn(4))
--- ```
---@param x vaelua.Tensor
---@param groups integer
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.va.groupnorm.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, groups: integer, options: vaelua.va.groupnorm.options): vaelua.Tensor
function va.groupnorm(x, groups, gain, bias, options) end

--- 1 where a > b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.gt(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.gt(a, b) end

---@class vaelua.va.heat.options
---@field x? string
---@field y? string

--- va.heat([name], matrix, { x, y }): a matrix [H, W] as colours, row 1 at the top.
---@param name string
---@param matrix vaelua.Tensor
---@param options? vaelua.va.heat.options
---@overload fun(matrix: vaelua.Tensor, options?: vaelua.va.heat.options)
function va.heat(name, matrix, options) end

--- va.help(name): prints what is known about a function; without a name, what there is.
---@param word? string
function va.help(word) end

---@class vaelua.va.hist.options
---@field bins? integer default 30
---@field x? string
---@field log? boolean|"x"|"y"|"xy"

--- va.hist([name], x, { bins=30, x, log }): how many numbers of x fall into each of `bins` equal parts of their range; what is not finite is left out.
---@param name string
---@param x number[]|vaelua.Tensor
---@param options? vaelua.va.hist.options
---@overload fun(x: number[]|vaelua.Tensor, options?: vaelua.va.hist.options)
function va.hist(name, x, options) end

--- va.history: h.loss, h.kl ... are lists by epoch, h.last.loss the newest number; what was logged under another split than "train" lies in h.SPLIT.
---@param model vaelua.Model
---@return vaelua.History
function va.history(model) end

--- va.images: marks a function (made, data, argument) as one about pictures.
---@param f function
---@return function
function va.images(f) end

---@class vaelua.va.inception_score.options
---@field chunk? boolean default false

--- Inception Score of class scores: exp of the mean of KL(p(y|x) || p(y)) in each split. logits: [N, K], any order that does not sort the classes. Result: [2], float64: mean and standard deviation over the splits (population). Splits are rows s N / S to (s + 1) N / S, unshuffled; with chunk N / S rows rounded up, and the sample's standard deviation (NaN for one split). Salimans et al. 2016.
---
--- No gradient: a metric
---
--- ```lua
--- va.inception_score(randn(100, 10))
--- ```
---@param logits vaelua.Tensor
---@param splits? integer default 10
---@param options? vaelua.va.inception_score.options
---@return vaelua.Tensor
---@overload fun(logits: vaelua.Tensor, options: vaelua.va.inception_score.options): vaelua.Tensor
function va.inception_score(logits, splits, options) end

--- va.interp(a, b, n): n steps on the straight line from a to b, both ends included: [n, ...].
---@param a vaelua.Tensor
---@param b vaelua.Tensor
---@param n integer
---@return vaelua.Tensor
function va.interp(a, b, n) end

--- Inverse of a regular matrix [n, n].
---
--- ```lua
--- va.inverse(spd(4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.inverse(x) end

--- 1 where x is neither NaN nor infinite, else 0. Result: the shape of x, float32.
---
--- ```lua
--- va.isfinite(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.isfinite(x) end

--- 1 where x is NaN, else 0. Result: the shape of x, float32.
---
--- ```lua
--- va.isnan(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.isnan(x) end

--- va.item(x): the number of a tensor that has one element; waits for the device.
---@param x vaelua.Tensor|number
---@return number
function va.item(x) end

---@class vaelua.va.kid.options
---@field subsets? integer default 100
---@field size? integer default 1000
---@field seed? integer default 2020

--- Kernel distance of two sets of features: mean over subsets of the unbiased squared maximum mean discrepancy with the kernel (x y / D + 1)^3, and the population standard deviation over subsets, which is not a standard error: subsets overlap. x: [N, D], y: [M, D], at least size rows each. Subsets are drawn without replacement by NumPy's RandomState(seed), as in torch-fidelity. Result: [2], float64; the mean may be below 0. Binkowski et al. 2018.
---
--- No gradient: a metric
---
--- ```lua
--- va.kid(randn(20, 4), randn(30, 4), { subsets = 3, size = 10 })
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.kid.options
---@return vaelua.Tensor
function va.kid(x, y, options) end

---@class vaelua.va.kmeans.options
---@field steps? integer default 300

--- Clusters of the rows of x by k-means from k-means++ starts. x: [N, D]; u: [starts, K] uniform random numbers: the start that ends with the smallest squared distances to the means is taken. steps: at most so many rounds. Result: int32 [N], clusters 1..K. Lloyd 1982; Arthur and Vassilvitskii 2007.
---
--- No gradient: a metric
---
--- ```lua
--- va.kmeans(randn(40, 2), rand(2, 3))
--- ```
---@param x vaelua.Tensor
---@param u vaelua.Tensor
---@param options? vaelua.va.kmeans.options
---@return vaelua.Tensor
function va.kmeans(x, u, options) end

--- Log-density of x under Laplace distributions, summed over all axes but the first: [N].
---
--- ```lua
--- va.laplace_logp(rand_in(2, 3, 4, 7), rand_in(0, 1, 4, 7), randn(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@param mean vaelua.Tensor|number
---@param logscale vaelua.Tensor|number
---@return vaelua.Tensor
function va.laplace_logp(x, mean, logscale) end

---@class vaelua.va.layernorm.options
---@field axes? integer default 1
---@field eps? number default 1e-5

--- Layer normalisation (Ba, Kiros and Hinton 2016): x to mean 0 and variance 1 over its last axes (how many: axes), each place of the others apart; then times gain plus bias, of the shape of those axes.
---
--- ```lua
--- va.layernorm(randn(4, 7), randn(7), randn(7))
--- ```
---@param x vaelua.Tensor
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.va.layernorm.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.layernorm.options): vaelua.Tensor
function va.layernorm(x, gain, bias, options) end

--- 1 where a <= b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.le(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.le(a, b) end

---@class vaelua.va.legacy_permutation.options
---@field seed? integer default 2020

--- The permutation that NumPy's RandomState(seed).permutation(n) makes, plus 1: int32 [N], for scores that are defined by it.
---
--- No gradient: random numbers
---
--- ```lua
--- va.legacy_permutation(10)
--- ```
---@param n integer
---@param options? vaelua.va.legacy_permutation.options
---@return vaelua.Tensor
function va.legacy_permutation(n, options) end

---@class vaelua.va.linear.options
---@field act? string default none

--- x w' + b for each row of x, flattened. x: [N, ...] with K numbers a row; w: [M, K]; b: [M]. Result: [N, M]. act: "none" or "relu", applied to the result.
---
--- ```lua
--- va.linear(randn(3, 4), randn(5, 4), randn(5))
--- ```
---@param x vaelua.Tensor
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.va.linear.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.va.linear.options): vaelua.Tensor
function va.linear(x, w, b, options) end

--- n float32 numbers at equal distances, both ends included.
---
--- ```lua
--- va.linspace(0, 1, 5)
--- ```
---@param from number
---@param to number
---@param n integer
---@return vaelua.Tensor
function va.linspace(from, to, n) end

--- va.log(t, model, [loss], [terms], [split="train"]).  va.log(x) of a tensor is its logarithm.
---@param t vaelua.Tensor|number
---@param model? vaelua.Model
---@param loss? vaelua.Tensor
---@param terms? table<string, vaelua.Tensor>
---@param split? string default "train"
---@overload fun(x: vaelua.Tensor|number): vaelua.Tensor
function va.log(t, model, loss, terms, split) end

--- log(1 + x), precise near 0. Result: the shape of x, float32.
---
--- ```lua
--- va.log1p(rand_in(-0.7, 5, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.log1p(x) end

--- Logarithm of the absolute determinant of a matrix [n, n]; -inf where it is singular.
---
--- ```lua
--- va.logdet(spd(4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.logdet(x) end

--- log(x / (1 - x)), the inverse of sigmoid. Result: the shape of x, float32.
---
--- ```lua
--- va.logit(rand_in(0.1, 0.9, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.logit(x) end

--- log(sigmoid(x)) = -softplus(-x). Result: the shape of x, float32.
---
--- ```lua
--- va.logsigmoid(rand_in(-8, 8, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.logsigmoid(x) end

--- Log of the softmax of x over one axis. Result: the shape of x.
---
--- ```lua
--- va.logsoftmax(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.logsoftmax(x, axis) end

---@class vaelua.va.logsumexp.options
---@field keep? boolean default false

--- log of the sum of exp(x) over axes, without overflow.
---
--- ```lua
--- va.logsumexp(randn(4, 7), 2)
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.logsumexp.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.logsumexp.options): vaelua.Tensor
function va.logsumexp(x, axis, options) end

--- a above 0, a times the slope b below (Maas et al. 2013). Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.lrelu(rand_in(0.1, 3, 4, 7), rand_in(0.1, 0.9, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.lrelu(a, b) end

--- 1 where a < b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.lt(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.lt(a, b) end

--- Matrix product x y. x: [..., M, K]; y: [..., K, N], or one vector [K], for which the result is [..., M]. The leading axes are equal, or one side has none. Float64 if either is (no gradient).
---
--- ```lua
--- va.matmul(randn(3, 4), randn(4, 5))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@return vaelua.Tensor
function va.matmul(x, y) end

---@class vaelua.va.max.options
---@field keep? boolean default false

--- Largest element of x over axes; NaN if there is one. Ties share the gradient.
---
--- ```lua
--- va.max(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.max.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.max.options): vaelua.Tensor
function va.max(x, axis, options) end

--- the larger one; NaN where either is. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.maximum(rand_in(-3, 0, 4, 7), rand_in(0.3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.maximum(a, b) end

---@class vaelua.va.maxpool.options
---@field stride? integer
---@field pad? integer default 0

--- Largest value of each k x k window. x: [N, H, W, C]. stride: k if it is not given. A NaN in the window is the result.
---
--- ```lua
--- va.maxpool(randn(2, 6, 4, 3), 2)
--- ```
---@param x vaelua.Tensor
---@param k integer
---@param options? vaelua.va.maxpool.options
---@return vaelua.Tensor
function va.maxpool(x, k, options) end

---@class vaelua.va.mean.options
---@field keep? boolean default false

--- Mean of x over an axis, a list of axes, or all.
---
--- ```lua
--- va.mean(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.mean.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.mean.options): vaelua.Tensor
function va.mean(x, axis, options) end

--- va.memory(): bytes held by tensors on the device, { bytes, peak, idle, device }; of a GPU also those that are free on it and that it has in all, { free, total }; of the CPU also how many tensors there are.
---@return table<string, any>
function va.memory() end

---@class vaelua.va.min.options
---@field keep? boolean default false

--- Smallest element of x over axes; NaN if there is one. Ties share the gradient.
---
--- ```lua
--- va.min(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.min.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.min.options): vaelua.Tensor
function va.min(x, axis, options) end

--- the smaller one; NaN where either is. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.minimum(rand_in(-3, 0, 4, 7), rand_in(0.3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.minimum(a, b) end

---@class vaelua.va.mmd.options
---@field kernel? string default imq
---@field scale? number default 1

--- Maximum mean discrepancy of two samples, squared and unbiased (it may be below 0). x: [N, D], y: [M, D], at least 2 rows each. kernel: imq (sum of C / (C + |x - y|^2) for C = 2 D scale times 0.1, 0.2, 0.5, 1, 2, 5, 10), rbf (exp(-|x - y|^2 / 2 D scale)) or polynomial ((xy / D scale + 1)^3). Result: one number. Gretton et al. 2012.
---
--- ```lua
--- va.mmd(randn(6, 3), randn(5, 3))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.mmd.options
---@return vaelua.Tensor
function va.mmd(x, y, options) end

--- a % b = a - b floor(a / b), with the sign of b as in Lua. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.mod(rand_in(1.1, 1.4, 4, 7), rand_in(0.8, 1, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.mod(a, b) end

---@class vaelua.va.moments.options
---@field divisor? integer default 0

--- Mean (row 1) and covariance (n - 1; the other rows) of the rows of x, for frechet_moments and moments_merge. x: [N, D], N at least 2. divisor: what the covariance is divided by in place of n - 1. Result: [D + 1, D], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.moments(randn(10, 3))
--- ```
---@param x vaelua.Tensor
---@param options? vaelua.va.moments.options
---@return vaelua.Tensor
function va.moments(x, options) end

--- The moments of two sets together: a of n rows, b of m. a, b: [D + 1, D] as moments returns them. Chan, Golub and LeVeque 1979.
---
--- No gradient: a metric
---
--- ```lua
--- va.moments_merge(moments(randn(9, 3)), 9, moments(randn(5, 3)), 5)
--- ```
---@param a vaelua.Tensor
---@param n integer
---@param b vaelua.Tensor
---@param m integer
---@return vaelua.Tensor
function va.moments_merge(a, n, b, m) end

--- a * b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.mul(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.mul(a, b) end

--- 1 where a differs from b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.ne(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.ne(a, b) end

--- The row of rows [M, D] that lies nearest to each row of x [N, D]: int32 [N], from 1; the first of equally near ones.
---
--- ```lua
--- va.nearest(randn(4, 7), randn(3, 7))
--- ```
---@param x vaelua.Tensor
---@param rows vaelua.Tensor
---@return vaelua.Tensor
function va.nearest(x, rows) end

--- -x. Result: the shape of x, float32.
---
--- ```lua
--- va.neg(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.neg(x) end

--- va.neighbours(x, set, k): for every picture of x the k nearest rows of the set by squared distance, the nearest first: pictures [N k, ...].
---@param x vaelua.Tensor
---@param set vaelua.Set
---@param k integer
---@return vaelua.Tensor
function va.neighbours(x, set, k) end

--- Normalised mutual information of two labellings of the same rows: divided by the mean of both entropies; 1 if they are the same partition. a, b: int32 [N], from 1. Result: one float64 number in 0..1. Strehl and Ghosh 2002.
---
--- No gradient: a metric
---
--- ```lua
--- va.nmi(randint(1, 3, 20), randint(1, 4, 20))
--- ```
---@param a vaelua.Tensor
---@param b vaelua.Tensor
---@return vaelua.Tensor
function va.nmi(a, b) end

--- va.no_grad(f, ...): f's results, with nothing recorded and layers as in evaluation.
---@param f function
---@param ... any
---@return any ...
function va.no_grad(f, ...) end

--- Kullback-Leibler divergence of the normal distributions (mean, logvar) from (pmean, plogvar), by default the unit normal, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_kl(randn(4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@param pmean? vaelua.Tensor|number
---@param plogvar? vaelua.Tensor|number
---@return vaelua.Tensor
function va.normal_kl(mean, logvar, pmean, plogvar) end

--- As normal_kl, but for each unit apart: the shape of mean.
---
--- ```lua
--- va.normal_kl_each(randn(4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@param pmean? vaelua.Tensor|number
---@param plogvar? vaelua.Tensor|number
---@return vaelua.Tensor
function va.normal_kl_each(mean, logvar, pmean, plogvar) end

--- Kullback-Leibler divergence of normal distributions from the unit normal, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_kl_unit(randn(4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function va.normal_kl_unit(mean, logvar) end

--- Log-density of x under normal distributions, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_logp(randn(4, 7), randn(4, 7), randn(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function va.normal_logp(x, mean, logvar) end

--- va.note(format, values ...): a line on the terminal and in the report.
---@param format string
---@param ... any
function va.note(format, ...) end

--- Classes 1..k (int32) as rows of zeros with a 1: the shape of y and an axis of size k.
---
--- ```lua
--- va.one_hot(labels(5, 3), 3)
--- ```
---@param y vaelua.Tensor
---@param k integer
---@return vaelua.Tensor
function va.one_hot(y, k) end

--- float32 ones of a shape; ones() is one number.
---
--- ```lua
--- va.ones(2, 3)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.ones(shape, ...) end

---@class vaelua.va.op.options
---@field name? string
---@field forward? function
---@field backward? function

--- va.op { name, forward, backward }: an op of one's own. forward(...) -> y is not recorded; backward(dy, y, ...) -> one gradient for each input (nil where there is none).
---@param spec vaelua.va.op.options
---@return fun(...): vaelua.Tensor
function va.op(spec) end

---@class vaelua.va.open.options
---@field seed? integer

--- va.open(run, { seed }): "latest", a folder, or a name of a run. The first seed unless another is asked for. run.models.NAME, run.data, run.config (its settings), run.history.NAME.
---@param word "latest"|string
---@param given? vaelua.va.open.options
---@return vaelua.Run
function va.open(word, given) end

---@class vaelua.va.pca.options
---@field d? integer default 2

--- va.pca(z, { d = 2 }): the codes [N, n] in the d directions of their largest variance, centred: [N, d]. The sign of a direction is that of its largest entry, made positive.
---@param z vaelua.Tensor
---@param given? vaelua.va.pca.options
---@return vaelua.Tensor
function va.pca(z, given) end

--- x with its axes in another order: axis i of the result is axis axes[i] of x. Every axis is named once. A view.
---
--- ```lua
--- va.permute(randn(2, 3, 4), 3, 1, 2)
--- ```
---@param x vaelua.Tensor
---@param axes integer[]
---@return vaelua.Tensor
function va.permute(x, axes) end

--- Rows of x. which: int32 indices from 1, negative ones from the end, rows may repeat, result [shape of which, shape of a row]; or a mask of 0 and 1, one a row (this waits for the device).
---
--- ```lua
--- va.pick(randn(6, 3), as(t{ 2, 2, 5 }, "int32"))
--- ```
---@param x vaelua.Tensor
---@param which vaelua.Tensor
---@return vaelua.Tensor
function va.pick(x, which) end

---@class vaelua.va.plot.options
---@field x? string
---@field y? string
---@field log? boolean|"x"|"y"|"xy"
---@field title? string

--- va.plot([name], series ..., { x, y, log, title }): a name that ends in .svg, .png or .pdf is a file.
---@param ... string|table|vaelua.Tensor|vaelua.va.plot.options
function va.plot(...) end

--- a to the power b; NaN where a < 0 and b is not whole. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.pow(rand_in(0.3, 3, 4, 7), rand_in(-2, 2, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.pow(a, b) end

---@class vaelua.va.prdc.options
---@field k? integer default 5
---@field edge? boolean default false

--- Precision, recall, density and coverage of generated features among real ones, with balls to the k-th nearest neighbour (itself not counted). real: [N, D], fake: [M, D], more than k rows each. edge: a point at just the radius is inside (improved precision and recall), else it is not (prdc). Result: [4], float64. Exact: every distance is the float64 sum of squared differences. Kynkäänniemi et al. 2019; Naeem et al. 2020.
---
--- No gradient: a metric
---
--- ```lua
--- va.prdc(randn(20, 3), randn(30, 3))
--- ```
---@param real vaelua.Tensor
---@param fake vaelua.Tensor
---@param options? vaelua.va.prdc.options
---@return vaelua.Tensor
function va.prdc(real, fake, options) end

--- va.precision "tf32": how matrix products and convolutions multiply from now on, float32, tf32 or bf16; sums are float32 always. Without a name: what holds now. An error where the device cannot: the CPU has float32 and bf16. There bf16 is faster with AMX alone, elsewhere operands are rounded and no more; convolutions of up to four channels and tiny products stay float32.
---@param name? "float32"|"tf32"|"bf16"
---@return string
function va.precision(name) end

---@class vaelua.va.prod.options
---@field keep? boolean default false

--- Product of x over axes.
---
--- ```lua
--- va.prod(rand_in(0.5, 1.5, 4, 5))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.prod.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.prod.options): vaelua.Tensor
function va.prod(x, axis, options) end

--- va.profile(f, ...): calls f(...), prints a table of the kernels that it ran by op (calls, milliseconds, share, GFLOP/s, GB/s, share of the machine's peak) and gives its rows. Loops run call by call meanwhile.
---@param f function
---@param ... any
---@return any
function va.profile(f, ...) end

--- The fields of the protocol: those of the network, the preset's name, and what else is given.
---@param name string
---@param p function
function va.protocol(name, p) end

---@class vaelua.va.psnr.options
---@field range? number default 1

--- Peak signal-to-noise ratio 10 log10(range^2 / mean squared difference) of each pair of pictures, in decibels. x, y: [N, ...]. Result: [N]; infinite for equal pictures.
---
--- No gradient: a metric
---
--- ```lua
--- va.psnr(rand(3, 8, 8, 1), rand(3, 8, 8, 1))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.psnr.options
---@return vaelua.Tensor
function va.psnr(x, y, options) end

--- va.question(text, answers ...): a question that the report answers, by the name of a score, a table { score, model = } or { text = }.
---@param text string
---@param ... string|table
function va.question(text, ...) end

--- float32 numbers, uniform in [0, 1), with 24 bits (Philox 4x32-10, addressed by seed, model, step and call).
---
--- ```lua
--- va.rand(2, 3)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.rand(shape, ...) end

--- int32 numbers, uniform in low..high, both included.
---
--- ```lua
--- va.randint(1, 6, 10)
--- ```
---@param low integer
---@param high integer
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.randint(low, high, shape, ...) end

--- float32 standard normal numbers (Box-Muller over Philox 4x32-10).
---
--- ```lua
--- va.randn(2, 3)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.randn(shape, ...) end

--- int32 [n]: the numbers 1..n in random order.
---
--- ```lua
--- va.randperm(10)
--- ```
---@param n integer
---@return vaelua.Tensor
function va.randperm(n) end

--- va.read(path): npy, npz, safetensors, pth, png or jpeg, by the file's name.
---@param path string
---@return any
function va.read(path) end

---@class vaelua.va.realism.options
---@field k? integer default 5

--- Realism of each generated feature: the largest, over the balls of the real ones, of radius / (distance + 1e-5). real: [N, D], fake: [M, D], more than k rows each. Result: [M], float64; 1 and more: inside a ball. Kynkäänniemi et al. 2019.
---
--- No gradient: a metric
---
--- ```lua
--- va.realism(randn(20, 3), randn(7, 3))
--- ```
---@param real vaelua.Tensor
---@param fake vaelua.Tensor
---@param options? vaelua.va.realism.options
---@return vaelua.Tensor
function va.realism(real, fake, options) end

--- 1 / x. Result: the shape of x, float32.
---
--- ```lua
--- va.reciprocal(rand_in(0.4, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.reciprocal(x) end

--- va.reload(module): loads the module again, by its name or the path of its file, and rebuilds the models that it made, in place. The result has lists of layers, kept, new and lost, and prints itself. A script is not run again: the function that makes the model belongs into a module.
---@param name string
---@return any
function va.reload(name) end

--- the larger of x and 0. Result: the shape of x, float32.
---
--- ```lua
--- va.relu(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.relu(x) end

--- A draw from normal distributions through which gradients flow: mean + exp(logvar / 2) e with e from the unit normal (Kingma and Welling 2014). The numbers are addressed by stream, step and call.
---
--- ```lua
--- va.reparameterise(randn(4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function va.reparameterise(mean, logvar) end

---@class vaelua.va.report.options
---@field samplers? (vaelua.sampler|table|function)[] default {"prior"}
---@field count? integer default #test

--- va.report(model, data, protocols, { samplers={"prior"}, count=#test }), as va.evaluate, or without a word: the tables and pictures of all that was recorded.
---@param model? vaelua.Model|vaelua.Model[]
---@param data? vaelua.Data
---@param protocols? vaelua.protocol|(vaelua.protocol|table|function)[]
---@param options? vaelua.va.report.options
---@return table<any, table<string, vaelua.Score>>
function va.report(model, data, protocols, options) end

--- The elements of x, in their order, in another shape. One size may be -1: it is found from the others. A view where x is contiguous, else a copy.
---
--- ```lua
--- va.reshape(randn(4, 6), 3, -1)
--- ```
---@param x vaelua.Tensor
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.reshape(x, shape, ...) end

---@class vaelua.va.resize.options
---@field rule? string default half-pixel

--- Pictures in another size. x: [N, H, W, C]. Result: [N, h, w, C]. rule: "half-pixel", bilinear as PyTorch's interpolate; "antialias", the same with the triangle filter stretched where it shrinks (also Pillow's bilinear); "tf1", TensorFlow 1's bilinear, place i from i H / h; "pil-bicubic", Pillow's (a = -0.5, stretched, not clipped); "nearest".
---
--- ```lua
--- va.resize(randn(2, 4, 5, 3), 7, 3)
--- ```
---@param x vaelua.Tensor
---@param h integer
---@param w integer
---@param options? vaelua.va.resize.options
---@return vaelua.Tensor
function va.resize(x, h, w, options) end

--- the nearest whole number; halves to the even one. Result: the shape of x, float32.
---
--- ```lua
--- va.round(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.round(x) end

--- Row i of x without axis 1, as x[i]. A view.
---
--- ```lua
--- va.row(randn(6, 3), 2)
--- ```
---@param x vaelua.Tensor
---@param i integer
---@return vaelua.Tensor
function va.row(x, i) end

--- Rows i to j of x, both included (without j row i alone); axis 1 stays. Negative numbers count from the end. A view.
---
--- ```lua
--- va.rows(randn(6, 3), 2, 4)
--- ```
---@param x vaelua.Tensor
---@param i integer
---@param j? integer
---@return vaelua.Tensor
function va.rows(x, i, j) end

--- Sum over all axes but the first: [N, ...] -> [N].
---
--- ```lua
--- va.rowsum(randn(4, 3, 2))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.rowsum(x) end

--- 1 / sqrt(x). Result: the shape of x, float32.
---
--- ```lua
--- va.rsqrt(rand_in(0.2, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.rsqrt(x) end

--- va.sampler(spec, model, set): an object that is called as (n, y) and gives codes; its fields words and protocol say what it is, protocol.loglik how well it fits.
---@param spec vaelua.sampler|table|function
---@param model vaelua.Model
---@param set? vaelua.Set
---@return vaelua.Sampler
function va.sampler(spec, model, set) end

---@class vaelua.va.scatter.options
---@field labels? string[]
---@field x? string
---@field y? string

--- va.scatter([name], z, [y], { labels, x, y }): the points z [N, 2], or lists x and y; an int32 [N] behind them colours by class, and labels are the names of these.
---@param name string
---@param z number[]|vaelua.Tensor
---@param y number[]|vaelua.Tensor
---@param options? vaelua.va.scatter.options
---@overload fun(z: number[]|vaelua.Tensor, y: number[]|vaelua.Tensor, options?: vaelua.va.scatter.options)
---@overload fun(name: string, z: number[]|vaelua.Tensor, options?: vaelua.va.scatter.options)
---@overload fun(z: number[]|vaelua.Tensor, options?: vaelua.va.scatter.options)
function va.scatter(name, z, y, options) end

--- va.score: a number, a tensor of one number, or an average, which brings n, sd and its interval. extra besides: sd, spread (what the sd is over), noise (standard error over the pictures of one training), whole (a count), protocol.
---@param v number|vaelua.Tensor|vaelua.Average
---@param unit? string
---@param better? "higher"|"lower"
---@param extra? table
---@return vaelua.Score
function va.score(v, unit, better, extra) end

--- va.seed(s): sets the seed; models, loops and logs are counted anew.
---@param s integer
function va.seed(s) end

--- va.seeds(n): n seeds, from the one at hand on; logs, scores and files carry them.
---@param n integer
---@return fun(): integer
function va.seeds(n) end

---@class vaelua.va.set.options
---@field classes? string[]

--- va.set(x, [y], { classes })
---@param x vaelua.Tensor
---@param y? vaelua.Tensor
---@param given? vaelua.va.set.options
---@return vaelua.Set
function va.set(x, y, given) end

---@class vaelua.va.setup.options
---@field device? string
---@field threads? integer
---@field seed? integer
---@field data? string
---@field inception? string
---@field out? string
---@field quick? boolean
---@field progress? "auto"|"bar"|"plain"|"none"
---@field quiet? boolean
---@field verbose? boolean

--- va.setup { device, threads, seed, data, inception, out, quick, progress, quiet, verbose }: for stock interpreters; the program has options for it.
---@param settings vaelua.va.setup.options
function va.setup(settings) end

---@class vaelua.va.sgd.options
---@field lr? number default 1e-3
---@field momentum? number default 0
---@field decay? number default 0
---@field clip? number default 0

--- Gradient descent; with momentum m = momentum m + g, p = p - lr m (Sutskever et al. 2013, as in PyTorch).
---
--- ```lua
--- va.sgd(model, { lr = 0.1, momentum = 0.9 })
--- ```
---@param what vaelua.Model|vaelua.Chain|vaelua.Tensor|table
---@param options? vaelua.va.sgd.options
---@return vaelua.Optimiser
function va.sgd(what, options) end

---@class vaelua.va.show.options
---@field rows? integer
---@field columns? integer
---@field labels? string[]

--- va.show([name], x ..., { rows, columns, labels })
---@param ... string|vaelua.Tensor|vaelua.va.show.options
function va.show(...) end

--- 1 / (1 + exp(-x)). Result: the shape of x, float32.
---
--- ```lua
--- va.sigmoid(rand_in(-4, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.sigmoid(x) end

--- -1, 0 or 1, as x is below, at or above 0. Result: the shape of x, float32.
---
--- ```lua
--- va.sign(away(0, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.sign(x) end

--- How well each row lies in its class: (b - a) / max(a, b), where a is its mean distance to the others of the class and b that to the nearest other class; 0 for a row alone in its class. Over all pairs. x: [N, D]; y: int32 [N], at least 2 classes. Result: [N], float64, in -1..1. Rousseeuw 1987.
---
--- No gradient: a metric
---
--- ```lua
--- va.silhouette(randn(20, 3), randint(1, 2, 20))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@return vaelua.Tensor
function va.silhouette(x, y) end

--- x * sigmoid(x) (Elfwing et al. 2018). Result: the shape of x, float32.
---
--- ```lua
--- va.silu(rand_in(-5, 5, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.silu(x) end

--- sine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---
--- ```lua
--- va.sin(rand_in(-6, 6, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.sin(x) end

--- va.slerp(a, b, n): the same on the arc between them (Shoemake 1985): where codes lie on a sphere, as normal ones of many dimensions nearly do, the straight line would leave it.
---@param a vaelua.Tensor
---@param b vaelua.Tensor
---@param n integer
---@return vaelua.Tensor
function va.slerp(a, b, n) end

--- Places i to j of an axis, both included; negative ones count from the end. A view.
---
--- ```lua
--- va.slice(randn(3, 6), 2, 2, 4)
--- ```
---@param x vaelua.Tensor
---@param axis integer
---@param i integer
---@param j integer
---@return vaelua.Tensor
function va.slice(x, axis, i, j) end

--- exp(x) over its sum along one axis. Result: the shape of x.
---
--- ```lua
--- va.softmax(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.softmax(x, axis) end

--- log(1 + exp(x)), without overflow. Result: the shape of x, float32.
---
--- ```lua
--- va.softplus(rand_in(-8, 8, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.softplus(x) end

--- The y with x y = b for a regular matrix x [n, n] and b [n] or [n, k].
---
--- ```lua
--- va.solve(spd(4), randn(4, 2))
--- ```
---@param x vaelua.Tensor
---@param b vaelua.Tensor
---@return vaelua.Tensor
function va.solve(x, b) end

---@class vaelua.va.sort.options
---@field descending? boolean default false

--- x:sort(axis=-1, { descending = false }): sorted values and where they stood (int32, from 1).
---@param x vaelua.Tensor
---@param a? integer
---@param options? vaelua.va.sort.options
---@return vaelua.Tensor, vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.sort.options): vaelua.Tensor, vaelua.Tensor
function va.sort(x, a, options) end

--- x:split(n, axis=-1): n equal parts, or parts of the sizes in a list; several results, all views.
---@param x vaelua.Tensor
---@param parts integer|integer[]
---@param a? integer
---@return vaelua.Tensor ...
function va.split(x, parts, a) end

--- Squared Euclidean distances between the rows of a [N, D] and b [M, D]: [N, M]. Exact for near rows: differences are squared, not products subtracted.
---
--- ```lua
--- va.sqdist(randn(4, 7), randn(3, 7))
--- ```
---@param a vaelua.Tensor
---@param b vaelua.Tensor
---@return vaelua.Tensor
function va.sqdist(a, b) end

--- square root; NaN below 0. Result: the shape of x, float32.
---
--- ```lua
--- va.sqrt(rand_in(0.1, 4, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.sqrt(x) end

--- x times x. Result: the shape of x, float32.
---
--- ```lua
--- va.square(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.square(x) end

--- Squared error, summed over all axes but the first: [N].
---
--- ```lua
--- va.squared(randn(4, 7), randn(4, 7))
--- ```
---@param y vaelua.Tensor|number
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function va.squared(y, x) end

--- x without an axis of size 1. A view.
---
--- ```lua
--- va.squeeze(randn(3, 1))
--- ```
---@param x vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.squeeze(x, axis) end

---@class vaelua.va.ssim.options
---@field range? number default 1
---@field crop? boolean default false

--- Structural similarity of each pair of pictures: Gaussian window of sigma 1.5 and 11 taps, k1 = 0.01, k2 = 0.03, reflected border. x, y: [N, H, W, C], H and W at least 6 (with crop 11). The border stays in the mean, as in torchmetrics since 1.4.2; with crop it does not, as up to 1.4.1. Result: [N], at most 1. Wang et al. 2004.
---
--- No gradient: a metric
---
--- ```lua
--- va.ssim(rand(2, 9, 12, 1), rand(2, 9, 12, 1))
--- ```
---@param x vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.ssim.options
---@return vaelua.Tensor
function va.ssim(x, y, options) end

--- The tensors of a list, all of one shape and dtype, along a new axis; axis is its place in the result.
---
--- ```lua
--- va.stack({ randn(3), randn(3) })
--- ```
---@param x vaelua.Tensor[]
---@param axis? integer default 1
---@return vaelua.Tensor
function va.stack(x, axis) end

--- va.state: the table is saved and restored with the loops that follow.
---@param t table<string, any>
---@return table
function va.state(t) end

---@class vaelua.va.std.options
---@field keep? boolean default false

--- Standard deviation of x over axes: the root of var.
---
--- ```lua
--- va.std(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.std.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.std.options): vaelua.Tensor
function va.std(x, axis, options) end

--- va.step(pairs ...), each { optimiser, loss }: all gradients first, then all updates.
---@param ... any[]
function va.step(...) end

--- va.steps(n): a training loop without data; gives 1 .. n.
---@param n integer
---@return fun(): integer
function va.steps(n) end

--- a - b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.sub(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.sub(a, b) end

---@class vaelua.va.sum.options
---@field keep? boolean default false

--- Sum of x over an axis, a list of axes, or all. keep: axes of size 1 stay. Accumulated in float64. Result: float32, or float64 where x is.
---
--- ```lua
--- va.sum(randn(4, 7))
--- ```
---@param x vaelua.Tensor
---@param axis? integer|integer[]
---@param options? vaelua.va.sum.options
---@return vaelua.Tensor
---@overload fun(x: vaelua.Tensor, options: vaelua.va.sum.options): vaelua.Tensor
function va.sum(x, axis, options) end

--- Singular values of a matrix [n, m], descending: [min(n, m)].
---
--- ```lua
--- va.svdvals(randn(4, 3))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.svdvals(x) end

--- Elements of x along an axis, at the int32 places of index, which has the sizes of x but for that axis, and so has the result: what argsort returns sorts x.
---
--- ```lua
--- va.take_along(randn(2, 5), reshape(labels(6, 5), 2, 3))
--- ```
---@param x vaelua.Tensor
---@param index vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function va.take_along(x, index, axis) end

--- A batch: rows of x [N, ...] (uint8 or float32) by int32 indices [M] from 1, times scale, as float32 [M, ...].
---
--- No gradient: it reads data (use pick, which has one)
---
--- ```lua
--- va.take_scaled(as(rand_in(0, 255, 6, 4), "uint8"), labels(3, 6), 1 / 255)
--- ```
---@param x vaelua.Tensor
---@param index vaelua.Tensor
---@param scale? number default 1
---@return vaelua.Tensor
function va.take_scaled(x, index, scale) end

--- hyperbolic tangent. Result: the shape of x, float32.
---
--- ```lua
--- va.tanh(rand_in(-3, 3, 4, 7))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.tanh(x) end

--- va.tensor(v, [dtype]): a nested list or a number as a tensor; float32, int32, uint8 or float64.
---@param v any
---@param dtype? vaelua.dtype
---@return vaelua.Tensor
function va.tensor(v, dtype) end

--- k copies of the batch one behind the other: [N, ...] -> [k N, ...]. Undo with reshape(k, -1).
---
--- ```lua
--- va.tile(randn(2, 3), 3)
--- ```
---@param x vaelua.Tensor
---@param k integer
---@return vaelua.Tensor
function va.tile(x, k) end

--- x on a device: "cpu", "cuda", "cuda:1". A view if it lies there already.
---
--- ```lua
--- va.to(randn(3, 4), "cpu")
--- ```
---@param x vaelua.Tensor
---@param device string
---@return vaelua.Tensor
function va.to(x, device) end

--- va.top_kl(model, set, n): the n units with the largest mean KL to the prior over the set, the largest first: int32 [n].
---@param model vaelua.Model
---@param set vaelua.Set
---@param n integer
---@return vaelua.Tensor
function va.top_kl(model, set, n) end

--- x:topk(k, axis=-1): the k largest values, largest first, and where they stood.
---@param x vaelua.Tensor
---@param k integer
---@param a? integer
---@return vaelua.Tensor, vaelua.Tensor
function va.topk(x, k, a) end

--- Sum of the diagonal of a matrix [n, n].
---
--- ```lua
--- va.trace(randn(4, 4))
--- ```
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.trace(x) end

--- va.train(f, ...): f's results, recorded and with layers as in training. What it has recorded is forgotten when it returns, so gradients are taken inside of f.
---@param f function
---@param ... any
---@return any ...
function va.train(f, ...) end

--- x with two axes swapped. A view.
---
--- ```lua
--- va.transpose(randn(3, 5))
--- ```
---@param x vaelua.Tensor
---@param a? integer default 1
---@param b? integer default 2
---@return vaelua.Tensor
function va.transpose(x, a, b) end

---@class vaelua.va.traverse.options
---@field units? integer[]|vaelua.Tensor
---@field from? integer default -3
---@field to? integer default 3
---@field steps? integer default 11

--- va.traverse(model, z, { units, from=-3, to=3, steps=11 }): pictures of one code with one unit at a time going from `from` to `to`: [units * steps, ...].
---@param model vaelua.Model
---@param z vaelua.Tensor
---@param given? vaelua.va.traverse.options
---@return vaelua.Tensor
function va.traverse(model, z, given) end

---@class vaelua.va.tsne.options
---@field d? integer default 2
---@field perplexity? number
---@field theta? number
---@field steps? integer default 1000

--- Map of the rows of z in which neighbours stay together: t-SNE, started from the principal directions and the same for every run. z: [N, Z], N at least 3. d: 1, 2 or 3. perplexity: how many neighbours count (30, or (N - 1) / 3 if that is less). theta: 0 compares all pairs (up to 1,000 rows the default, at most 5,000), else cells of a tree stand for points that are far away (0.5, Barnes-Hut) and p has 3 perplexity + 1 neighbours a row. Distances in the map between clusters mean little. Result: [N, d]. van der Maaten and Hinton 2008; van der Maaten 2014.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne(randn(12, 3), { steps = 20 })
--- ```
---@param z vaelua.Tensor
---@param options? vaelua.va.tsne.options
---@return vaelua.Tensor
function va.tsne(z, options) end

---@class vaelua.va.tsne_gradient.options
---@field perplexity? number
---@field theta? number

--- The gradient of tsne_kl in y. z: [N, Z]; y: [N, 1..3]. perplexity, theta: as in tsne. Result: the shape of y, float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne_gradient(randn(12, 3), randn(12, 2))
--- ```
---@param z vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.tsne_gradient.options
---@return vaelua.Tensor
function va.tsne_gradient(z, y, options) end

---@class vaelua.va.tsne_kl.options
---@field perplexity? number
---@field theta? number

--- The KL divergence that t-SNE makes small, of a map y of the rows of z, in nats. z: [N, Z]; y: [N, 1..3]. perplexity, theta: as in tsne. Result: one float64 number.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne_kl(randn(12, 3), randn(12, 2))
--- ```
---@param z vaelua.Tensor
---@param y vaelua.Tensor
---@param options? vaelua.va.tsne_kl.options
---@return vaelua.Tensor
function va.tsne_kl(z, y, options) end

--- x with a new axis of size 1; axis is its place in the result (-1: the last). A view.
---
--- ```lua
--- va.unsqueeze(randn(3, 4), 2)
--- ```
---@param x vaelua.Tensor
---@param axis integer
---@return vaelua.Tensor
function va.unsqueeze(x, axis) end

--- Each pixel repeated k times in both directions (nearest neighbour). x: [N, H, W, C]. Result: [N, k H, k W, C].
---
--- ```lua
--- va.upsample(randn(2, 3, 2, 4), 2)
--- ```
---@param x vaelua.Tensor
---@param k integer
---@return vaelua.Tensor
function va.upsample(x, k) end

--- va.var(x): a tracked leaf with the values of x.
---@param x vaelua.Tensor
---@return vaelua.Tensor
function va.var(x) end

--- va.variance(model, x, n=32): variance by pixel of the pictures that n draws of the posterior of each x decode to: where the model is unsure. [N, ...], with n - 1.
---@param model vaelua.Model
---@param x vaelua.Tensor
---@param n? integer default 32
---@return vaelua.Tensor
function va.variance(model, x, n) end

--- a where mask is not 0, else b. Shapes by broadcasting.
---
--- ```lua
--- va.where(randn(4, 7):gt(0), randn(4, 7), randn(4, 7))
--- ```
---@param mask vaelua.Tensor
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function va.where(mask, a, b) end

--- va.write(path, what, [notes]): a tensor or a table of them, by the file's name.
---@param path string
---@param what vaelua.Tensor|table<string, vaelua.Tensor>
---@param notes? table<string, any>
function va.write(path, what, notes) end

--- float32 zeros of a shape; zeros() is one number.
---
--- ```lua
--- va.zeros(2, 3)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function va.zeros(shape, ...) end

---@class vaelua.nn
va.nn = {}

--- |x|; slope 0 at 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.abs() end

--- inverse tangent, in radians. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.atan() end

--- inverse of tanh; infinite at -1 and 1. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.atanh() end

---@class vaelua.nn.avgpool.options
---@field stride? integer
---@field pad? integer default 0

--- Mean of each k x k window; padding is not counted.
---
--- ```lua
--- nn.chain({ 4, 4, 2 }, { nn.avgpool(2) })(randn(2, 4, 4, 2))
--- ```
---@param k integer
---@param options? vaelua.nn.avgpool.options
---@return vaelua.Layer
function va.nn.avgpool(k, options) end

---@class vaelua.nn.batchnorm.options
---@field eps? number default 1e-5
---@field momentum? number default 0.1

--- Batch normalisation (Ioffe and Szegedy 2015): in training by the statistics of the batch, which running ones follow with weight momentum; elsewhere by these. The running ones are buffers.
---
--- ```lua
--- nn.chain({ 3, 3, 2 }, { nn.batchnorm })(randn(4, 3, 3, 2))
--- ```
---@param options? vaelua.nn.batchnorm.options
---@return vaelua.Layer
function va.nn.batchnorm(options) end

--- nn.buffer(tensor): a copy that is saved with its model but not trained.
---@param t vaelua.Tensor
---@return vaelua.Tensor
function va.nn.buffer(t) end

--- What is saved but not trained.
---@param m vaelua.Model
---@return any[]
function va.nn.buffers(m) end

--- the least whole number not below x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.ceil() end

--- nn.chain(input, list): layers one behind the other. input: a number, a shape, or a chain, whose output it is; sizes are inferred and checked here.
---@param input integer|integer[]
---@param list any[]
---@return vaelua.Chain
function va.nn.chain(input, list) end

--- log of the constant of the continuous Bernoulli with logit x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.continuous() end

---@class vaelua.nn.conv.options
---@field stride? integer default 1
---@field pad? integer
---@field bias? boolean default true
---@field groups? integer default 1

--- Convolution with square kernels; without pad a stride s divides the size by s. Weights [filters, kernel, kernel, channels], uniform within 1/sqrt(fan_in) as in PyTorch.
---
--- ```lua
--- nn.chain({ 6, 6, 2 }, { nn.conv(3, 3, { stride = 2 }) })(randn(2, 6, 6, 2))
--- ```
---@param filters integer
---@param kernel integer
---@param options? vaelua.nn.conv.options
---@return vaelua.Layer
function va.nn.conv(filters, kernel, options) end

--- cosine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.cos() end

---@class vaelua.nn.deconv.options
---@field stride? integer default 1
---@field pad? integer
---@field bias? boolean default true
---@field groups? integer default 1

--- Transposed convolution: the data gradient of a convolution. Without pad a stride s multiplies the size by s. Weights [channels, kernel, kernel, filters]; fan_in counts filters, as PyTorch does.
---
--- ```lua
--- nn.chain({ 3, 3, 4 }, { nn.deconv(2, 3, { stride = 2 }) })(randn(2, 3, 3, 4))
--- ```
---@param filters integer
---@param kernel integer
---@param options? vaelua.nn.deconv.options
---@return vaelua.Layer
function va.nn.deconv(filters, kernel, options) end

--- In training each element is 0 with probability p, else divided by 1 - p; elsewhere unchanged (Srivastava et al. 2014).
---
--- ```lua
--- nn.chain(4, { nn.dropout(0.2) })(randn(3, 4))
--- ```
---@param p? number default 0.5
---@return vaelua.Layer
function va.nn.dropout(p) end

--- x above 0, exp(x) - 1 below (Clevert et al. 2016). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.elu() end

--- Rows of a table by codes 1 .. codes (int32): input [N] gives [N, shape], [N, L] gives [N, L, shape]. The table is normal with deviation 1.
---
--- ```lua
--- nn.chain({}, { nn.embedding(10, 4) })(labels(5, 10))
--- ```
---@param codes integer
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Layer
function va.nn.embedding(codes, shape, ...) end

--- error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.erf() end

--- e to the x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.exp() end

--- exp(x) - 1, precise near 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.expm1() end

--- The living model of this seed with that name, or nil.
---@param name string
---@return vaelua.Model?
function va.nn.find(name) end

--- The row as one axis, in height, width, channel order.
---
--- ```lua
--- nn.chain({ 2, 3, 4 }, { nn.flatten })(randn(5, 2, 3, 4))
--- ```
---@return vaelua.Layer
function va.nn.flatten() end

--- the largest whole number not above x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.floor() end

--- nn.frozen(chain or model): the same with constant weights, behaving as in evaluation. Gradients still reach its input.
---@generic T
---@param what T
---@return T
function va.nn.frozen(what) end

--- x * P(a normal number < x), exact (Hendrycks and Gimpel 2016). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.gelu() end

---@class vaelua.nn.groupnorm.options
---@field eps? number default 1e-5

--- Group normalisation (Wu and He 2018): each row over groups of neighbouring channels; 1 group normalises the whole row.
---
--- ```lua
--- nn.chain({ 3, 3, 4 }, { nn.groupnorm(2) })(randn(2, 3, 3, 4))
--- ```
---@param groups integer
---@param options? vaelua.nn.groupnorm.options
---@return vaelua.Layer
function va.nn.groupnorm(groups, options) end

--- Is v a chain?
---@param v any
---@return boolean
function va.nn.is_chain(v) end

--- Is v a model?
---@param v any
---@return boolean
function va.nn.is_model(v) end

--- 1 where x is neither NaN nor infinite, else 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.isfinite() end

--- 1 where x is NaN, else 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.isnan() end

---@class vaelua.nn.layer.options
---@field name? string
---@field build? function
---@field forward? function

--- nn.layer { name, build, forward, ... }: a maker of layers written in Lua. build(self, shape, ...) makes what the layer needs (self.w = nn.param(...)) and returns the shape of its output; forward(self, x) returns y, or y and log det [N] of a flow step. Other fields are methods.
---@param spec vaelua.nn.layer.options
---@return fun(...): vaelua.Layer
function va.nn.layer(spec) end

---@class vaelua.nn.layernorm.options
---@field eps? number default 1e-5

--- Layer normalisation (Ba, Kiros and Hinton 2016) over the last axis: the channels of each place.
---
--- ```lua
--- nn.chain({ 2, 2, 5 }, { nn.layernorm })(randn(3, 2, 2, 5))
--- ```
---@param options? vaelua.nn.layernorm.options
---@return vaelua.Layer
function va.nn.layernorm(options) end

---@class vaelua.nn.linear.options
---@field bias? boolean default true

--- y = W x + b of the whole row, flattened in height, width, channel order, as a row of the given shape. Weights [outputs, inputs], uniform within 1/sqrt(inputs).
---
--- ```lua
--- nn.chain({ 4, 4, 2 }, { nn.linear(5) })(randn(3, 4, 4, 2))
--- ```
---@param shape integer|integer[]
---@param options? vaelua.nn.linear.options
---@return vaelua.Layer
function va.nn.linear(shape, options) end

--- natural logarithm; -inf at 0, NaN below. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.log() end

--- log(1 + x), precise near 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.log1p() end

--- log(x / (1 - x)), the inverse of sigmoid. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.logit() end

--- log(sigmoid(x)) = -softplus(-x). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.logsigmoid() end

--- x above 0, slope times x below (Maas, Hannun and Ng 2013).
---
--- ```lua
--- nn.chain(4, { nn.lrelu(0.2) })(randn(3, 4))
--- ```
---@param slope? number default 0.01
---@return vaelua.Layer
function va.nn.lrelu(slope) end

---@class vaelua.nn.maxpool.options
---@field stride? integer
---@field pad? integer default 0

--- Largest element of each k x k window.
---
--- ```lua
--- nn.chain({ 4, 4, 2 }, { nn.maxpool(2) })(randn(2, 4, 4, 2))
--- ```
---@param k integer
---@param options? vaelua.nn.maxpool.options
---@return vaelua.Layer
function va.nn.maxpool(k, options) end

--- nn.model(name, parts)
---@param name string
---@param parts table<string, any>
---@return vaelua.Model
function va.nn.model(name, parts) end

--- All living models of this seed, by name.
---@return vaelua.Model[]
function va.nn.models() end

--- Also of a frozen model.
---@param m vaelua.Model
---@return string
function va.nn.name_of(m) end

--- -x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.neg() end

--- A seed begins: names are counted anew.
function va.nn.new_seed() end

--- nn.param(tensor): a copy that optimisers train.
---@param t vaelua.Tensor
---@return vaelua.Tensor
function va.nn.param(t) end

--- Parameters of a model, chain or list, in order: { path, tensor } each.
---@param m vaelua.Model
---@return any[]
function va.nn.parameters(m) end

--- 1 / x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.reciprocal() end

--- the larger of x and 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.relu() end

--- nn.residual(list): x + f(x), with a 1x1 convolution (a linear layer for plain rows) where the shapes differ.
---@param list any[]
---@return vaelua.Layer
function va.nn.residual(list) end

--- the nearest whole number; halves to the even one. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.round() end

--- 1 / sqrt(x). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.rsqrt() end

--- 1 / (1 + exp(-x)). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.sigmoid() end

--- -1, 0 or 1, as x is below, at or above 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.sign() end

--- x * sigmoid(x) (Elfwing et al. 2018). Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.silu() end

--- sine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.sin() end

--- log(1 + exp(x)), without overflow. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.softplus() end

--- square root; NaN below 0. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.sqrt() end

--- x times x. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.square() end

--- hyperbolic tangent. Result: the shape of x, float32.
---@return vaelua.Layer
function va.nn.tanh() end

--- The function that sees what layers make from now on, or nil.
---@param f function
function va.nn.trace(f) end

--- Each pixel k x k times (nearest neighbour).
---
--- ```lua
--- nn.chain({ 2, 3, 2 }, { nn.upsample(2) })(randn(2, 2, 3, 2))
--- ```
---@param k integer
---@return vaelua.Layer
function va.nn.upsample(k) end

---@class vaelua.dist
va.dist = {}

--- dist.bernoulli(logits): independent Bernoulli variables; targets may lie between 0 and 1.
---@param logits vaelua.Tensor
---@return vaelua.Distribution
function va.dist.bernoulli(logits) end

--- dist.categorical(logits): classes 1..K over the last axis.
---@param logits vaelua.Tensor
---@return vaelua.Distribution
function va.dist.categorical(logits) end

--- dist.continuous_bernoulli(logits): values in 0..1 (Loaiza-Ganem and Cunningham 2019).
---@param logits vaelua.Tensor
---@return vaelua.Distribution
function va.dist.continuous_bernoulli(logits) end

--- dist.delta(z): a deterministic code; it has no density.
---@param z any
---@return vaelua.Distribution
function va.dist.delta(z) end

--- dist.flow(base, steps): draws of base through functions z -> z, log det [N].
---@param base vaelua.Distribution
---@param steps vaelua.Chain[]
---@return vaelua.Distribution
function va.dist.flow(base, steps) end

--- dist.joint { d, function(z1) -> d, ... }: the code is the list of draws.
---@param list any[]
---@return vaelua.Distribution
function va.dist.joint(list) end

--- dist.laplace(mean, logscale): independent Laplace distributions; numbers broadcast.
---@param mean vaelua.Tensor|number
---@param logscale vaelua.Tensor|number
---@return vaelua.Distribution
function va.dist.laplace(mean, logscale) end

--- dist.mixture(d, [logits]): the rows of d are the components; of equal weight without logits.
---@param d vaelua.Distribution
---@param logits? vaelua.Tensor
---@return vaelua.Distribution
function va.dist.mixture(d, logits) end

---@class vaelua.dist.normal
--- dist.normal(mean, logvar): independent normals; numbers broadcast. normal.unit(shape) is the unit normal; without a shape for kl and logp only.
---@overload fun(mean: vaelua.Tensor|number, logvar: vaelua.Tensor|number): vaelua.Distribution
va.dist.normal = {}

--- N(0, I): without a shape for kl and logp; with the shape of a row it also samples. normal.unit(sizes ...): the unit normal of rows of this shape; without one for kl and logp.
---@param ... integer|integer[]
---@return vaelua.Distribution
function va.dist.normal.unit(...) end

---@class vaelua.schedule
va.schedule = {}

---@class vaelua.schedule.control.options
---@field target? number|fun(t: number): number
---@field from? integer default 0
---@field to? integer default 1
---@field kp? number default 0.01
---@field ki? number default 0.0001
---@field start? number
---@field every? integer default 50

--- schedule.control { target, from=0, to=1, kp=0.01, ki=0.0001, start, every=50 }: a controller that holds the KL at a target (nats an image; a number or a function of t) by moving beta between from and to. Its numbers are saved with the loop.
---@param given? vaelua.schedule.control.options
---@return fun(t: number, kl?: any): number
function va.schedule.control(given) end

---@class vaelua.schedule.cyclic.options
---@field fraction? number default 0.5
---@field shape? "linear"|"sigmoid"|"cosine" default "linear"

--- schedule.cyclic(from, to, period, { fraction=0.5, shape="linear" }): cycles of `period` epochs, a ramp over the first `fraction` of each, then `to` (Fu et al. 2019, "Cyclical annealing schedule").
---@param from number
---@param to number
---@param period number
---@param given? vaelua.schedule.cyclic.options
---@return fun(t: number): number
function va.schedule.cyclic(from, to, period, given) end

---@class vaelua.schedule.ramp.options
---@field shape? "linear"|"sigmoid"|"cosine" default "linear"

--- schedule.ramp(from, to, epochs, { shape="linear" }): from one number to another over the first epochs; then it stays. shape: "linear", "sigmoid" or "cosine".
---@param from number
---@param to number
---@param epochs number
---@param given? vaelua.schedule.ramp.options
---@return fun(t: number): number
function va.schedule.ramp(from, to, epochs, given) end

---@class vaelua.augment
va.augment = {}

--- Each pixel becomes 1 with its grey value as probability, else 0, anew in every batch (dynamic binarisation; Salakhutdinov and Murray 2008).
---@param x vaelua.Tensor
---@param y? vaelua.Tensor
---@return vaelua.Tensor, vaelua.Tensor?
function va.augment.binarise(x, y) end

--- Each picture is mirrored, left to right, with probability 1/2.
---@param x vaelua.Tensor
---@param y? vaelua.Tensor
---@return vaelua.Tensor, vaelua.Tensor?
function va.augment.flip(x, y) end

--- reconstruct(model): each picture becomes, with probability 1/2, what the model decodes from a drawn code of it.
---@param model vaelua.Model
---@return function
function va.augment.reconstruct(model) end

--- sample(model, set, [sampler="gaussian"]): each picture becomes, with probability 1/2, a sample of its class: decoded from a code of a sampler that is fitted to the set's codes of that class, 20 drawn ones an image.
---@param model vaelua.Model
---@param set? vaelua.Set
---@param spec? vaelua.sampler|table|function
---@return function
function va.augment.sample(model, set, spec) end

--- Each picture is moved by up to 2 pixels either way, zeros come in; shift(k): by up to k.
---@param x vaelua.Tensor|integer
---@param y? vaelua.Tensor
---@return vaelua.Tensor, vaelua.Tensor?|function
function va.augment.shift(x, y) end

---@class vaelua.loss
va.loss = {}

--- Absolute error, summed over all axes but the first: [N].
---
--- ```lua
--- va.absolute(away(0, 4, 7), 0)
--- ```
---@param y vaelua.Tensor|number
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function va.loss.absolute(y, x) end

--- va.loss.kl_parts(q, z, n): index-code mutual information, total correlation and dimension-wise KL to N(0, I), each [N]; their sum is an estimate of the KL (beta-TCVAE, Chen et al. 2018). q: the normal posterior of the batch, z: a draw of it [N, d], n: images in the data set.
---@param q vaelua.Distribution
---@param z any
---@param n? integer
---@return vaelua.Tensor, vaelua.Tensor, vaelua.Tensor
function va.loss.kl_parts(q, z, n) end

---@class vaelua.loss.mmd.options
---@field kernel? "imq"|"rbf"|"polynomial"|function default "imq"

--- va.loss.mmd(z, p, { kernel="imq" }): squared maximum mean discrepancy between the codes z [N, d] and p, a distribution that is sampled N times or a tensor of samples; one number. The estimate without bias (Gretton et al. 2012), which can be below 0. kernel: "imq", "rbf", "polynomial" or a function of the squared distances [N, M] and d.
---@param z vaelua.Tensor
---@param p vaelua.Distribution|vaelua.Tensor
---@param given? vaelua.loss.mmd.options
---@return vaelua.Tensor
function va.loss.mmd(z, p, given) end

--- Squared error, summed over all axes but the first: [N].
---
--- ```lua
--- va.squared(randn(4, 7), randn(4, 7))
--- ```
---@param y vaelua.Tensor|number
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function va.loss.squared(y, x) end

---@class vaelua.stats
va.stats = {}

--- stats.agreement(list of raters, each question -> answer): { share, alpha (Krippendorff) }.
---@param ratings table<any, any>[]
---@return table
function va.stats.agreement(ratings) end

--- stats.bca(draws, value, jackknife, level = 0.95): the BCa interval of given draws: low, high.
---@param draws number[]
---@param value number
---@param jackknife number[]
---@param level? number default 0.95
---@return number?, number?
function va.stats.bca(draws, value, jackknife, level) end

--- The regularised incomplete beta function I_x(a, b); y is 1 - x where that is known better.
---@param x number
---@param a number
---@param b number
---@param y? number
---@return number
function va.stats.beta_below(x, a, b, y) end

--- The x where I_x(a, b) = p.
---@param p number
---@param a number
---@param b number
---@return number
function va.stats.beta_quantile(p, a, b) end

--- stats.binomial_test(k, n, p = 0.5): { k, n, share, p }, exact and two-sided.
---@param k integer
---@param n integer
---@param p? number default 0.5
---@return table
function va.stats.binomial_test(k, n, p) end

---@class vaelua.stats.bootstrap.options
---@field statistic? fun(list: number[]): number
---@field draws? integer default 10000
---@field level? number default 0.95
---@field seed? integer default 1

--- stats.bootstrap(list, { statistic, draws = 10000, level = 0.95, seed = 1 }): BCa interval of the mean or of a function of a list; the same bits always. { value, low, high }
---@param list number[]
---@param options? vaelua.stats.bootstrap.options
---@return table
function va.stats.bootstrap(list, options) end

--- stats.clopper_pearson(k, n, level = 0.95): the exact interval of a share, low and high.
---@param k integer
---@param n integer
---@param level? number default 0.95
---@return number?, number?
function va.stats.clopper_pearson(k, n, level) end

---@class vaelua.stats.cohen_d.options
---@field hedges? boolean default false

--- stats.cohen_d(a, b, { hedges = false }): d_z of pairs, mean over standard deviation of the differences.
---@param a number[]
---@param b? number[]
---@param options? vaelua.stats.cohen_d.options
---@return number?, string?
function va.stats.cohen_d(a, b, options) end

---@class vaelua.stats.compare.options
---@field better? "higher"|"lower"
---@field level? number default 0.95
---@field labels? string[] default { "VAE", "AE" }
---@field unit? string
---@field name? string
---@field alpha? number default 0.01

--- stats.compare(a, b, { better, level = 0.95, labels = { "VAE", "AE" }, unit, name, alpha = 0.01 }): all tests of two lists of scores of the same seeds, with a verdict in words.
---@param a number[]
---@param b number[]
---@param options? vaelua.stats.compare.options
---@return table
function va.stats.compare(a, b, options) end

--- P(F <= f) of the F distribution with d1 and d2 degrees of freedom.
---@param f number
---@param d1 number
---@param d2 number
---@return number
function va.stats.f_below(f, d1, d2) end

---@class vaelua.stats.family.options
---@field level? number

--- stats.family(list, { level }): Holm's correction over all comparisons of a list, and new verdicts.
---@param list table[]
---@param options? vaelua.stats.family.options
---@return table[]
function va.stats.family(list, options) end

--- half_interval(sd, n, level = 0.95): half the width of the interval of a mean of n numbers with this standard deviation, by Student's t; nil for fewer than two.
---@param sd number
---@param n integer
---@param level? number default 0.95
---@return number?
function va.stats.half_interval(sd, n, level) end

--- stats.holm(list of p): Holm's adjusted p, in the order given.
---@param list number[]
---@return number[]
function va.stats.holm(list) end

--- stats.kendall(a, b): Kendall's tau-b { tau, p, method }; exact up to 8 pairs, without ties up to 33.
---@param a number[]
---@param b number[]
---@return table
function va.stats.kendall(a, b) end

--- stats.least_pairs(alpha = 0.05, tests = 1): pairs (seeds) needed before the Wilcoxon, sign and permutation tests can say p < alpha at all, in a family of so many tests.
---@param alpha? number default 0.05
---@param tests? integer default 1
---@return integer
function va.stats.least_pairs(alpha, tests) end

--- log of the gamma function for x > 0.
---@param x number
---@return number
function va.stats.lgamma(x) end

---@param list number[]
---@return number
function va.stats.mean(list) end

--- P(Z <= z) of the standard normal distribution.
---@param z number
---@return number
function va.stats.normal_below(z) end

--- The z that is exceeded with probability 1 - p.
---@param p number
---@return number
function va.stats.normal_quantile(p) end

---@class vaelua.stats.permutation.options
---@field draws? integer default 10000
---@field seed? integer default 1

--- stats.permutation(a, b, { draws = 10000, seed = 1 }): the mean difference under changes of sign, all of them up to 30 pairs. { n, p, method }
---@param a number[]
---@param b? number[]
---@param options? vaelua.stats.permutation.options
---@return table
function va.stats.permutation(a, b, options) end

--- Ranks from 1; equal numbers share the mean of their ranks.
---@param list number[]
---@return number[]
function va.stats.ranks(list) end

--- Standard deviation with n - 1; nil for fewer than two numbers, which have none.
---@param list number[]
---@return number?
function va.stats.sd(list) end

--- stats.sign_test(a, b): the binomial test of how many differences are positive.
---@param a number[]
---@param b? number[]
---@return table
function va.stats.sign_test(a, b) end

--- stats.smallest_p(n): the smallest two-sided p of n pairs: { wilcoxon, sign, permutation }.
---@param n integer
---@return table
function va.stats.smallest_p(n) end

--- stats.spearman(a, b): rank correlation { rho, p, method }; exact up to 8 pairs.
---@param a number[]
---@param b number[]
---@return table
function va.stats.spearman(a, b) end

--- stats.t_below(t, df): P(T <= t) of Student's t. Beside it t_two_sided(t, df), t_quantile(p, df), normal_below(z), normal_quantile(p), f_below(f, d1, d2), beta_below(x, a, b), beta_quantile(p, a, b), lgamma(x).
---@param t number
---@param df number
---@return number
function va.stats.t_below(t, df) end

--- The t that is exceeded with probability 1 - p.
---@param p number
---@param df number
---@return number
function va.stats.t_quantile(p, df) end

---@class vaelua.stats.t_test.options
---@field level? number default 0.95

--- stats.t_test(a, b, { level = 0.95 }): paired t test; a alone is a list of differences. { n, mean_difference, sd, t, df, p, low, high }, or a reason in place of p.
---@param a number[]
---@param b? number[]
---@param options? vaelua.stats.t_test.options
---@return table
function va.stats.t_test(a, b, options) end

--- P(|T| >= |t|) of Student's t with df degrees of freedom: the two-sided p.
---@param t number
---@param df number
---@return number
function va.stats.t_two_sided(t, df) end

---@class vaelua.stats.wilcoxon.options
---@field continuity? boolean default true
---@field exact? boolean

--- stats.wilcoxon(a, b, { continuity = true, exact }): signed-rank test of pairs, exact up to 50 differences (equal ones share ranks), pairs of difference 0 left out. { n, w, p, method }
---@param a number[]
---@param b? number[]
---@param options? vaelua.stats.wilcoxon.options
---@return table
function va.stats.wilcoxon(a, b, options) end

--- stats.wilson(k, n, level = 0.95): the interval of a share, low and high.
---@param k integer
---@param n integer
---@param level? number default 0.95
---@return number?, number?
function va.stats.wilson(k, n, level) end

---@class vaelua.nn.init
va.nn.init = {}

--- The same value everywhere.
---@generic T
---@param what T
---@param value number
---@return T
function va.nn.init.constant(what, value) end

--- Kaiming He (2015): normal with variance gain^2 / fan_in; gain sqrt(2) suits ReLU.
---@generic T
---@param what T
---@param gain? number
---@return T
function va.nn.init.kaiming(what, gain) end

--- Normal with mean 0 and the given standard deviation.
---@generic T
---@param what T
---@param deviation? number
---@return T
function va.nn.init.normal(what, deviation) end

--- Saxe et al. (2014): orthonormal rows or columns, times gain.
---@generic T
---@param what T
---@param gain? number
---@return T
function va.nn.init.orthogonal(what, gain) end

--- Uniform in [-limit, limit].
---@generic T
---@param what T
---@param limit? number
---@return T
function va.nn.init.uniform(what, limit) end

--- Glorot and Bengio (2010): uniform with variance 2 gain^2 / (fan_in + fan_out).
---@generic T
---@param what T
---@param gain? number
---@return T
function va.nn.init.xavier(what, gain) end

--- Zeros.
---@generic T
---@param what T
---@return T
function va.nn.init.zeros(what) end

--- |x|; slope 0 at 0. Result: the shape of x, float32.
---
--- ```lua
--- va.abs(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:abs() end

--- Absolute error, summed over all axes but the first: [N].
---
--- ```lua
--- va.absolute(away(0, 4, 7), 0)
--- ```
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:absolute(x) end

---@class vaelua.Tensor.active_units.options
---@field delta? number default 0.01

--- Number of active units: those whose posterior mean has a variance (n - 1) of at least delta over the data. means: [N, Z], N at least 2. Result: one int32 number. Burda, Grosse and Salakhutdinov 2016.
---
--- No gradient: a metric
---
--- ```lua
--- va.active_units(randn(50, 4))
--- ```
---@param options? vaelua.Tensor.active_units.options
---@return vaelua.Tensor
function Tensor:active_units(options) end

--- a + b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.add(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:add(b) end

--- int32 from, from + step, ... up to and with to, as in Lua's for.
---
--- ```lua
--- va.arange(1, 5)
--- ```
---@param to integer
---@param step? integer default 1
---@return vaelua.Tensor
function Tensor:arange(to, step) end

--- Where the largest element along an axis stands, from 1: int32 without that axis. The first of equals.
---
--- ```lua
--- va.argmax(randn(4, 7))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:argmax(axis) end

--- Where the smallest element along an axis stands, from 1: int32 without that axis. The first of equals.
---
--- ```lua
--- va.argmin(randn(4, 7))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:argmin(axis) end

---@class vaelua.Tensor.argsort.options
---@field descending? boolean default false

--- The order that sorts x along an axis: int32 places from 1, in the shape of x. Stable; NaN comes last. Compared as float32.
---
--- ```lua
--- va.argsort(randn(4, 7))
--- ```
---@param axis? integer default -1
---@param options? vaelua.Tensor.argsort.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.argsort.options): vaelua.Tensor
function Tensor:argsort(axis, options) end

--- Adjusted Rand index of two labellings of the same rows: the share of pairs on which they agree, 0 by chance and 1 if they are the same partition. a, b: int32 [N], from 1. Result: one float64 number. Hubert and Arabie 1985.
---
--- No gradient: a metric
---
--- ```lua
--- va.ari(randint(1, 3, 20), randint(1, 4, 20))
--- ```
---@param b vaelua.Tensor
---@return vaelua.Tensor
function Tensor:ari(b) end

--- x as "float32", "int32", "uint8" or "float64" (on the host only). From float to integer: towards zero. Gradients flow through float32 alone.
---
--- ```lua
--- va.as(arange(1, 5), "float32")
--- ```
---@param dtype vaelua.dtype
---@return vaelua.Tensor
function Tensor:as(dtype) end

--- x:at(i ...): one number, by its place on each axis; waits for the device.
---@param ... integer
---@return number
function Tensor:at(...) end

--- inverse tangent, in radians. Result: the shape of x, float32.
---
--- ```lua
--- va.atan(rand_in(-4, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:atan() end

--- angle of the point (b, a) in radians, from -pi to pi. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.atan2(rand_in(-3, 3, 4, 7), rand_in(0.5, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:atan2(b) end

--- inverse of tanh; infinite at -1 and 1. Result: the shape of x, float32.
---
--- ```lua
--- va.atanh(rand_in(-0.8, 0.8, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:atanh() end

---@class vaelua.Tensor.avgpool.options
---@field stride? integer
---@field pad? integer default 0

--- Mean of each k x k window; padding is not counted. x: [N, H, W, C]. stride: k if it is not given.
---
--- ```lua
--- va.avgpool(randn(2, 6, 4, 3), 2)
--- ```
---@param k integer
---@param options? vaelua.Tensor.avgpool.options
---@return vaelua.Tensor
function Tensor:avgpool(k, options) end

--- Statistics of each channel of x [N, ..., C] over all the rest, [3, C]: mean, variance (divided by n), variance (by n - 1; 0 for a single number). Without gradient, for running statistics.
---
--- ```lua
--- va.batch_stats(randn(4, 3, 3, 5))
--- ```
---@return vaelua.Tensor
function Tensor:batch_stats() end

---@class vaelua.Tensor.batchnorm_eval.options
---@field eps? number default 1e-5

--- Batch normalisation by given statistics: (x - mean) / sqrt(var + eps) gain + bias, all [C] but x [N, ..., C].
---
--- ```lua
--- va.batchnorm_eval(randn(4, 3), randn(3), rand_in(0.5, 2, 3), randn(3), randn(3))
--- ```
---@param mean vaelua.Tensor
---@param var vaelua.Tensor
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.Tensor.batchnorm_eval.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, mean: vaelua.Tensor, var: vaelua.Tensor, options: vaelua.Tensor.batchnorm_eval.options): vaelua.Tensor
function Tensor:batchnorm_eval(mean, var, gain, bias, options) end

---@class vaelua.Tensor.batchnorm_train.options
---@field eps? number default 1e-5

--- Batch normalisation (Ioffe and Szegedy 2015) by the statistics of the batch itself, through which gradients flow: each channel of x [N, ..., C] to mean 0 and variance 1, then times gain [C] plus bias [C]. stats: batch_stats(x), where the caller has it already.
---
--- ```lua
--- va.batchnorm_train(randn(8, 3), randn(3), randn(3))
--- ```
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param stats? vaelua.Tensor
---@param options? vaelua.Tensor.batchnorm_train.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.batchnorm_train.options): vaelua.Tensor
function Tensor:batchnorm_train(gain, bias, stats, options) end

--- Cross-entropy of x (0 to 1) against the Bernoulli distribution with these logits, in nats, summed over all axes but the first: [N]. For greys it is the usual loss, but not a likelihood.
---
--- ```lua
--- va.bce_logits(randn(4, 7), rand(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:bce_logits(x) end

--- Log-probability of x under Bernoulli distributions with these logits, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.bernoulli_logp(rand(4, 7), randn(4, 7))
--- ```
---@param logit vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:bernoulli_logp(logit) end

--- Draws of 0 and 1 with probability sigmoid(logits) of a 1, as float32. A constant: no gradient flows through it.
---
--- ```lua
--- va.bernoulli_sample(randn(4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:bernoulli_sample() end

--- The tensors of a list joined along an axis; their other sizes and dtypes agree. Features join at the end (axis -1), batches along axis 1.
---
--- ```lua
--- va.cat({ randn(2, 3), randn(2, 4) })
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:cat(axis) end

--- Log-probability of the classes y (int32, 1..K) under the softmax of logits [N, ..., K], summed over all axes but the first: [N].
---
--- ```lua
--- va.categorical_logp(randn(5, 3), labels(5, 3))
--- ```
---@param y vaelua.Tensor
---@return vaelua.Tensor
function Tensor:categorical_logp(y) end

--- Draws of classes 1..K from the softmax of logits [..., K]: int32 [...]. A constant: no gradient flows through it.
---
--- ```lua
--- va.categorical_sample(randn(5, 3))
--- ```
---@return vaelua.Tensor
function Tensor:categorical_sample() end

--- the least whole number not below x. Result: the shape of x, float32.
---
--- ```lua
--- va.ceil(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:ceil() end

--- The lower triangular L with x = L L' for a symmetric positive definite matrix [n, n]; of another matrix, for (x + x') / 2.
---
--- ```lua
--- va.cholesky(spd(4))
--- ```
---@return vaelua.Tensor
function Tensor:cholesky() end

--- Element y[i] of each row i: x [N, K], y int32 [N] in 1..K, result [N]; with more axes the last one is chosen from. (torch: gather.)
---
--- ```lua
--- va.choose(randn(5, 3), labels(5, 3))
--- ```
---@param y vaelua.Tensor
---@return vaelua.Tensor
function Tensor:choose(y) end

--- x, but not below low and not above high.
---
--- ```lua
--- va.clamp(away(0, 4, 7), -0.05, 5)
--- ```
---@param low number
---@param high? number
---@return vaelua.Tensor
function Tensor:clamp(low, high) end

--- x with its elements in order in memory: a view, or a copy where they are not. Changes no value.
---
--- ```lua
--- va.contiguous(randn(3, 4):transpose())
--- ```
---@return vaelua.Tensor
function Tensor:contiguous() end

--- log of the constant of the continuous Bernoulli with logit x. Result: the shape of x, float32.
---
--- ```lua
--- va.continuous(rand_in(-4, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:continuous() end

--- Log-density of x in [0, 1] under continuous Bernoulli distributions (Loaiza-Ganem and Cunningham 2019) with these logits, summed over all axes but the first: [N].
---
--- ```lua
--- va.continuous_bernoulli_logp(rand(4, 7), randn(4, 7))
--- ```
---@param logit vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:continuous_bernoulli_logp(logit) end

---@class vaelua.Tensor.conv.options
---@field stride? integer default 1
---@field pad? integer
---@field groups? integer default 1
---@field act? string default none

--- Convolution of pictures (cross-correlation). x: [N, H, W, C]; w: [K, KH, KW, C / groups]; b: [K]. Result: [N, H / stride, W / stride, K], rounded up: (KH - 1) / 2 rows and (KW - 1) / 2 columns of 0 lie before it, what is missing behind; with a pad as in PyTorch: (H + 2 pad - KH) / stride + 1, rounded down. act: "none" or "relu".
---
--- ```lua
--- va.conv(randn(2, 7, 6, 3), randn(4, 3, 3, 3), randn(4), { stride = 2 })
--- ```
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.Tensor.conv.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.Tensor.conv.options): vaelua.Tensor
function Tensor:conv(w, b, options) end

--- cosine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---
--- ```lua
--- va.cos(rand_in(-6, 6, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:cos() end

--- Covariance matrix of the rows of x, divided by n - 1. x: [N, D]. Result: [D, D], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.covariance(randn(10, 3))
--- ```
---@return vaelua.Tensor
function Tensor:covariance() end

--- Rank of a covariance: how many of its eigenvalues are above D 2.2e-16 times the largest. s: [D, D], symmetric. Result: one int32 number.
---
--- No gradient: a metric
---
--- ```lua
--- va.covariance_rank(covariance(randn(4, 6)))
--- ```
---@return vaelua.Tensor
function Tensor:covariance_rank() end

--- Running sum of x along one axis. Result: the shape of x.
---
--- ```lua
--- va.cumsum(randn(4, 7))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:cumsum(axis) end

---@class vaelua.Tensor.deconv.options
---@field stride? integer default 1
---@field pad? integer
---@field groups? integer default 1
---@field act? string default none

--- Transposed convolution: the data gradient of conv, whose weight it takes. x: [N, H, W, C]; w: [C, KH, KW, K / groups]; b: [K]. Result: [N, H stride, W stride, K]; with a pad, where less than stride rows are missing for that, else [N, (H - 1) stride + KH - 2 pad, ..., K]. act: "none" or "relu".
---
--- ```lua
--- va.deconv(randn(2, 4, 3, 5), randn(5, 3, 3, 2), randn(2), { stride = 2 })
--- ```
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.Tensor.deconv.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.Tensor.deconv.options): vaelua.Tensor
function Tensor:deconv(w, b, options) end

--- The value of x without its history: no gradient flows through it. A view.
---
--- ```lua
--- va.detach(randn(3, 4))
--- ```
---@return vaelua.Tensor
function Tensor:detach() end

--- The diagonal of a matrix. A view.
---
--- ```lua
--- va.diag(randn(4, 4))
--- ```
---@return vaelua.Tensor
function Tensor:diag() end

--- a / b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.div(rand_in(-3, 3, 4, 7), rand_in(0.5, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:div(b) end

--- x with each element set to 0 with probability p and the others divided by 1 - p (Srivastava et al., JMLR 2014).
---
--- ```lua
--- va.dropout(randn(4, 7), 0.3)
--- ```
---@param p? number default 0.5
---@return vaelua.Tensor
function Tensor:dropout(p) end

--- Eigenvalues of a symmetric matrix [n, n], ascending: [n]. Of another matrix, those of (x + x') / 2.
---
--- ```lua
--- va.eigvalsh(spd(4))
--- ```
---@return vaelua.Tensor
function Tensor:eigvalsh() end

--- Eigenvectors of a symmetric matrix [n, n] as columns, in the order of eigvalsh; the largest element of each is positive.
---
--- No gradient: it is not defined where eigenvalues are equal (eigvalsh has one)
---
--- ```lua
--- va.eigvecs(spd(4))
--- ```
---@return vaelua.Tensor
function Tensor:eigvecs() end

--- x above 0, exp(x) - 1 below (Clevert et al. 2016). Result: the shape of x, float32.
---
--- ```lua
--- va.elu(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:elu() end

--- Rows of a table w [K, ...] by int32 codes 1..K of any shape: [shape of index, shape of a row]. An error names a code out of range.
---
--- ```lua
--- va.embedding(randn(10, 4), labels(5, 10))
--- ```
---@param index vaelua.Tensor
---@return vaelua.Tensor
function Tensor:embedding(index) end

--- 1 where a = b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.eq(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:eq(b) end

--- error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. Result: the shape of x, float32.
---
--- ```lua
--- va.erf(rand_in(-2, 2, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:erf() end

--- e to the x. Result: the shape of x, float32.
---
--- ```lua
--- va.exp(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:exp() end

--- x stretched to a shape by the rule of broadcasting: axes of size 1 stretch; a smaller shape must equal the last axes. A view: nothing is copied.
---
--- ```lua
--- va.expand(randn(3, 1), 3, 5)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function Tensor:expand(shape, ...) end

--- exp(x) - 1, precise near 0. Result: the shape of x, float32.
---
--- ```lua
--- va.expm1(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:expm1() end

--- The float32 identity matrix [n, n].
---
--- ```lua
--- va.eye(3)
--- ```
---@return vaelua.Tensor
function Tensor:eye() end

--- [N, ...] as [N, rest]: each row one vector, in the order of its axes (height, width, channels).
---
--- ```lua
--- va.flatten(randn(2, 3, 4))
--- ```
---@return vaelua.Tensor
function Tensor:flatten() end

--- the largest whole number not above x. Result: the shape of x, float32.
---
--- ```lua
--- va.floor(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:floor() end

--- Fréchet distance between the normals with the means and covariances (n - 1) of two sets of features, squared: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)). x: [N, D], y: [M, D], at least 2 rows each. Result: one float64 number. With no more rows than features it is biased upwards. Dowson and Landau 1982.
---
--- No gradient: a metric
---
--- ```lua
--- va.frechet(randn(50, 4), randn(60, 4))
--- ```
---@param y vaelua.Tensor
---@return vaelua.Tensor
function Tensor:frechet(y) end

--- Fréchet distance as frechet has it, from means m1, m2: [D] and covariances s1, s2: [D, D], symmetric. Result: one float64 number. Always real and finite: eigenvalues of a covariance below D 2.2e-16 times its largest count as 0.
---
--- No gradient: a metric
---
--- ```lua
--- va.frechet_moments(randn(3), covariance(randn(9, 3)), randn(3), covariance(randn(9, 3)))
--- ```
---@param s1 vaelua.Tensor
---@param m2 vaelua.Tensor
---@param s2 vaelua.Tensor
---@return vaelua.Tensor
function Tensor:frechet_moments(s1, m2, s2) end

--- A tensor of a shape (a list) with the same value everywhere.
---
--- ```lua
--- va.full({ 2, 3 }, 0.5)
--- ```
---@param value number
---@param dtype? vaelua.dtype default float32
---@return vaelua.Tensor
function Tensor:full(value, dtype) end

--- 1 where a >= b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.ge(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:ge(b) end

--- x * P(a normal number < x), exact (Hendrycks and Gimpel 2016). Result: the shape of x, float32.
---
--- ```lua
--- va.gelu(rand_in(-4, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:gelu() end

---@class vaelua.Tensor.gmm.options
---@field steps? integer default 100
---@field tol? number default 1e-3
---@field floor? number default 1e-6

--- Mixture of normals with full covariances, fitted to the rows of x by expectation maximisation from a k-means++ start. x: [N, D]; u: [K] uniform random numbers, one a component. Stops when the mean log density gains less than tol, or after steps rounds; floor is added to the variances. Result: [K, 1 + D + D D], a component a row: weight, mean, lower Cholesky factor of the covariance.
---
--- No gradient: a metric
---
--- ```lua
--- va.gmm(randn(40, 2), rand(3))
--- ```
---@param u vaelua.Tensor
---@param options? vaelua.Tensor.gmm.options
---@return vaelua.Tensor
function Tensor:gmm(u, options) end

--- Log density of the rows of x under a mixture of normals, in nats. x: [N, D]; g: [K, 1 + D + D D] as gmm gives it. Result: [N], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.gmm_logp(randn(9, 2), gmm(randn(40, 2), rand(3)))
--- ```
---@param g vaelua.Tensor
---@return vaelua.Tensor
function Tensor:gmm_logp(g) end

---@class vaelua.Tensor.groupnorm.options
---@field eps? number default 1e-5

--- Group normalisation (Wu and He 2018): x [N, ..., C] to mean 0 and variance 1 over each of the groups of neighbouring channels of each row; then times gain [C] plus bias [C].
---
--- ```lua
--- va.groupnorm(randn(2, 3, 3, 4), 2, randn(4), randn(4))
--- ```
---@param groups integer
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.Tensor.groupnorm.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, groups: integer, options: vaelua.Tensor.groupnorm.options): vaelua.Tensor
function Tensor:groupnorm(groups, gain, bias, options) end

--- 1 where a > b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.gt(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:gt(b) end

---@class vaelua.Tensor.inception_score.options
---@field chunk? boolean default false

--- Inception Score of class scores: exp of the mean of KL(p(y|x) || p(y)) in each split. logits: [N, K], any order that does not sort the classes. Result: [2], float64: mean and standard deviation over the splits (population). Splits are rows s N / S to (s + 1) N / S, unshuffled; with chunk N / S rows rounded up, and the sample's standard deviation (NaN for one split). Salimans et al. 2016.
---
--- No gradient: a metric
---
--- ```lua
--- va.inception_score(randn(100, 10))
--- ```
---@param splits? integer default 10
---@param options? vaelua.Tensor.inception_score.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.inception_score.options): vaelua.Tensor
function Tensor:inception_score(splits, options) end

--- Inverse of a regular matrix [n, n].
---
--- ```lua
--- va.inverse(spd(4))
--- ```
---@return vaelua.Tensor
function Tensor:inverse() end

--- 1 where x is neither NaN nor infinite, else 0. Result: the shape of x, float32.
---
--- ```lua
--- va.isfinite(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:isfinite() end

--- 1 where x is NaN, else 0. Result: the shape of x, float32.
---
--- ```lua
--- va.isnan(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:isnan() end

--- x:item(): the number of a tensor that has one element; waits for the device.
---@return number
function Tensor:item() end

---@class vaelua.Tensor.kid.options
---@field subsets? integer default 100
---@field size? integer default 1000
---@field seed? integer default 2020

--- Kernel distance of two sets of features: mean over subsets of the unbiased squared maximum mean discrepancy with the kernel (x y / D + 1)^3, and the population standard deviation over subsets, which is not a standard error: subsets overlap. x: [N, D], y: [M, D], at least size rows each. Subsets are drawn without replacement by NumPy's RandomState(seed), as in torch-fidelity. Result: [2], float64; the mean may be below 0. Binkowski et al. 2018.
---
--- No gradient: a metric
---
--- ```lua
--- va.kid(randn(20, 4), randn(30, 4), { subsets = 3, size = 10 })
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.kid.options
---@return vaelua.Tensor
function Tensor:kid(y, options) end

---@class vaelua.Tensor.kmeans.options
---@field steps? integer default 300

--- Clusters of the rows of x by k-means from k-means++ starts. x: [N, D]; u: [starts, K] uniform random numbers: the start that ends with the smallest squared distances to the means is taken. steps: at most so many rounds. Result: int32 [N], clusters 1..K. Lloyd 1982; Arthur and Vassilvitskii 2007.
---
--- No gradient: a metric
---
--- ```lua
--- va.kmeans(randn(40, 2), rand(2, 3))
--- ```
---@param u vaelua.Tensor
---@param options? vaelua.Tensor.kmeans.options
---@return vaelua.Tensor
function Tensor:kmeans(u, options) end

--- Log-density of x under Laplace distributions, summed over all axes but the first: [N].
---
--- ```lua
--- va.laplace_logp(rand_in(2, 3, 4, 7), rand_in(0, 1, 4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logscale vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:laplace_logp(mean, logscale) end

---@class vaelua.Tensor.layernorm.options
---@field axes? integer default 1
---@field eps? number default 1e-5

--- Layer normalisation (Ba, Kiros and Hinton 2016): x to mean 0 and variance 1 over its last axes (how many: axes), each place of the others apart; then times gain plus bias, of the shape of those axes.
---
--- ```lua
--- va.layernorm(randn(4, 7), randn(7), randn(7))
--- ```
---@param gain? vaelua.Tensor
---@param bias? vaelua.Tensor
---@param options? vaelua.Tensor.layernorm.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.layernorm.options): vaelua.Tensor
function Tensor:layernorm(gain, bias, options) end

--- 1 where a <= b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.le(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:le(b) end

---@class vaelua.Tensor.legacy_permutation.options
---@field seed? integer default 2020

--- The permutation that NumPy's RandomState(seed).permutation(n) makes, plus 1: int32 [N], for scores that are defined by it.
---
--- No gradient: random numbers
---
--- ```lua
--- va.legacy_permutation(10)
--- ```
---@param options? vaelua.Tensor.legacy_permutation.options
---@return vaelua.Tensor
function Tensor:legacy_permutation(options) end

--- p:lerp(v, weight): p + weight (v - p), in place, off the tape.
---@param v vaelua.Tensor
---@param weight vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:lerp(v, weight) end

---@class vaelua.Tensor.linear.options
---@field act? string default none

--- x w' + b for each row of x, flattened. x: [N, ...] with K numbers a row; w: [M, K]; b: [M]. Result: [N, M]. act: "none" or "relu", applied to the result.
---
--- ```lua
--- va.linear(randn(3, 4), randn(5, 4), randn(5))
--- ```
---@param w vaelua.Tensor
---@param b? vaelua.Tensor
---@param options? vaelua.Tensor.linear.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, w: vaelua.Tensor, options: vaelua.Tensor.linear.options): vaelua.Tensor
function Tensor:linear(w, b, options) end

--- n float32 numbers at equal distances, both ends included.
---
--- ```lua
--- va.linspace(0, 1, 5)
--- ```
---@param to number
---@param n integer
---@return vaelua.Tensor
function Tensor:linspace(to, n) end

--- natural logarithm; -inf at 0, NaN below. Result: the shape of x, float32.
---
--- ```lua
--- va.log(rand_in(0.2, 5, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:log() end

--- log(1 + x), precise near 0. Result: the shape of x, float32.
---
--- ```lua
--- va.log1p(rand_in(-0.7, 5, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:log1p() end

--- Logarithm of the absolute determinant of a matrix [n, n]; -inf where it is singular.
---
--- ```lua
--- va.logdet(spd(4))
--- ```
---@return vaelua.Tensor
function Tensor:logdet() end

--- log(x / (1 - x)), the inverse of sigmoid. Result: the shape of x, float32.
---
--- ```lua
--- va.logit(rand_in(0.1, 0.9, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:logit() end

--- log(sigmoid(x)) = -softplus(-x). Result: the shape of x, float32.
---
--- ```lua
--- va.logsigmoid(rand_in(-8, 8, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:logsigmoid() end

--- Log of the softmax of x over one axis. Result: the shape of x.
---
--- ```lua
--- va.logsoftmax(randn(4, 7))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:logsoftmax(axis) end

---@class vaelua.Tensor.logsumexp.options
---@field keep? boolean default false

--- log of the sum of exp(x) over axes, without overflow.
---
--- ```lua
--- va.logsumexp(randn(4, 7), 2)
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.logsumexp.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.logsumexp.options): vaelua.Tensor
function Tensor:logsumexp(axis, options) end

--- a above 0, a times the slope b below (Maas et al. 2013). Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.lrelu(rand_in(0.1, 3, 4, 7), rand_in(0.1, 0.9, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:lrelu(b) end

--- 1 where a < b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.lt(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:lt(b) end

--- Matrix product x y. x: [..., M, K]; y: [..., K, N], or one vector [K], for which the result is [..., M]. The leading axes are equal, or one side has none. Float64 if either is (no gradient).
---
--- ```lua
--- va.matmul(randn(3, 4), randn(4, 5))
--- ```
---@param y vaelua.Tensor
---@return vaelua.Tensor
function Tensor:matmul(y) end

---@class vaelua.Tensor.max.options
---@field keep? boolean default false

--- Largest element of x over axes; NaN if there is one. Ties share the gradient.
---
--- ```lua
--- va.max(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.max.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.max.options): vaelua.Tensor
function Tensor:max(axis, options) end

--- the larger one; NaN where either is. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.maximum(rand_in(-3, 0, 4, 7), rand_in(0.3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:maximum(b) end

---@class vaelua.Tensor.maxpool.options
---@field stride? integer
---@field pad? integer default 0

--- Largest value of each k x k window. x: [N, H, W, C]. stride: k if it is not given. A NaN in the window is the result.
---
--- ```lua
--- va.maxpool(randn(2, 6, 4, 3), 2)
--- ```
---@param k integer
---@param options? vaelua.Tensor.maxpool.options
---@return vaelua.Tensor
function Tensor:maxpool(k, options) end

---@class vaelua.Tensor.mean.options
---@field keep? boolean default false

--- Mean of x over an axis, a list of axes, or all.
---
--- ```lua
--- va.mean(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.mean.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.mean.options): vaelua.Tensor
function Tensor:mean(axis, options) end

---@class vaelua.Tensor.min.options
---@field keep? boolean default false

--- Smallest element of x over axes; NaN if there is one. Ties share the gradient.
---
--- ```lua
--- va.min(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.min.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.min.options): vaelua.Tensor
function Tensor:min(axis, options) end

--- the smaller one; NaN where either is. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.minimum(rand_in(-3, 0, 4, 7), rand_in(0.3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:minimum(b) end

---@class vaelua.Tensor.mmd.options
---@field kernel? string default imq
---@field scale? number default 1

--- Maximum mean discrepancy of two samples, squared and unbiased (it may be below 0). x: [N, D], y: [M, D], at least 2 rows each. kernel: imq (sum of C / (C + |x - y|^2) for C = 2 D scale times 0.1, 0.2, 0.5, 1, 2, 5, 10), rbf (exp(-|x - y|^2 / 2 D scale)) or polynomial ((xy / D scale + 1)^3). Result: one number. Gretton et al. 2012.
---
--- ```lua
--- va.mmd(randn(6, 3), randn(5, 3))
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.mmd.options
---@return vaelua.Tensor
function Tensor:mmd(y, options) end

--- a % b = a - b floor(a / b), with the sign of b as in Lua. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.mod(rand_in(1.1, 1.4, 4, 7), rand_in(0.8, 1, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:mod(b) end

---@class vaelua.Tensor.moments.options
---@field divisor? integer default 0

--- Mean (row 1) and covariance (n - 1; the other rows) of the rows of x, for frechet_moments and moments_merge. x: [N, D], N at least 2. divisor: what the covariance is divided by in place of n - 1. Result: [D + 1, D], float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.moments(randn(10, 3))
--- ```
---@param options? vaelua.Tensor.moments.options
---@return vaelua.Tensor
function Tensor:moments(options) end

--- The moments of two sets together: a of n rows, b of m. a, b: [D + 1, D] as moments returns them. Chan, Golub and LeVeque 1979.
---
--- No gradient: a metric
---
--- ```lua
--- va.moments_merge(moments(randn(9, 3)), 9, moments(randn(5, 3)), 5)
--- ```
---@param n integer
---@param b vaelua.Tensor
---@param m integer
---@return vaelua.Tensor
function Tensor:moments_merge(n, b, m) end

--- a * b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.mul(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:mul(b) end

--- 1 where a differs from b, else 0. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.ne(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:ne(b) end

--- The row of rows [M, D] that lies nearest to each row of x [N, D]: int32 [N], from 1; the first of equally near ones.
---
--- ```lua
--- va.nearest(randn(4, 7), randn(3, 7))
--- ```
---@param rows vaelua.Tensor
---@return vaelua.Tensor
function Tensor:nearest(rows) end

--- -x. Result: the shape of x, float32.
---
--- ```lua
--- va.neg(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:neg() end

--- Normalised mutual information of two labellings of the same rows: divided by the mean of both entropies; 1 if they are the same partition. a, b: int32 [N], from 1. Result: one float64 number in 0..1. Strehl and Ghosh 2002.
---
--- No gradient: a metric
---
--- ```lua
--- va.nmi(randint(1, 3, 20), randint(1, 4, 20))
--- ```
---@param b vaelua.Tensor
---@return vaelua.Tensor
function Tensor:nmi(b) end

--- Kullback-Leibler divergence of the normal distributions (mean, logvar) from (pmean, plogvar), by default the unit normal, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_kl(randn(4, 7), randn(4, 7))
--- ```
---@param logvar vaelua.Tensor|number
---@param pmean? vaelua.Tensor|number
---@param plogvar? vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:normal_kl(logvar, pmean, plogvar) end

--- As normal_kl, but for each unit apart: the shape of mean.
---
--- ```lua
--- va.normal_kl_each(randn(4, 7), randn(4, 7))
--- ```
---@param logvar vaelua.Tensor|number
---@param pmean? vaelua.Tensor|number
---@param plogvar? vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:normal_kl_each(logvar, pmean, plogvar) end

--- Kullback-Leibler divergence of normal distributions from the unit normal, in nats, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_kl_unit(randn(4, 7), randn(4, 7))
--- ```
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:normal_kl_unit(logvar) end

--- Log-density of x under normal distributions, summed over all axes but the first: [N].
---
--- ```lua
--- va.normal_logp(randn(4, 7), randn(4, 7), randn(4, 7))
--- ```
---@param mean vaelua.Tensor|number
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:normal_logp(mean, logvar) end

--- Classes 1..k (int32) as rows of zeros with a 1: the shape of y and an axis of size k.
---
--- ```lua
--- va.one_hot(labels(5, 3), 3)
--- ```
---@param k integer
---@return vaelua.Tensor
function Tensor:one_hot(k) end

--- float32 ones of a shape; ones() is one number.
---
--- ```lua
--- va.ones(2, 3)
--- ```
---@return vaelua.Tensor
function Tensor:ones() end

--- x with its axes in another order: axis i of the result is axis axes[i] of x. Every axis is named once. A view.
---
--- ```lua
--- va.permute(randn(2, 3, 4), 3, 1, 2)
--- ```
---@param axes integer[]
---@return vaelua.Tensor
function Tensor:permute(axes) end

--- Rows of x. which: int32 indices from 1, negative ones from the end, rows may repeat, result [shape of which, shape of a row]; or a mask of 0 and 1, one a row (this waits for the device).
---
--- ```lua
--- va.pick(randn(6, 3), as(t{ 2, 2, 5 }, "int32"))
--- ```
---@param which vaelua.Tensor
---@return vaelua.Tensor
function Tensor:pick(which) end

--- a to the power b; NaN where a < 0 and b is not whole. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.pow(rand_in(0.3, 3, 4, 7), rand_in(-2, 2, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:pow(b) end

---@class vaelua.Tensor.prdc.options
---@field k? integer default 5
---@field edge? boolean default false

--- Precision, recall, density and coverage of generated features among real ones, with balls to the k-th nearest neighbour (itself not counted). real: [N, D], fake: [M, D], more than k rows each. edge: a point at just the radius is inside (improved precision and recall), else it is not (prdc). Result: [4], float64. Exact: every distance is the float64 sum of squared differences. Kynkäänniemi et al. 2019; Naeem et al. 2020.
---
--- No gradient: a metric
---
--- ```lua
--- va.prdc(randn(20, 3), randn(30, 3))
--- ```
---@param fake vaelua.Tensor
---@param options? vaelua.Tensor.prdc.options
---@return vaelua.Tensor
function Tensor:prdc(fake, options) end

---@class vaelua.Tensor.prod.options
---@field keep? boolean default false

--- Product of x over axes.
---
--- ```lua
--- va.prod(rand_in(0.5, 1.5, 4, 5))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.prod.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.prod.options): vaelua.Tensor
function Tensor:prod(axis, options) end

---@class vaelua.Tensor.psnr.options
---@field range? number default 1

--- Peak signal-to-noise ratio 10 log10(range^2 / mean squared difference) of each pair of pictures, in decibels. x, y: [N, ...]. Result: [N]; infinite for equal pictures.
---
--- No gradient: a metric
---
--- ```lua
--- va.psnr(rand(3, 8, 8, 1), rand(3, 8, 8, 1))
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.psnr.options
---@return vaelua.Tensor
function Tensor:psnr(y, options) end

--- float32 numbers, uniform in [0, 1), with 24 bits (Philox 4x32-10, addressed by seed, model, step and call).
---
--- ```lua
--- va.rand(2, 3)
--- ```
---@return vaelua.Tensor
function Tensor:rand() end

--- int32 numbers, uniform in low..high, both included.
---
--- ```lua
--- va.randint(1, 6, 10)
--- ```
---@param high integer
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function Tensor:randint(high, shape, ...) end

--- float32 standard normal numbers (Box-Muller over Philox 4x32-10).
---
--- ```lua
--- va.randn(2, 3)
--- ```
---@return vaelua.Tensor
function Tensor:randn() end

--- int32 [n]: the numbers 1..n in random order.
---
--- ```lua
--- va.randperm(10)
--- ```
---@return vaelua.Tensor
function Tensor:randperm() end

---@class vaelua.Tensor.realism.options
---@field k? integer default 5

--- Realism of each generated feature: the largest, over the balls of the real ones, of radius / (distance + 1e-5). real: [N, D], fake: [M, D], more than k rows each. Result: [M], float64; 1 and more: inside a ball. Kynkäänniemi et al. 2019.
---
--- No gradient: a metric
---
--- ```lua
--- va.realism(randn(20, 3), randn(7, 3))
--- ```
---@param fake vaelua.Tensor
---@param options? vaelua.Tensor.realism.options
---@return vaelua.Tensor
function Tensor:realism(fake, options) end

--- 1 / x. Result: the shape of x, float32.
---
--- ```lua
--- va.reciprocal(rand_in(0.4, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:reciprocal() end

--- the larger of x and 0. Result: the shape of x, float32.
---
--- ```lua
--- va.relu(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:relu() end

--- A draw from normal distributions through which gradients flow: mean + exp(logvar / 2) e with e from the unit normal (Kingma and Welling 2014). The numbers are addressed by stream, step and call.
---
--- ```lua
--- va.reparameterise(randn(4, 7), randn(4, 7))
--- ```
---@param logvar vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:reparameterise(logvar) end

--- The elements of x, in their order, in another shape. One size may be -1: it is found from the others. A view where x is contiguous, else a copy.
---
--- ```lua
--- va.reshape(randn(4, 6), 3, -1)
--- ```
---@param shape integer|integer[]
---@param ... integer
---@return vaelua.Tensor
function Tensor:reshape(shape, ...) end

---@class vaelua.Tensor.resize.options
---@field rule? string default half-pixel

--- Pictures in another size. x: [N, H, W, C]. Result: [N, h, w, C]. rule: "half-pixel", bilinear as PyTorch's interpolate; "antialias", the same with the triangle filter stretched where it shrinks (also Pillow's bilinear); "tf1", TensorFlow 1's bilinear, place i from i H / h; "pil-bicubic", Pillow's (a = -0.5, stretched, not clipped); "nearest".
---
--- ```lua
--- va.resize(randn(2, 4, 5, 3), 7, 3)
--- ```
---@param h integer
---@param w integer
---@param options? vaelua.Tensor.resize.options
---@return vaelua.Tensor
function Tensor:resize(h, w, options) end

--- the nearest whole number; halves to the even one. Result: the shape of x, float32.
---
--- ```lua
--- va.round(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:round() end

--- Row i of x without axis 1, as x[i]. A view.
---
--- ```lua
--- va.row(randn(6, 3), 2)
--- ```
---@param i integer
---@return vaelua.Tensor
function Tensor:row(i) end

--- Rows i to j of x, both included (without j row i alone); axis 1 stays. Negative numbers count from the end. A view.
---
--- ```lua
--- va.rows(randn(6, 3), 2, 4)
--- ```
---@param i integer
---@param j? integer
---@return vaelua.Tensor
function Tensor:rows(i, j) end

--- Sum over all axes but the first: [N, ...] -> [N].
---
--- ```lua
--- va.rowsum(randn(4, 3, 2))
--- ```
---@return vaelua.Tensor
function Tensor:rowsum() end

--- 1 / sqrt(x). Result: the shape of x, float32.
---
--- ```lua
--- va.rsqrt(rand_in(0.2, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:rsqrt() end

--- p:set(v): other values for a parameter or buffer, in place, off the tape.
---@param v vaelua.Tensor|number|table
---@return vaelua.Tensor
function Tensor:set(v) end

--- 1 / (1 + exp(-x)). Result: the shape of x, float32.
---
--- ```lua
--- va.sigmoid(rand_in(-4, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:sigmoid() end

--- -1, 0 or 1, as x is below, at or above 0. Result: the shape of x, float32.
---
--- ```lua
--- va.sign(away(0, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:sign() end

--- How well each row lies in its class: (b - a) / max(a, b), where a is its mean distance to the others of the class and b that to the nearest other class; 0 for a row alone in its class. Over all pairs. x: [N, D]; y: int32 [N], at least 2 classes. Result: [N], float64, in -1..1. Rousseeuw 1987.
---
--- No gradient: a metric
---
--- ```lua
--- va.silhouette(randn(20, 3), randint(1, 2, 20))
--- ```
---@param y vaelua.Tensor
---@return vaelua.Tensor
function Tensor:silhouette(y) end

--- x * sigmoid(x) (Elfwing et al. 2018). Result: the shape of x, float32.
---
--- ```lua
--- va.silu(rand_in(-5, 5, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:silu() end

--- sine of x radians; NaN where |x| > 2^48. Result: the shape of x, float32.
---
--- ```lua
--- va.sin(rand_in(-6, 6, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:sin() end

--- Places i to j of an axis, both included; negative ones count from the end. A view.
---
--- ```lua
--- va.slice(randn(3, 6), 2, 2, 4)
--- ```
---@param axis integer
---@param i integer
---@param j integer
---@return vaelua.Tensor
function Tensor:slice(axis, i, j) end

--- exp(x) over its sum along one axis. Result: the shape of x.
---
--- ```lua
--- va.softmax(randn(4, 7))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:softmax(axis) end

--- log(1 + exp(x)), without overflow. Result: the shape of x, float32.
---
--- ```lua
--- va.softplus(rand_in(-8, 8, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:softplus() end

--- The y with x y = b for a regular matrix x [n, n] and b [n] or [n, k].
---
--- ```lua
--- va.solve(spd(4), randn(4, 2))
--- ```
---@param b vaelua.Tensor
---@return vaelua.Tensor
function Tensor:solve(b) end

---@class vaelua.Tensor.sort.options
---@field descending? boolean default false

--- x:sort(axis=-1, { descending = false }): sorted values and where they stood (int32, from 1).
---@param a? integer
---@param options? vaelua.Tensor.sort.options
---@return vaelua.Tensor, vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.sort.options): vaelua.Tensor, vaelua.Tensor
function Tensor:sort(a, options) end

--- x:split(n, axis=-1): n equal parts, or parts of the sizes in a list; several results, all views.
---@param parts integer|integer[]
---@param a? integer
---@return vaelua.Tensor ...
function Tensor:split(parts, a) end

--- Squared Euclidean distances between the rows of a [N, D] and b [M, D]: [N, M]. Exact for near rows: differences are squared, not products subtracted.
---
--- ```lua
--- va.sqdist(randn(4, 7), randn(3, 7))
--- ```
---@param b vaelua.Tensor
---@return vaelua.Tensor
function Tensor:sqdist(b) end

--- square root; NaN below 0. Result: the shape of x, float32.
---
--- ```lua
--- va.sqrt(rand_in(0.1, 4, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:sqrt() end

--- x times x. Result: the shape of x, float32.
---
--- ```lua
--- va.square(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:square() end

--- Squared error, summed over all axes but the first: [N].
---
--- ```lua
--- va.squared(randn(4, 7), randn(4, 7))
--- ```
---@param x vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:squared(x) end

--- x without an axis of size 1. A view.
---
--- ```lua
--- va.squeeze(randn(3, 1))
--- ```
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:squeeze(axis) end

---@class vaelua.Tensor.ssim.options
---@field range? number default 1
---@field crop? boolean default false

--- Structural similarity of each pair of pictures: Gaussian window of sigma 1.5 and 11 taps, k1 = 0.01, k2 = 0.03, reflected border. x, y: [N, H, W, C], H and W at least 6 (with crop 11). The border stays in the mean, as in torchmetrics since 1.4.2; with crop it does not, as up to 1.4.1. Result: [N], at most 1. Wang et al. 2004.
---
--- No gradient: a metric
---
--- ```lua
--- va.ssim(rand(2, 9, 12, 1), rand(2, 9, 12, 1))
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.ssim.options
---@return vaelua.Tensor
function Tensor:ssim(y, options) end

--- The tensors of a list, all of one shape and dtype, along a new axis; axis is its place in the result.
---
--- ```lua
--- va.stack({ randn(3), randn(3) })
--- ```
---@param axis? integer default 1
---@return vaelua.Tensor
function Tensor:stack(axis) end

---@class vaelua.Tensor.std.options
---@field keep? boolean default false

--- Standard deviation of x over axes: the root of var.
---
--- ```lua
--- va.std(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.std.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.std.options): vaelua.Tensor
function Tensor:std(axis, options) end

--- a - b. Tensors or numbers; shapes by broadcasting.
---
--- ```lua
--- va.sub(rand_in(-3, 3, 4, 7), rand_in(-3, 3, 4, 7))
--- ```
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:sub(b) end

---@class vaelua.Tensor.sum.options
---@field keep? boolean default false

--- Sum of x over an axis, a list of axes, or all. keep: axes of size 1 stay. Accumulated in float64. Result: float32, or float64 where x is.
---
--- ```lua
--- va.sum(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.sum.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.sum.options): vaelua.Tensor
function Tensor:sum(axis, options) end

--- Singular values of a matrix [n, m], descending: [min(n, m)].
---
--- ```lua
--- va.svdvals(randn(4, 3))
--- ```
---@return vaelua.Tensor
function Tensor:svdvals() end

--- Elements of x along an axis, at the int32 places of index, which has the sizes of x but for that axis, and so has the result: what argsort returns sorts x.
---
--- ```lua
--- va.take_along(randn(2, 5), reshape(labels(6, 5), 2, 3))
--- ```
---@param index vaelua.Tensor
---@param axis? integer default -1
---@return vaelua.Tensor
function Tensor:take_along(index, axis) end

--- A batch: rows of x [N, ...] (uint8 or float32) by int32 indices [M] from 1, times scale, as float32 [M, ...].
---
--- No gradient: it reads data (use pick, which has one)
---
--- ```lua
--- va.take_scaled(as(rand_in(0, 255, 6, 4), "uint8"), labels(3, 6), 1 / 255)
--- ```
---@param index vaelua.Tensor
---@param scale? number default 1
---@return vaelua.Tensor
function Tensor:take_scaled(index, scale) end

--- hyperbolic tangent. Result: the shape of x, float32.
---
--- ```lua
--- va.tanh(rand_in(-3, 3, 4, 7))
--- ```
---@return vaelua.Tensor
function Tensor:tanh() end

--- x:text(): what print shows.
---@return string
function Tensor:text() end

--- k copies of the batch one behind the other: [N, ...] -> [k N, ...]. Undo with reshape(k, -1).
---
--- ```lua
--- va.tile(randn(2, 3), 3)
--- ```
---@param k integer
---@return vaelua.Tensor
function Tensor:tile(k) end

--- x on a device: "cpu", "cuda", "cuda:1". A view if it lies there already.
---
--- ```lua
--- va.to(randn(3, 4), "cpu")
--- ```
---@param device string
---@return vaelua.Tensor
function Tensor:to(device) end

--- x:topk(k, axis=-1): the k largest values, largest first, and where they stood.
---@param k integer
---@param a? integer
---@return vaelua.Tensor, vaelua.Tensor
function Tensor:topk(k, a) end

--- x:totable(): a nested list; waits for the device.
---@return number|any[]
function Tensor:totable() end

--- Sum of the diagonal of a matrix [n, n].
---
--- ```lua
--- va.trace(randn(4, 4))
--- ```
---@return vaelua.Tensor
function Tensor:trace() end

--- x with two axes swapped. A view.
---
--- ```lua
--- va.transpose(randn(3, 5))
--- ```
---@param a? integer default 1
---@param b? integer default 2
---@return vaelua.Tensor
function Tensor:transpose(a, b) end

---@class vaelua.Tensor.tsne.options
---@field d? integer default 2
---@field perplexity? number
---@field theta? number
---@field steps? integer default 1000

--- Map of the rows of z in which neighbours stay together: t-SNE, started from the principal directions and the same for every run. z: [N, Z], N at least 3. d: 1, 2 or 3. perplexity: how many neighbours count (30, or (N - 1) / 3 if that is less). theta: 0 compares all pairs (up to 1,000 rows the default, at most 5,000), else cells of a tree stand for points that are far away (0.5, Barnes-Hut) and p has 3 perplexity + 1 neighbours a row. Distances in the map between clusters mean little. Result: [N, d]. van der Maaten and Hinton 2008; van der Maaten 2014.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne(randn(12, 3), { steps = 20 })
--- ```
---@param options? vaelua.Tensor.tsne.options
---@return vaelua.Tensor
function Tensor:tsne(options) end

---@class vaelua.Tensor.tsne_gradient.options
---@field perplexity? number
---@field theta? number

--- The gradient of tsne_kl in y. z: [N, Z]; y: [N, 1..3]. perplexity, theta: as in tsne. Result: the shape of y, float64.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne_gradient(randn(12, 3), randn(12, 2))
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.tsne_gradient.options
---@return vaelua.Tensor
function Tensor:tsne_gradient(y, options) end

---@class vaelua.Tensor.tsne_kl.options
---@field perplexity? number
---@field theta? number

--- The KL divergence that t-SNE makes small, of a map y of the rows of z, in nats. z: [N, Z]; y: [N, 1..3]. perplexity, theta: as in tsne. Result: one float64 number.
---
--- No gradient: a metric
---
--- ```lua
--- va.tsne_kl(randn(12, 3), randn(12, 2))
--- ```
---@param y vaelua.Tensor
---@param options? vaelua.Tensor.tsne_kl.options
---@return vaelua.Tensor
function Tensor:tsne_kl(y, options) end

--- x with a new axis of size 1; axis is its place in the result (-1: the last). A view.
---
--- ```lua
--- va.unsqueeze(randn(3, 4), 2)
--- ```
---@param axis integer
---@return vaelua.Tensor
function Tensor:unsqueeze(axis) end

--- Each pixel repeated k times in both directions (nearest neighbour). x: [N, H, W, C]. Result: [N, k H, k W, C].
---
--- ```lua
--- va.upsample(randn(2, 3, 2, 4), 2)
--- ```
---@param k integer
---@return vaelua.Tensor
function Tensor:upsample(k) end

---@class vaelua.Tensor.var.options
---@field keep? boolean default false

--- Variance of x over axes, with n - 1 in the denominator (NaN for one element).
---
--- ```lua
--- va.var(randn(4, 7))
--- ```
---@param axis? integer|integer[]
---@param options? vaelua.Tensor.var.options
---@return vaelua.Tensor
---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.var.options): vaelua.Tensor
function Tensor:var(axis, options) end

--- a where mask is not 0, else b. Shapes by broadcasting.
---
--- ```lua
--- va.where(randn(4, 7):gt(0), randn(4, 7), randn(4, 7))
--- ```
---@param a vaelua.Tensor|number
---@param b vaelua.Tensor|number
---@return vaelua.Tensor
function Tensor:where(a, b) end

--- float32 zeros of a shape; zeros() is one number.
---
--- ```lua
--- va.zeros(2, 3)
--- ```
---@return vaelua.Tensor
function Tensor:zeros() end

---@param pattern? string
---@return table<string, vaelua.Tensor>
function Chain:params(pattern) end

--- m:clone(name): the same architecture and functions, weights of its own with equal values.
---@param name string
---@return vaelua.Model
function Model:clone(name) end

--- m:copy(other): values of parameters and buffers with equal path and shape. Gives the names of m's that were left out.
---@param other vaelua.Model
---@return string[]
function Model:copy(other) end

--- The mean of the likelihood.
---@param z any
---@param y? vaelua.Tensor
---@return vaelua.Tensor
function Model:decode(z, y) end

--- The mean of the posterior.
---@param x any
---@param y? vaelua.Tensor
---@return vaelua.Tensor
function Model:encode(x, y) end

--- m:load("best" or path): all parameters and buffers, each of the right shape.
---@param where string
---@return vaelua.Model
function Model:load(where) end

--- m:params([pattern]): parameters by path, in order.
---@param pattern? string
---@return table<string, vaelua.Tensor>
function Model:params(pattern) end

--- The prior of a model that does not say: unit normal over the input of its chain dec.
---@return vaelua.Distribution
function Model:prior() end

--- From the mean code, not from a drawn one.
---@param x any
---@param y? vaelua.Tensor
---@return vaelua.Tensor
function Model:reconstruct(x, y) end

--- n rows drawn from the prior and decoded.
---@param n integer
---@param y? vaelua.Tensor
---@return vaelua.Tensor
function Model:sample(n, y) end

--- m:save("best" or path, [metadata]). Names in the file are NAME/PATH.
---@param where string
---@param metadata? table<string, any>
---@return string?
function Model:save(where, metadata) end

--- One draw and its divergence from p, [N].
---@param p? vaelua.Distribution
---@return vaelua.Tensor, vaelua.Tensor, table
function Distribution:draw(p) end

--- The entropy, [N]: in closed form, else of one draw.
---@return vaelua.Tensor
function Distribution:entropy() end

--- The divergence from p, [N]: in closed form, else of one draw.
---@param p vaelua.Distribution
---@return vaelua.Tensor
function Distribution:kl(p) end

--- The divergence from p of every unit, in the shape of the mean.
---@param p vaelua.Distribution
---@return vaelua.Tensor
function Distribution:kl_each(p) end

--- The log density of x, [N], summed over all axes but the first.
---@param x any
---@return vaelua.Tensor
function Distribution:logp(x) end

--- The mean of each variable; of a categorical its probabilities.
---@return vaelua.Tensor
function Distribution:mean() end

--- The most probable values.
---@return vaelua.Tensor
function Distribution:mode() end

--- The rows at int32 indices.
---@param index vaelua.Tensor
---@return vaelua.Distribution
function Distribution:pick(index) end

--- One draw a row, with gradient where there is one; n draws of a prior.
---@param n? integer
---@return vaelua.Tensor
function Distribution:sample(n) end

--- Every row k times, as x:tile.
---@param k integer
---@return vaelua.Distribution
function Distribution:tile(k) end

--- The variance of each variable.
---@return vaelua.Tensor
function Distribution:var() end

--- o:add(loss): gradients now, update later.
---@param loss vaelua.Tensor
function Optimiser:add(loss) end

--- o:apply(gradients): updates by gradients that va.grad gave, in the order of o.params.
---@param grads vaelua.Tensor[]
function Optimiser:apply(grads) end

--- nil, or the number (o.count) of the step at which something was not finite first. Waits.
---@return any
function Optimiser:flag() end

---@return string
function Optimiser:label() end

--- The living models that parameters of this optimiser lie in.
---@return any
function Optimiser:models() end

--- From the tensors by path that state() gave.
---@param saved table
function Optimiser:restore(saved) end

--- What it remembers: { path, tensor } each. Parameters that lie in no model are among it.
---@return any
function Optimiser:state() end

--- o:step([loss]): add, then update.
---@param loss? vaelua.Tensor
function Optimiser:step(loss) end

--- s:batches(B): iterator of x, y, in order, evaluation.
---@param B? integer
---@return fun(): vaelua.Tensor, vaelua.Tensor
function Set:batches(B) end

--- The rows of class k (a number or a name).
---@param k integer|string
---@return vaelua.Set
function Set:class(k) end

---@class vaelua.Set.collect.options
---@field batch? integer default 500

--- s:collect(f, { batch=500 }): f(x, y) gives a tensor or a list of tensors; the result is those of all batches, one below the other.
---@param f function
---@param given? vaelua.Set.collect.options
---@return any
function Set:collect(f, given) end

---@class vaelua.Set.epochs.options
---@field shuffle? boolean default true
---@field short? boolean default true

--- s:epochs(E, B, { shuffle=true, short=true }): iterator of t, x, y.
---@param E number
---@param B integer
---@param given? vaelua.Set.epochs.options
---@return fun(): number, vaelua.Tensor, vaelua.Tensor
function Set:epochs(E, B, given) end

--- x, y of the first n rows.
---@param n integer
---@return vaelua.Tensor, vaelua.Tensor
function Set:first(n) end

--- map(f): f(x, y) -> x, y changes every batch as it is drawn.
---@param f function
---@return vaelua.Set
function Set:map(f) end

--- split(fraction): two sets; the rows of the second are spread evenly over the data, so that data in the order of its classes is split fairly.
---@param fraction number
---@return vaelua.Set, vaelua.Set
function Set:split(fraction) end

---@class vaelua.Set.subset.options
---@field per_class? boolean default false
---@field seed? integer

--- subset(n, { per_class=false, seed }): the first n rows, or n of each class; with a seed they are chosen at random, the same ones whatever the run's seed. Rows stay in their order.
---@param n integer|vaelua.Tensor
---@param given? vaelua.Set.subset.options
---@return vaelua.Set
function Set:subset(n, given) end

--- The rows of an int32 index: x float32, y.
---@param index vaelua.Tensor
---@return vaelua.Tensor, vaelua.Tensor
function Set:take(index) end

--- Adds a tensor (every element counts once) or a number.
---@param v vaelua.Tensor|number
function Average:add(v) end

--- How many numbers were added.
---@return integer
function Average:count() end

--- Takes what waits into the sums.  Squares are taken about the mean of the piece, so that large numbers with a small spread keep it; pieces are joined as in Chan, Golub and LeVeque 1979.
function Average:fold() end

--- The interval of the mean, 95 % by Student's t; nil for fewer than two numbers.
---@param level? number
---@return number?, number?
function Average:interval(level) end

---@param tensors vaelua.Tensor[]
---@param saved table
function Average:restore(tensors, saved) end

--- Their standard deviation (n - 1); nil for fewer than two.
---@return number?
function Average:sd() end

--- What a checkpoint keeps of it: the pieces that wait, and numbers.  Nothing is folded for it, so that a run which was stopped rounds as one that was not.
---@return any[], table
function Average:state() end

--- Their mean; NaN if there were none.
---@return number
function Average:value() end

---@class vaelua.models.ae.options
---@field name? string default "ae"
---@field shape? integer[] default { 28, 28, 1 }
---@field z? integer default 20
---@field decoder? "3x3"|"4x4" default "3x3"
---@field filters? integer[] default { 32, 64 }

---@class vaelua.models.classifier.options
---@field name? string default "classifier"
---@field shape? integer[] default { 28, 28, 1 }
---@field classes? integer|string[] default 10
---@field dropout? number default 0.2

---@class vaelua.models.vae.options
---@field name? string default "vae"
---@field shape? integer[] default { 28, 28, 1 }
---@field z? integer default 20
---@field decoder? "3x3"|"4x4" default "3x3"
---@field filters? integer[] default { 32, 64 }

---@class vaelua.models
---@field ae fun(options: vaelua.models.ae.options): vaelua.Model
---@field classifier fun(options: vaelua.models.classifier.options): vaelua.Model
---@field vae fun(options: vaelua.models.vae.options): vaelua.Model
---@field [string] fun(options: table): vaelua.Model
va.models = {}

return va
