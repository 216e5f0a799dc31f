// Loads libgavotte_cuda.so once, when it is first asked for. Whatever is wrong becomes a reason, which
// Device::cuda_count and the errors of calls on a GPU tell.
#include "cuda_loader.h"

#include <dlfcn.h>
#include <link.h>

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
  std::int64_t (*synchronizations)() = nullptr;
};

/// The folder of the file that this code lies in: libgavotte.so, or the program that links it.
std::filesystem::path own_folder() {
  Dl_info info{};
  void* found = nullptr;
  if (dladdr1(reinterpret_cast<const void*>(&own_folder), &info, &found, RTLD_DL_LINKMAP) == 0)
    return {};
  // A program's own entry has no name (dli_fname is what it was started as, perhaps through PATH).
  const auto* object = static_cast<const link_map*>(found);
  const bool program = object == nullptr || object->l_name == nullptr || *object->l_name == '\0';
  std::error_code error;
  const auto file = std::filesystem::canonical(program ? "/proc/self/exe" : object->l_name, error);
  return error ? std::filesystem::path() : file.parent_path();
}

/// Beside this code, in the lib folder beside its bin folder, then where the loader looks by itself.
/// `why` is the loader's word on the first file that is there, else on the last place.
void* open_library(std::string& why) {
  const std::filesystem::path own = own_folder();
  if (!own.empty()) {
    for (const auto& path : {own / kLibrary, own.parent_path() / "lib" / kLibrary}) {
      std::error_code error;
      if (!std::filesystem::exists(path, error)) continue;
      void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) why = dlerror();
      return library;
    }
  }
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) why = dlerror();
  return library;
}

Loaded try_load() {
  Loaded loaded;
  void* library = open_library(loaded.why_none);
  if (library == nullptr) {
    loaded.why_none = "the CUDA backend does not load: " + loaded.why_none;
    return loaded;
  }
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
  loaded.synchronizations = plugin.synchronizations;
  return loaded;
}

Loaded load() {
  try {
    return try_load();
  } catch (const std::exception& error) {
    return {.why_none = error.what()};
  }
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

std::int64_t cuda_synchronizations() {
  const Loaded& loaded = loaded_once();
  return loaded.synchronizations == nullptr ? 0 : loaded.synchronizations();
}

int cuda_devices(std::string* why_none) {
  const Loaded& loaded = loaded_once();
  if (why_none != nullptr) *why_none = loaded.why_none;
  return loaded.devices;
}

}  // namespace gavotte::internal
