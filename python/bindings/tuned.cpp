// The numbers of configs, and DeviceConfig for Python.
#include "tuned.h"

#include <pybind11/stl.h>

#include <deque>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "bindings.h"
#include "devices.h"
#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

struct Numbered {
  HeldConfig held;
  std::string kernel;
  std::set<int> checked;  // devices that the config was compared with; -1 is the CPU
};

// They live as long as the process: a graph that autograd or torch.compile made may name them at any time.
std::deque<Numbered>& numbered() {
  static std::deque<Numbered> all;
  return all;
}
std::shared_mutex& mutex() {
  static std::shared_mutex one;
  return one;
}

bool same(const HeldConfig& a, const HeldConfig& b) {
  return a.other_device == b.other_device &&
         (a.config.get() == b.config.get() || *a.config == *b.config);
}

const char* kind_name(DeviceKind kind) { return kind == DeviceKind::cpu ? "cpu" : "cuda"; }

py::dict dict_of(const DeviceIdentity& device) {
  py::dict dict;
  dict["kind"] = kind_name(device.kind);
  dict["name"] = device.name;
  dict["target"] = device.target;
  dict["compute_capability"] = device.compute_capability;
  dict["units"] = device.units;
  dict["cache_bytes"] = device.cache_bytes;
  dict["clock_mhz"] = device.clock_mhz;
  return dict;
}

HeldConfig from_value(DeviceConfig config, bool other_device) {
  return {TunedConfig(std::move(config)), other_device ? OtherDevice::accept : OtherDevice::refuse};
}

py::tuple find(const HeldConfig& held, const std::string& kernel, std::int64_t in_channels,
               std::int64_t out_channels, int groups, const std::string& dtype,
               const std::string& direction, int threads, std::int64_t rows, std::int64_t pairs) {
  LayerKind kind{
      kernel, in_channels, out_channels, groups, dtype_from_name(dtype), Direction::forward,
      threads};
  while (name(kind.direction) != direction) {
    if (kind.direction == Direction::wgrad)
      throw Error(ErrorKind::value,
                  "direction: expected forward, dgrad or wgrad, got '" + direction + "'");
    kind.direction = static_cast<Direction>(static_cast<int>(kind.direction) + 1);
  }
  const LayerChoice choice = held.config->find(kind, rows, pairs);
  return py::make_tuple(choice.config.to_string(), std::string(name(choice.source)));
}

}  // namespace

std::int64_t tuned_number(const HeldConfig& held, const std::string& kernel) {
  const std::unique_lock lock(mutex());
  std::deque<Numbered>& all = numbered();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].kernel == kernel && same(all[i].held, held)) return static_cast<std::int64_t>(i) + 1;
  all.push_back({held, kernel, {}});
  return static_cast<std::int64_t>(all.size());
}

ConvConfig tuned_config(std::int64_t number, Direction direction, const TunedCall& call,
                        bool allow_tf32) {
  ConvConfig otherwise;
  otherwise.allow_tf32 = allow_tf32;
  if (number == 0) return otherwise;
  const Device& device = call.execution.device;
  const int device_number = device.kind == DeviceKind::cpu ? -1 : device.index;
  const Numbered* named = nullptr;  // stays where it is
  bool checked = false;
  {
    const std::shared_lock lock(mutex());
    if (number < 0 || number > static_cast<std::int64_t>(numbered().size()))
      throw Error(ErrorKind::value,
                  "tuned: expected the number of a layer's config, got " + std::to_string(number));
    named = &numbered()[static_cast<std::size_t>(number - 1)];
    checked = named->checked.count(device_number) > 0;
  }
  if (!checked) {
    named->held.config->check_device(device, named->held.other_device);
    const std::unique_lock lock(mutex());
    numbered()[static_cast<std::size_t>(number - 1)].checked.insert(device_number);
  }
  const LayerKind kind{named->kernel, call.in_channels, call.out_channels,           call.groups,
                       call.dtype,    direction,        kind_threads(call.execution)};
  return named->held.config->find(kind, call.map.out_rows(), call.map.pairs(), otherwise).config;
}

void bind_tuned(py::module_& module) {
  py::class_<HeldConfig>(module, "DeviceConfig")
      .def_static(
          "load",
          [](const std::string& path, bool other_device) {
            return from_value(DeviceConfig::load(path), other_device);
          },
          py::call_guard<py::gil_scoped_release>())
      .def_static("from_json",
                  [](const std::string& text, bool other_device) {
                    return from_value(DeviceConfig::from_json(text), other_device);
                  })
      .def_static("of",
                  [](const std::string& device) {
                    return from_value(DeviceConfig(DeviceIdentity::of(device_from_name(device))),
                                      false);
                  })
      .def("to_json", [](const HeldConfig& held) { return held.config->to_json(); })
      .def(
          "save", [](const HeldConfig& held, const std::string& path) { held.config->save(path); },
          py::call_guard<py::gil_scoped_release>())
      .def("merged",
           [](const HeldConfig& held, const HeldConfig& newer) {
             DeviceConfig config = *held.config;
             config.merge(*newer.config);
             return from_value(std::move(config), held.other_device == OtherDevice::accept);
           })
      .def_property_readonly("device",
                             [](const HeldConfig& held) { return dict_of(held.config->device()); })
      .def_property_readonly(
          "other_device",
          [](const HeldConfig& held) { return held.other_device == OtherDevice::accept; })
      .def("counts",
           [](const HeldConfig& held) {
             return std::make_tuple(held.config->layers().size(), held.config->maps().size(),
                                    held.config->cost_model().size());
           })
      .def("find", &find)
      .def("number", &tuned_number)
      .def("__eq__", [](const HeldConfig& a, const HeldConfig& b) { return same(a, b); })
      .def("__str__", [](const HeldConfig& held) { return held.config->to_string(); });
  module.def(
      "update_config_file",
      [](const std::string& path, const HeldConfig& newer) {
        return from_value(update_config_file(path, *newer.config),
                          newer.other_device == OtherDevice::accept);
      },
      py::call_guard<py::gil_scoped_release>());
  module.def("kernel_name", &kernel_name);
}

}  // namespace gavotte::python
