// The commands of the tool: each adds itself, its options and its help to the parser, and runs from
// the parser's callback.
#pragma once

#include "options.h"

namespace gavotte::cli {

void add_run_command(Command app);
void add_scene_command(Command app);
void add_inspect_command(Command app);
void add_manifest_command(Command app);
void add_predict_command(Command app);
void add_quantize_command(Command app);
void add_tune_command(Command app);
void add_config_command(Command app);
void add_info_command(Command app);
void add_bench_command(Command app);

}  // namespace gavotte::cli
