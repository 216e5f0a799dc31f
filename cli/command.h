// The commands of the tool: each adds itself, its options and its help to the parser, and runs from
// the parser's callback.
#pragma once

#include <CLI/CLI.hpp>

namespace gavotte::cli {

void add_run_command(CLI::App& app);
void add_scene_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_manifest_command(CLI::App& app);
void add_predict_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_tune_command(CLI::App& app);
void add_config_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_bench_command(CLI::App& app);

}  // namespace gavotte::cli
