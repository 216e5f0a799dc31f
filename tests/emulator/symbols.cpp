// Reads .symtab of an ELF file once; dladdr() knows exported symbols alone.
#include "symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

namespace gavotte::emulator {
namespace {

using Symbols = std::map<std::uintptr_t, std::string>;  // of functions, by address in the file

template <class T>
T read(const std::vector<char>& file, std::size_t at) {
  T value{};
  if (at + sizeof(T) <= file.size()) std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

Symbols read_symbols(const std::string& path) {
  // In one piece: a sanitizer's build, of some 100 MB, takes a second for that file byte by byte.
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  std::vector<char> file(static_cast<std::size_t>(std::max<std::streamoff>(stream.tellg(), 0)));
  stream.seekg(0);
  stream.read(file.data(), static_cast<std::streamsize>(file.size()));
  Symbols symbols;
  const auto header = read<ElfW(Ehdr)>(file, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return symbols;
  const auto section = [&](std::size_t index) {
    return read<ElfW(Shdr)>(file, header.e_shoff + index * header.e_shentsize);
  };
  for (std::size_t s = 0; s < header.e_shnum; ++s) {
    const auto table = section(s);
    if (table.sh_type != SHT_SYMTAB) continue;
    const auto names = section(table.sh_link);
    for (std::size_t at = 0; at < table.sh_size; at += table.sh_entsize) {
      const auto symbol = read<ElfW(Sym)>(file, table.sh_offset + at);
      const std::size_t name = names.sh_offset + symbol.st_name;
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value != 0 && name < file.size())
        symbols.emplace(symbol.st_value, file.data() + name);
    }
  }
  return symbols;
}

}  // namespace

std::string symbol_of(const void* function) {
  Dl_info info{};
  void* found = nullptr;
  if (dladdr1(function, &info, &found, RTLD_DL_LINKMAP) == 0) return {};
  const auto* object = static_cast<const link_map*>(found);
  const bool program = object->l_name == nullptr || *object->l_name == '\0';
  const std::string path = program ? "/proc/self/exe" : object->l_name;
  static std::mutex mutex;
  static std::map<std::string, Symbols> known;
  const std::lock_guard lock(mutex);
  auto of_file = known.find(path);
  if (of_file == known.end()) of_file = known.emplace(path, read_symbols(path)).first;
  const auto symbol =
      of_file->second.find(reinterpret_cast<std::uintptr_t>(function) - object->l_addr);
  return symbol == of_file->second.end() ? std::string() : symbol->second;
}

}  // namespace gavotte::emulator
