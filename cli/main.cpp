// gavotte: the command-line tool. Parses the arguments, runs one command, turns what went wrong
// into one line on standard error and an exit code.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "build_info.h"
#include "command.h"
#include "gavotte/error.h"
#include "help_format.h"
#include "input_error.h"
#include "joined.h"
#include "output.h"

namespace {

constexpr int kInternal = 1;  // a failure that is not the user's: a bug, no memory
constexpr int kBadInput = 2;  // bad input or usage

int fail(const std::string& message, int code) {
  const std::string line = gavotte::cli::error_line(message);
  std::fwrite(line.data(), 1, line.size(), stderr);
  return code;
}

/// What CLI11 calls a missing subcommand, also where there is a word that names none.
std::string no_such_command(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string> words = app.remaining();
  return "expected one of the commands " + gavotte::cli::joined(names) + ", got " +
         (words.empty() ? "none" : "'" + words.front() + "'");
}

int usage_failure(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* asked = &app;
  std::string command = "gavotte";
  while (!asked->get_subcommands().empty()) {
    asked = asked->get_subcommands().front();
    command += " " + asked->get_name();
  }
  const bool none = asked->get_require_subcommand_min() > 0;
  const std::string what = none ? no_such_command(*asked) : error.what();
  return fail(what + "; see '" + command + " --help'", kBadInput);
}

int run(int argc, char** argv) {
  CLI::App app("Gavotte: sparse convolution networks on 3D point clouds.", "gavotte");
  app.set_version_flag("--version", std::string("gavotte ") + gavotte::cli::build::kVersion,
                       "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.formatter(std::make_shared<gavotte::cli::HelpFormat>());
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  gavotte scene lidar -o street.bin                 make a scan\n"
      "  gavotte run sparse_res_unet42 street.bin          label it: table, street.labels.ply, "
      "street.png\n"
      "  gavotte run sparse_res_unet42 street.bin --json - the same for a program\n"
      "  gavotte inspect sparse_res_unet42                 what a network is made of\n"
      "  gavotte quantize street a.pcd b.pcd -o s8.gavotte make it int8, faster on a CPU\n"
      "  gavotte tune street a.pcd -o device.json          find how its layers run fastest here\n"
      "  gavotte manifest street a.pcd -o m.json           what a scheduler must know of a run\n"
      "  gavotte config show device.json                   what was tuned for a device\n"
      "  gavotte info                                      what this build and this machine offer\n"
      "  gavotte bench peak                                what this machine can reach at most\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.\n"
      "Errors are one line on standard error. 'gavotte COMMAND --help' tells more of a command.");
  const gavotte::cli::Command command(&app);
  gavotte::cli::add_run_command(command);
  gavotte::cli::add_scene_command(command);
  gavotte::cli::add_inspect_command(command);
  gavotte::cli::add_quantize_command(command);
  gavotte::cli::add_manifest_command(command);
  gavotte::cli::add_predict_command(command);
  gavotte::cli::add_tune_command(command);
  gavotte::cli::add_config_command(command);
  gavotte::cli::add_info_command(command);
  gavotte::cli::add_bench_command(command);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return usage_failure(app, error);
  } catch (const gavotte::cli::InputError& error) {
    return fail(error.what(), kBadInput);
  } catch (const gavotte::Error& error) {
    return fail(error.what(), error.kind() == gavotte::ErrorKind::runtime ? kInternal : kBadInput);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail("expected enough memory, the system gave none; use larger voxels or --crop",
                kInternal);
  } catch (const std::exception& error) {
    return fail(error.what(), kInternal);
  }
}
