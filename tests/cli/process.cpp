// posix_spawn with standard output and error sent to files.
#include "cli/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace gavotte::test {

namespace fs = std::filesystem;

namespace {

// Calls `meanwhile` with the process, then waits for its end.
template <class Meanwhile>
Outcome run(const std::vector<std::string>& arguments, const fs::path& folder,
            Meanwhile&& meanwhile) {
  const TemporaryFolder outputs;
  const std::string out = outputs.file("out");
  const std::string err = outputs.file("err");
  std::vector<std::string> words = {GAVOTTE_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t child = 0;
  const int failed = posix_spawn(&child, GAVOTTE_COMMAND, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " GAVOTTE_COMMAND);

  meanwhile(child);
  int status = 0;
  if (waitpid(child, &status, 0) != child)
    throw std::runtime_error("cannot wait for " GAVOTTE_COMMAND);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(out),
          .err = read_file(err)};
}

}  // namespace

Outcome gavotte(const std::vector<std::string>& arguments, const fs::path& folder) {
  return run(arguments, folder, [](pid_t) {});
}

Outcome gavotte_interrupted(const std::vector<std::string>& arguments, const fs::path& file) {
  return run(arguments, ".", [&](pid_t child) {
    siginfo_t ended = {};
    while (!fs::exists(file) && ended.si_pid == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    kill(child, SIGINT);
  });
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "gavotte-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << bytes;
  return file(name);
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string complaint_problem(const Outcome& outcome) {
  if (outcome.code != 2) {
    return "exit code " + std::to_string(outcome.code) + ", standard error: " + outcome.err;
  }
  if (!outcome.out.empty()) return "standard output: " + outcome.out;
  const auto lines = std::count(outcome.err.begin(), outcome.err.end(), '\n');
  if (lines != 1 || outcome.err.back() != '\n' || !outcome.err.starts_with("gavotte: ")) {
    return "expected one line that begins with 'gavotte: ', got: " + outcome.err;
  }
  return {};
}

}  // namespace gavotte::test
