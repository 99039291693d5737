-- fashion_mnist.lua - Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 and 10,000 grey
-- pictures of 28 x 28 in ten classes, from Zalando's catalogue; MIT licence.
--
-- The sums are those of the unpacked bytes: plain MNIST is found under these names now and then,
-- and the headers of the packed files differ between distributions.

return require "vaelua.data".idx {
  title = "Fashion-MNIST",
  folders = { "fashion-mnist", "fashion_mnist", "FashionMNIST/raw" },
  package = "dataset-fashion-mnist",
  classes = { "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
              "bag", "ankle boot" },
  sha256 = {      -- of pictures and labels to train, then to test
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  },
}
