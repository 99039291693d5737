-- mnist.lua - MNIST (LeCun, Cortes and Burges 1998): 60,000 and 10,000 handwritten digits, 28 x 28.

return require "vaelua.data".idx {
  title = "MNIST",
  folders = { "mnist", "MNIST/raw" },
  classes = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" },
  sha256 = {      -- of pictures and labels to train, then to test
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  },
}
