// What the user asked `gavotte run` for.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "gavotte/datasets/writers.h"
#include "gavotte/device_config.h"
#include "gavotte/voxelize.h"
#include "network_source.h"
#include "options.h"

namespace gavotte::cli {

struct RunOptions {
  NetworkSource network;
  std::vector<std::string> scans;
  std::string voxel_size;     ///< Metres: empty, one number, or three with commas.
  std::vector<float> crop_m;  ///< None or min x, y, z, max x, y, z.
  std::string
      features;  ///< Names with commas, or empty: the network's, or the rule of point_features.h.
  std::string reduce = "mean";
  std::string dtype = "float32";
  int threads = 0;
  std::string config;         ///< A file of tuned configs, or empty.
  bool other_device = false;  ///< It may be of another device.
  int rounds = 1;
  int warmup = -1;            ///< -1: none for one round, else 3.
  std::string output_folder;  ///< Empty: beside each scan.
  std::string view = "auto";
  bool score = false;
  bool no_labels = false;
  bool no_picture = false;
  std::string json_path;
  bool quiet = false;
};

/// SCAN, and what makes voxels of it: --voxel-size, --crop, --features, --reduce.
void add_scan_options(Command command, RunOptions& options);
void add_threads_option(Command command, RunOptions& options, const std::string& group);
/// --dtype, --threads, --config, --other-device, --rounds, --warmup; the number of rounds that is there is the default.
void add_execution_options(Command command, RunOptions& options);
void add_run_options(Command command, RunOptions& options);

/// The file of --config for the device, checked before any scan is read; none where the user gave none.
TunedConfig tuned_config(const RunOptions& options, const Device& device = Device::cpu());

PictureView picture_view(const RunOptions& options);

/// The parts of a list with commas; none of an empty one.
std::vector<std::string> split_list(const std::string& list);

/// Throws InputError for values that have no meaning, before any long work.
VoxelizeOptions voxelize_options(const RunOptions& options, const Network& network);
/// The same without a network: `own` is the voxel size where the user gives none; 0 on an axis: 0.1.
VoxelizeOptions voxelize_options(const RunOptions& options, const std::array<double, 3>& own);

/// Where the results of one scan go; empty paths where none is wanted.
struct OutputPaths {
  std::string labels, picture;
};

/// street.bin -> street.labels.ply and street.png. Throws InputError where two scans would write
/// one file or a file cannot be written.
std::vector<OutputPaths> output_paths(const RunOptions& options);

}  // namespace gavotte::cli
