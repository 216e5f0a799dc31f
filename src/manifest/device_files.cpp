#include "manifest/device_files.h"

#include "check.h"
#include "network/json.h"
#include "whole_file.h"

namespace gavotte::internal {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;
constexpr double kMostFigure = 1e9;

Json read(const std::string& path, const char* what) {
  Json json = parse_json(read_whole_file(path, what, kMostBytes), path);
  to_object(json, path);
  const std::int64_t format =
      to_integer(member(json, "format", path), 1, 1'000'000, path + ".format");
  GAVOTTE_CHECK(format == 1, path + ": expected format 1, got " + std::to_string(format));
  return json;
}

std::string words(const Json& object, const char* key, const std::string& path) {
  const std::string text = to_text(member(object, key, path), path + "." + key);
  GAVOTTE_CHECK(!text.empty() && text.size() <= 256,
                path + "." + key + ": expected 1 to 256 bytes, got " + std::to_string(text.size()));
  return text;
}

/// null: not known.
std::optional<double> figure(const Json& object, const char* key, const std::string& path) {
  const Json& value = member(object, key, path);
  if (value.is_null()) return std::nullopt;
  const double number = to_number(value, path + "." + key);
  GAVOTTE_CHECK(number > 0 && number <= kMostFigure,
                path + "." + key + ": expected a number above 0 or null, got " + value.dump());
  return number;
}

}  // namespace

DeviceDescription DeviceDescription::load(const std::string& path) {
  const Json json = read(path, "device description");
  check_keys(json,
             {"format", "name", "source", "compute_capability", "units", "clock_mhz",
              "memory_clock_mhz", "gflops", "tensor_gflops", "dram_gb_per_s"},
             path);
  DeviceDescription device;
  device.name = words(json, "name", path);
  device.source = words(json, "source", path);
  const std::string where = path + ".compute_capability";
  const Json& capability = to_array(member(json, "compute_capability", path), 2, where);
  GAVOTTE_CHECK(capability.size() == 2, where + ": expected [major, minor]");
  for (std::size_t i = 0; i < 2; ++i)
    device.compute_capability[i] = static_cast<int>(to_integer(capability[i], 0, 99, where));
  if (const Json& units = member(json, "units", path); !units.is_null())
    device.units = to_integer(units, 1, 100'000, path + ".units");
  device.clock_mhz = figure(json, "clock_mhz", path);
  device.memory_clock_mhz = figure(json, "memory_clock_mhz", path);
  device.gflops = figure(json, "gflops", path);
  device.tensor_gflops = figure(json, "tensor_gflops", path);
  device.dram_gb_per_s = figure(json, "dram_gb_per_s", path);
  return device;
}

ResourceTable ResourceTable::load(const std::string& path,
                                  const std::array<int, 2>& compute_capability) {
  const Json json = read(path, "table of kernel resources");
  check_keys(json, {"format", "toolkit", "architectures"}, path);
  ResourceTable table;
  table.toolkit = words(json, "toolkit", path);
  const std::string wanted =
      "sm_" + std::to_string(compute_capability[0]) + std::to_string(compute_capability[1]);
  const Json& all = to_object(member(json, "architectures", path), path + ".architectures");
  for (const auto& item : all.items()) {
    if (item.key() != wanted && item.key() != wanted + "a") continue;
    table.architecture = item.key();
    const std::string place = path + ".architectures." + item.key();
    for (const auto& kernel : to_object(item.value(), place).items()) {
      const std::string where = place + "." + kernel.key();
      check_keys(kernel.value(),
                 {"registers", "static_shared_bytes", "local_bytes", "spilled_bytes", "barriers"},
                 where);
      const auto number = [&](const char* key, std::int64_t most) {
        return to_integer(member(kernel.value(), key, where), 0, most, where + "." + key);
      };
      table.kernels[kernel.key()] = {
          number("registers", 1024), number("static_shared_bytes", 1 << 20),
          number("local_bytes", 1 << 20), number("spilled_bytes", 1 << 24), number("barriers", 64)};
    }
  }
  return table;
}

}  // namespace gavotte::internal
