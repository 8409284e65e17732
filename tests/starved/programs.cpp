// Memory runs out in what a training program does: steps, files, loaders, reports.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/idx.hpp>
#include <xgrad/datasets/image.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/optim/muon.hpp>
#include <xgrad/optim/sgd.hpp>
#include <xgrad/report/report.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>

#include "datasets/files.hpp"
#include "starved/starved.hpp"
#include <archive.h>
#include <archive_entry.h>

#ifndef XGRAD_SANITIZED

using namespace support;
using starved::attack;
using starved::Digest;
using starved::Scenario;

namespace {

nn::Sequential small_net() {
  Generator generator(1);
  nn::Sequential net{nn::Conv2d{1, 8, 3, {.padding = 1}},
                     nn::BatchNorm2d{8},
                     nn::ReLU{},
                     nn::MaxPool2d{2},
                     nn::Flatten{},
                     nn::Linear{32, 3}};
  for (const Tensor& x : net.parameters())
    x.detach().copy_(randn(x.shape(), {.generator = &generator}));
  return net;
}

Tensor images() {
  Generator generator(2);
  return randn({6, 1, 4, 4}, {.generator = &generator});
}

Tensor classes() { return cat({zeros({3}, {.dtype = int64}), ones({3}, {.dtype = int64})}, 0); }

void add_values(Digest& digest, const nn::Module& net) {
  for (const auto& [name, x] : net.state_dict()) digest.add(x);
}

/// Two steps, the first of which makes the optimiser's state.
template <class Optimizer>
void train(Digest& digest, nn::Module& net, Optimizer& optimizer) {
  for (int step = 0; step < 2; ++step) {
    optimizer.zero_grad();
    cross_entropy(net(images()), classes()).backward();
    optimizer.step();
  }
  add_values(digest, net);
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Says which files of a directory are there beside those of these names.
std::string others_than(const std::string& directory, const std::vector<std::string>& names) {
  std::string others;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::find(names, name) == names.end()) others += " left " + name;
  }
  return others;
}

void write_tar(const std::string& path) {
  archive* const to = archive_write_new();
  archive_write_set_format_ustar(to);
  archive_write_open_filename(to, path.c_str());
  for (const char* name : {"a", "b"}) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, 3000);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(to, entry);
    archive_write_data(to, std::string(3000, *name).data(), 3000);
    archive_entry_free(entry);
  }
  archive_write_free(to);
}

}  // namespace

TEST_CASE("training steps") {
  attack("SGD", {.run = [](Digest& digest) {
           nn::Sequential net = small_net();
           optim::SGD optimizer(net.parameters(), {.lr = 0.1, .momentum = 0.9});
           train(digest, net, optimizer);
         }});
  attack("Muon", {.run = [](Digest& digest) {
           nn::Sequential net = small_net();
           std::vector<Tensor> matrices;
           for (const Tensor& x : net.parameters())
             if (x.dim() > 1) matrices.push_back(x);
           optim::Muon optimizer(matrices, {.lr = 0.1});
           train(digest, net, optimizer);
         }});
}

TEST_CASE("a step that failed changes nothing that the next would not") {
  // Net and optimiser outlive the error.
  const auto net = std::make_shared<std::optional<nn::Sequential>>();
  const auto start = std::make_shared<nn::StateDict>();
  attack("a net that lives on", {.prepare =
                                     [=] {
                                       *net = small_net();
                                       for (const auto& [name, x] : (*net)->state_dict())
                                         start->emplace_back(name, x.detach().clone());
                                     },
                                 .run =
                                     [=](Digest& digest) {
                                       (*net)->load_state_dict(*start);
                                       (*net)->zero_grad();
                                       optim::SGD optimizer((*net)->parameters(),
                                                            {.lr = 0.1, .momentum = 0.9});
                                       train(digest, **net, optimizer);
                                       (*net)->zero_grad();
                                     }});
}

TEST_CASE("hooks, clones and graphs of gradients") {
  attack("hooks", {.run = [](Digest& digest) {
           Tensor x = images().requires_grad_();
           HookScope hooks;
           hooks.add(x.register_hook([](const Tensor& dx) { return dx * 2; }));
           Tensor y = exp(x);
           hooks.add(y.register_hook([](const Tensor& dy) { return dy + 1; }));
           hooks.add(y.grad_fn()->register_hook(
               [](auto& dx, std::span<const Tensor>) { dx[0] = dx[0] * 3; }));
           y.sum().backward();
           digest.add(x.grad());
         }});
  attack("clone", {.run = [](Digest& digest) { add_values(digest, nn::clone(small_net())); }});
  attack("second derivative", {.run = [](Digest& digest) {
           const Tensor x = images().requires_grad_();
           const Tensor once = grad((exp(x) * x).sum(), x, {.create_graph = true});
           digest.add(grad(once.sum(), x));
         }});
  attack("a long graph", {.run = [](Digest& digest) {
           Tensor x = images().requires_grad_();
           Tensor y = x;
           for (int i = 0; i < 60; ++i) y = y + x;
           y.sum().backward();
           digest.add(x.grad());
         }});
}

TEST_CASE("files of tensors: whole, as before, or not there") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("net.safetensors");
  const auto fresh = [=] { std::filesystem::remove(path); };
  const auto saving = [=](Digest& digest) {
    nn::save(small_net(), path, {.metadata = {{"a", "b"}}});
    digest.add(content(path));
  };
  const auto whole_or_none = [=, &directory] {
    if (std::filesystem::exists(path)) nn::load(path);
    return others_than(directory.path(), {"net.safetensors"});
  };
  attack("save", {.prepare = fresh, .run = saving, .check = whole_or_none});
  nn::save(small_net(), path);
  attack("save over", {.run = saving, .check = whole_or_none});

  nn::save(small_net(), path);
  attack("load", {.run = [=](Digest& digest) {
           for (const auto& [name, x] : nn::load(path)) digest.add(x);
         }});
  attack("load into a net", {.run = [=](Digest& digest) {
           nn::Sequential net = small_net();
           nn::load(net, path);
           add_values(digest, net);
         }});
}

TEST_CASE("loaders") {
  for (const int workers : {0, 1, 2})
    attack("loader with " + std::to_string(workers) + " workers",
           {.run = [workers](Digest& digest) {
             datasets::DataLoader loader(
                 datasets::TensorDataset(images(), classes()),
                 {.batch_size = 2, .shuffle = true, .seed = 1, .workers = workers});
             for (const auto& [data, target] : loader) {
               digest.add(data);
               digest.add(target);
             }
           }});
}

TEST_CASE("readers of data files") {
  const TemporaryDirectory directory;
  const std::string pixels = directory.file("images"), labels = directory.file("labels");
  write_file(pixels, files::gzip(files::idx_images(5)));
  write_file(labels, files::idx_labels(5));
  attack("IDX", {.run = [=](Digest& digest) {
           const datasets::Images read = datasets::read_idx(pixels, labels);
           digest.add(read.pixels.data(), read.pixels.size());
         }});
  const std::string archive = directory.file("x.tar");
  write_tar(archive);
  attack("tar", {.run = [=](Digest& digest) {
           datasets::read_tar(
               archive, 5000, [](const std::string& name) { return name == "b"; },
               [&](const std::string& name, const std::vector<std::uint8_t>& bytes) {
                 digest.add(name);
                 digest.add(bytes.data(), bytes.size());
               });
         }});
  report::Picture picture(12, 9);
  const std::string png = directory.file("x.png");
  picture.save(png);
  for (const std::string& path : {png, std::string(XGRAD_PICTURES "/ycc420.jpg"),
                                  std::string(XGRAD_PICTURES "/progressive.jpg")})
    attack(std::filesystem::path(path).filename().string(),
           {.run = [path](Digest& digest) { digest.add(datasets::read_image(path)); }});
}

TEST_CASE("reports: each file whole or not there") {
  const TemporaryDirectory directory;
  const std::string out = directory.file("report");
  attack("report", {.prepare = [=] { std::filesystem::remove_all(out); },
                    .run =
                        [=](Digest& digest) {
                          nn::Sequential net = small_net();
                          report::Run run{.title = "A run", .machine = {}};
                          for (int i = 1; i < 4; ++i) run.history.add("loss/training", i, 1.0 / i);
                          run.evaluation = report::evaluate(
                              net, datasets::TensorDataset(images(), classes()), {"a", "b", "c"});
                          report::write(run, out);
                          digest.add(content(out + "/index.html"));
                        },
                    .check =
                        [=] {
                          std::string faults;
                          if (std::filesystem::exists(out))
                            for (const auto& entry : std::filesystem::directory_iterator(out))
                              if (entry.path().extension() == ".partial")
                                faults += " left " + entry.path().string();
                          return faults;
                        }});
  attack("picture of a graph", {.run = [](Digest& digest) {
           nn::Sequential net = small_net();
           const Tensor loss = cross_entropy(net(images()), classes());
           digest.add(report::layered_svg(tape_graph(loss)));
         }});
}

#endif
