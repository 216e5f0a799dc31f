// Finds how the layers of a network run fastest on a device, by timing.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gavotte/device_config.h"
#include "gavotte/kernel_map.h"
#include "gavotte/network.h"
#include "gavotte/voxelize.h"

namespace gavotte {

/// One computation of a layer on a scan's map: what the Tuner times.
struct LayerProblem {
  std::string
      name;  ///< For people; layers of one kind and size are one problem, of the first one's name.
  LayerKind kind;
  KernelMap map;  ///< Of the forward pass, in every direction.
};

/// A kernel map to be built.
struct MapProblem {
  MapKind kind;
  Coordinates input;
  ConvSpec spec;
};

/// How far a Tuner has come.
struct TuneProgress {
  double elapsed_s = 0, budget_s = 0;
  int done = 0, total = 0;  ///< Problems.
  double gain = 1;          ///< Default time / best time, over the problems that are done.
  std::string name;         ///< Of the problem at hand.
};

struct TuneOptions {
  Device device = {};
  Stream stream = {};
  int threads = 0;  ///< Budget of a call, as in Execution; the Tuner itself uses no others.
  double budget_s =
      60;  ///< No problem is begun after it; each gets its share by the time that it takes.
  bool maps = true;  ///< Kernel maps too.
  /// Entries of it are not timed again; its cost model orders the candidates. Of the same device.
  DeviceConfig start = {};
  /// Where it is not empty: update_config_file() after each problem, so that an interrupt loses nothing.
  std::string path = {};
  /// Called after each problem and at least every 0.2 s; false ends the tuning with what is found so far.
  std::function<bool(const TuneProgress&)> progress = {};
};

/// winner: has the entry. slower: timed to the end. rejected: clearly slower after a few samples. pruned: not timed,
/// since the cost model says that it cannot win. wrong: its result was not that of the reference. unfinished: the time
/// was over.
enum class Verdict { winner, slower, rejected, pruned, wrong, unfinished };
GAVOTTE_API std::string_view name(Verdict verdict) noexcept;

struct LayerCandidate {
  ConvConfig config;
  double predicted_ms = 0;  ///< 0: no model yet.
  double ms = 0;            ///< Median; 0: not timed.
  int samples = 0;
  Verdict verdict = Verdict::unfinished;
  bool is_default = false;
};
struct MapCandidate {
  MapConfig config;
  double ms = 0;
  int samples = 0;
  Verdict verdict = Verdict::unfinished;
  bool is_default = false;
};

struct LayerTuning {
  std::string name;
  int layers = 1;  ///< Of the network that are of this kind and size.
  TunedLayer best;
  double padding = 0;       ///< Padded / real rows of the winner's grouped GEMMs; 1 = none.
  bool from_start = false;  ///< Nothing was timed.
  std::vector<LayerCandidate> candidates;
};
struct MapTuning {
  TunedMap best;
  bool from_start = false;
  std::vector<MapCandidate> candidates;
};

struct GAVOTTE_API TuneReport {
  DeviceConfig config;
  std::vector<LayerTuning> layers;
  std::vector<MapTuning> maps;
  double seconds = 0;
  double noise = 0;      ///< Median over the problems: how far samples of one config lie apart.
  bool noisy = false;    ///< Other work disturbed the times: see noise_text().
  bool finished = true;  ///< Every problem was done.
  int timed = 0;         ///< Problems that were timed in this run.
  /// Default time / tuned time over all layers, each counted as often as it occurs.
  double gain() const;
  /// A sentence for people; empty where nothing disturbed the times.
  std::string noise_text() const;
};

/// What there is to tune: add networks with scans, or layers; then run once.
class GAVOTTE_API Tuner {
 public:
  /// Throws Error: an illegal option, a device that is not there, a start of another device.
  explicit Tuner(TuneOptions options = {});
  Tuner(Tuner&&) noexcept;
  Tuner& operator=(Tuner&&) noexcept;
  ~Tuner();

  /// The layers and maps of a network on a scan, in the forward direction where none is given. int8 layers have a
  /// forward pass alone, whatever the directions. Throws Error as Executor::run() would, and for a scan without voxels.
  void add(const Network& network, const Voxels& scan, DType dtype = DType::float32,
           std::span<const Direction> directions = {});
  void add(LayerProblem problem);
  void add(MapProblem problem);
  int problems() const noexcept;

  /// Times candidates against the default, side by side; a winner's result was compared with that of a reference, and
  /// it is faster than the default by more than the noise, else the default itself is the entry. Deterministic but for
  /// the times. Changes nothing but the file at options.path.
  TuneReport run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gavotte
