// gavotte info: what this build has and what this machine offers.
#include <fmt/format.h>

#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "build_info.h"
#include "command.h"
#include "cpuinfo.h"
#include "gavotte/device.h"
#include "joined.h"
#include "output.h"

namespace gavotte::cli {
namespace {

// The features that vectorised code asks about, of those that this CPU has.
std::vector<std::string> cpu_features() {
  constexpr std::string_view kAsked[] = {
      "sse4_2",   "avx",         "avx2",        "fma",         "f16c",     "avx512f",
      "avx512dq", "avx512bw",    "avx512vl",    "avx512_vnni", "avx_vnni", "amx_tile",
      "amx_bf16", "avx512_bf16", "avx512_fp16", "amx_int8",    "asimd",    "asimdhp",
      "asimddp",  "sve",         "sve2",        "bf16",        "i8mm"};
  std::istringstream flags(cpuinfo({"flags", "Features"}));
  std::vector<std::string> present;
  for (std::string flag; flags >> flag;) {
    for (const std::string_view asked : kAsked) {
      if (flag == asked) present.push_back(flag);
    }
  }
  return present;
}

bool on(std::string_view value) { return value == "ON" || value == "1" || value == "TRUE"; }

Json describe() {
  Json info;
  info["version"] = build::kVersion;
  info["build"] = {{"compiler", build::kCompiler},
                   {"type", build::kBuildType},
                   {"target", build::kTarget},
                   {"library", on(build::kShared) ? "shared" : "static"},
                   {"sanitizers", build::kSanitize}};
  info["cpu"] = {{"model", cpu_model()},
                 {"threads", std::max(1U, std::thread::hardware_concurrency())},
                 {"features", cpu_features()},
                 {"simd", simd_target()}};
  info["devices"] = Json::array({Device::cpu().to_string()});
  std::string why_no_gpu;
  const int gpus = Device::cuda_count(&why_no_gpu);
  for (int index = 0; index < gpus; ++index)
    info["devices"].push_back(Device{DeviceKind::cuda, index}.to_string());
  info["no_cuda_because"] = gpus > 0 ? Json(nullptr) : Json(why_no_gpu);
  info["default_device"] = Device::best().to_string();
  info["libraries"] = {{"threads", build::kThreads},
                       {"open3d", on(build::kOpen3D) ? Json(build::kOpen3DVersion) : Json(nullptr)},
                       {"libxsmm", on(build::kXsmm)},
                       {"cuda", on(build::kCuda)},
                       {"report", on(build::kReport)}};
  return info;
}

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("  {:<16}{}\n", name, value);
}

std::string known(const Json& list) {
  return list.empty() ? "none known" : joined(list.get<std::vector<std::string>>(), " ");
}

std::string to_text(const Json& info) {
  const Json& made = info["build"];
  const Json& cpu = info["cpu"];
  const Json& libraries = info["libraries"];
  const auto text = [](const Json& value) { return value.get<std::string>(); };
  const auto state = [](const Json& value) { return value.get<bool>() ? "on" : "off"; };
  std::string out = fmt::format("gavotte {}\n\nbuild\n", text(info["version"]));
  out += row("compiler", text(made["compiler"]));
  out += row("type", text(made["type"]) + ", " + text(made["library"]) + " library");
  out += row("target", text(made["target"]));
  if (!text(made["sanitizers"]).empty()) out += row("sanitizers", text(made["sanitizers"]));
  out += "\nmachine\n";
  if (!text(cpu["model"]).empty()) out += row("CPU", text(cpu["model"]));
  out += row("threads", fmt::format("{} (what --threads 0 uses)", cpu["threads"].get<unsigned>()));
  out += row("CPU features", known(cpu["features"]));
  out += row("SIMD target", text(cpu["simd"]));
  out +=
      row("devices", known(info["devices"]) + " (default: " + text(info["default_device"]) + ")");
  out += "\nlibraries\n";
  out += row("threading", text(libraries["threads"]));
  out += row("Open3D", libraries["open3d"].is_null() ? "off: no PLY, PCD, XYZ and PTS"
                                                     : text(libraries["open3d"]));
  out += row("libxsmm", state(libraries["libxsmm"]));
  out += row("CUDA backend", state(libraries["cuda"]));
  out += row("tuning report", libraries["report"].get<bool>() ? "on" : "off: no tune --report");
  if (!info["no_cuda_because"].is_null()) out += row("no GPU", text(info["no_cuda_because"]));
  return out;
}

}  // namespace

void add_info_command(Command app) {
  Command command =
      app.add_subcommand("info", "Print version, build options, CPU features, devices and threads");
  auto json_path = std::make_shared<std::string>();
  command.add_option("--json", *json_path, "Write the same as JSON to FILE, - for standard output")
      .type_name("FILE");
  command.footer("Examples:\n  gavotte info\n  gavotte info --json -");
  command.callback([json_path] {
    const Json info = describe();
    if (!json_path->empty()) write_json(info, *json_path);
    if (*json_path != "-") print(to_text(info));
  });
}

}  // namespace gavotte::cli
