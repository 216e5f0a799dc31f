#include "cuda_loader.h"

#include <dlfcn.h>

#include <filesystem>
#include <mutex>

#include "check.h"
#include "cuda_plugin.h"
#include "gavotte/version.h"

namespace gavotte::internal {
namespace {

constexpr const char* kLibrary = "libgavotte_cuda.so";

struct Loaded {
  Backend* backend = nullptr;
  int devices = 0;
  std::string why_none;
};

/// The folder of the file that this code lies in: libgavotte.so, or the program that links it.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr)
    return {};
  std::error_code error;
  const auto file = std::filesystem::weakly_canonical(info.dli_fname, error);
  return error ? std::filesystem::path() : file.parent_path();
}

/// Beside this code, in the lib folder beside its bin folder, then where the loader looks by itself.
void* open_library(std::string& why) {
  const std::filesystem::path own = own_folder();
  for (const std::filesystem::path& path :
       {own / kLibrary, own.parent_path() / "lib" / kLibrary, std::filesystem::path(kLibrary)}) {
    std::error_code error;
    if (path.has_parent_path() && !std::filesystem::exists(path, error)) continue;
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    why = dlerror();
  }
  return nullptr;
}

Loaded load() {
  Loaded loaded;
  void* library = open_library(loaded.why_none);
  if (library == nullptr) return loaded;
  const auto entry = reinterpret_cast<CudaPluginEntry>(dlsym(library, GAVOTTE_CUDA_PLUGIN_ENTRY));
  if (entry == nullptr) {
    loaded.why_none = std::string(kLibrary) + " is not a backend of Gavotte";
    return loaded;
  }
  const CudaPlugin plugin = entry();
  if (plugin.version != version()) {
    loaded.why_none = std::string(kLibrary) + " is of version " + plugin.version +
                      ", this library of " + std::string(version()) +
                      ": install both from one build";
    return loaded;
  }
  loaded.devices = plugin.device_count(loaded.why_none);
  loaded.backend = plugin.backend;
  return loaded;
}

const Loaded& loaded_once() {
  static const Loaded loaded = load();
  return loaded;
}

}  // namespace

Backend& load_cuda(int index) {
  const Loaded& loaded = loaded_once();
  GAVOTTE_CHECK_RUNTIME(loaded.devices > 0, "no CUDA device: " + loaded.why_none);
  GAVOTTE_CHECK_RUNTIME(index >= 0 && index < loaded.devices,
                        "expected a CUDA device of 0 to " + std::to_string(loaded.devices - 1) +
                            ", got cuda:" + std::to_string(index));
  return *loaded.backend;
}

int cuda_devices(std::string* why_none) {
  const Loaded& loaded = loaded_once();
  if (why_none != nullptr) *why_none = loaded.why_none;
  return loaded.devices;
}

}  // namespace gavotte::internal
