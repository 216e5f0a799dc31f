#include "tokens.h"

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "gavotte/error.h"
#include "torch_tensor.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

std::int64_t anywhere() {
  std::random_device draw;
  return std::uniform_int_distribution<std::int64_t>(1, std::int64_t{1} << 60)(draw);
}

/// Numbers are never used twice, and begin anywhere, so that a token that outlived its object or its process is found
/// out.
template <class Object>
class Registry {
 public:
  std::int64_t add(Object object) {
    const std::lock_guard lock(mutex_);
    objects_.emplace(next_, std::move(object));
    return next_++;
  }
  void remove(std::int64_t number) {
    Object last;  // destroyed without the lock
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(number);
    last = std::move(found->second);
    objects_.erase(found);
  }
  Object at(std::int64_t number, const char* kind) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(number);
    if (found == objects_.end())
      throw Error(ErrorKind::value, std::string("expected the token of a live ") + kind + ", got " +
                                        std::to_string(number) +
                                        ": keep the object that it came from");
    return found->second;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return objects_.size();
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, Object> objects_;
  std::int64_t next_ = anywhere();
};

/// Never destroyed: tensors may outlive the module.
template <class Object>
Registry<Object>& registry() {
  static auto* const instance = new Registry<Object>;
  return *instance;
}

template <class Object>
py::array make_token(const Object& object) {
  auto* const number = new std::int64_t(registry<Object>().add(object));
  const py::capsule base(number, [](void* held) {
    const std::unique_ptr<std::int64_t> kept(static_cast<std::int64_t*>(held));
    registry<Object>().remove(*kept);
  });
  return py::array_t<std::int64_t>({py::ssize_t{1}}, number, base);
}

template <class Object>
Object object_of(py::handle token, const char* kind) {
  const TorchTensor read(token, "token");
  if (read.dtype() != DType::int64 || read.shape() != Shape{1} || !read.is_on_cpu())
    throw Error(
        ErrorKind::value,
        "expected a token, an int64 tensor of one number on the CPU; got " + read.to_string());
  const std::int64_t number = read.in({}).span<std::int64_t>()[0];
  return registry<Object>().at(number, kind);
}

}  // namespace

py::array token_of(const KernelMap& map) { return make_token(map); }
py::array token_of(const Coordinates& coordinates) { return make_token(coordinates); }
KernelMap map_of(py::handle token) { return object_of<KernelMap>(token, "kernel map"); }
Coordinates coordinates_of(py::handle token) {
  return object_of<Coordinates>(token, "coordinate set");
}

std::pair<std::size_t, std::size_t> live_tokens() {
  return {registry<KernelMap>().size(), registry<Coordinates>().size()};
}

}  // namespace gavotte::python
