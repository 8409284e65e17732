#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/idx.hpp>
#include <xgrad/datasets/locate.hpp>
#include <xgrad/datasets/mnist.hpp>

#include <filesystem>

namespace xgrad::datasets {
namespace {

/// Published MD5 sums of the gzip files.
struct Sums {
  const char* train_images;
  const char* train_labels;
  const char* test_images;
  const char* test_labels;
};

struct IdxSet {
  const char* name;
  const char* folder;
  const char* variable;
  std::vector<std::string> mirrors;
  Sums sums;
};

std::string locate(const IdxSet& set, const Location& location, const std::string& stem,
                   const std::string& kind, const char* md5) {
  const std::string raw = stem + '-' + kind;
  std::string dotted = raw;  // as some copies name the unpacked files
  dotted[dotted.rfind("-idx")] = '.';
  const std::string packed = raw + ".gz";
  return find_or_download(location, {packed, raw, dotted},
                          {packed, md5, mirror_urls(set.variable, set.mirrors, packed)});
}

Images read(const IdxSet& set, const ImageDatasetOptions& options) {
  const bool train = options.split == "train";
  require<ValueError>(train || options.split == "test",
                      "{}: split is '{}', it must be 'train' or 'test'", set.name, options.split);
  const Location location{set.folder, options.root, options.download};
  const std::string stem = train ? "train" : "t10k";
  const std::string images = locate(set, location, stem, "images-idx3-ubyte",
                                    train ? set.sums.train_images : set.sums.test_images);
  const std::string labels = locate(set, location, stem, "labels-idx1-ubyte",
                                    train ? set.sums.train_labels : set.sums.test_labels);
  return read_idx(images, labels);
}

Images read_mnist(const ImageDatasetOptions& options) {
  return read({"MNIST",
               "mnist",
               "XGRAD_MNIST_URL",
               {"https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist"},
               {"f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"}},
              options);
}

Images read_fashion(const ImageDatasetOptions& options) {
  const IdxSet set{"FashionMNIST",
                   "fashion-mnist",
                   "XGRAD_FASHION_MNIST_URL",
                   {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"},
                   {"8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
                    "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"}};
  const Location location{set.folder, options.root, options.download};
  std::error_code error;
  if (find_file(location, {"train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"}).empty() &&
      options.root.empty() && std::filesystem::is_directory(debian_fashion_mnist, error)) {
    ImageDatasetOptions installed = options;
    installed.root = debian_fashion_mnist;
    return read(set, installed);
  }
  return read(set, options);
}

}  // namespace

MNIST::MNIST(const ImageDatasetOptions& options)
    : ImageDataset(read_mnist(options), {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
                   options.transform) {}

FashionMNIST::FashionMNIST(const ImageDatasetOptions& options)
    : ImageDataset(read_fashion(options),
                   {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                    "Sneaker", "Bag", "Ankle boot"},
                   options.transform) {}

}  // namespace xgrad::datasets
