// Runs a fuzz target without a fuzzing engine: every file of the corpus, then mutations of each
// from a fixed seed. What the engine found once stays in the corpus and is tested in every build.
//   PROGRAM MUTATIONS_PER_FILE CORPUS_FOLDER
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

void run(const Bytes& input) {
  // A copy of exactly this size, so that AddressSanitizer sees one byte too many.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

// One to four edits: flip a bit, overwrite by an extreme value, cut, repeat a piece, change a
// digit.
Bytes mutated(Bytes bytes, std::mt19937_64& random) {
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (std::size_t edit = 0, edits = 1 + below(4); edit < edits && !bytes.empty(); ++edit) {
    const std::size_t at = below(bytes.size());
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1u << below(8)));
        break;
      case 1: {
        constexpr std::uint8_t kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
        const std::size_t length =
            std::min<std::size_t>(std::size_t{1} << below(4), bytes.size() - at);
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, kExtremes[below(4)]);
        break;
      }
      case 2:
        bytes.resize(at);
        break;
      case 3: {
        const std::size_t length = std::min(1 + below(64), bytes.size() - at);
        const Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(at + length));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())),
                     piece.begin(), piece.end());
        break;
      }
      default: {
        const auto digit =
            std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                         [](std::uint8_t c) { return c >= '0' && c <= '9'; });
        if (digit != bytes.end()) *digit = "0123456789-e."[below(13)];
      }
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MUTATIONS_PER_FILE CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  const long mutations = std::strtol(argv[1], nullptr, 10);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s: the corpus %s is empty\n", argv[0], argv[2]);
    return 1;
  }
  std::mt19937_64 random(20260101);
  run({});
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const Bytes seed((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    run(seed);
    for (long i = 0; i < mutations; ++i) run(mutated(seed, random));
  }
  std::printf("%zu files, %ld mutations of each\n", files.size(), mutations);
  return 0;
}
