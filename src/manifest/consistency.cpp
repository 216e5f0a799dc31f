#include "manifest/consistency.h"

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "check.h"
#include "manifest/formula.h"

namespace gavotte::internal {
namespace {

using manifest::Buffer;
using manifest::Segment;

using Buffers = std::map<std::string, std::int64_t>;  // bytes; -1: not known

Buffers check_buffers(const Manifest& manifest, const std::string& what) {
  Buffers buffers;
  for (std::size_t i = 0; i < manifest.buffers.size(); ++i) {
    const Buffer& buffer = manifest.buffers[i];
    const std::string where = what + ".buffers[" + std::to_string(i) + "]";
    const std::int64_t bytes = evaluate_count(buffer.size, manifest.run.symbols, where + ".size");
    GAVOTTE_CHECK(!buffer.bytes.v || *buffer.bytes.v == bytes,
                  where + ": expected bytes of " + buffer.size + " = " + std::to_string(bytes) +
                      ", got " + std::to_string(*buffer.bytes.v));
    GAVOTTE_CHECK(buffers.emplace(buffer.name, bytes).second,
                  where + ": expected each name once, got '" + buffer.name + "' twice");
  }
  return buffers;
}

void check_segment(const Segment& segment, const Buffers& buffers, const Symbols& symbols,
                   const std::string& where) {
  const auto buffer = buffers.find(segment.buffer);
  GAVOTTE_CHECK(buffer != buffers.end(),
                where + ": expected a buffer of the manifest, got '" + segment.buffer + "'");
  const std::int64_t begin = evaluate_count(segment.begin, symbols, where + ".begin");
  const std::int64_t end = evaluate_count(segment.end, symbols, where + ".end");
  GAVOTTE_CHECK(begin == segment.begin_bytes && end == segment.end_bytes,
                where + ": expected bytes of its formulas, " + std::to_string(begin) + " to " +
                    std::to_string(end) + ", got " + std::to_string(segment.begin_bytes) + " to " +
                    std::to_string(segment.end_bytes));
  GAVOTTE_CHECK(begin <= end && end <= buffer->second,
                where + ": expected bytes within the " + std::to_string(buffer->second) + " of '" +
                    segment.buffer + "', got " + std::to_string(begin) + " to " +
                    std::to_string(end));
}

void check_prediction(const manifest::Prediction& predict, const Symbols& symbols,
                      const std::string& where) {
  if (predict.duration_us.v) evaluate(*predict.duration_us.v, symbols, where + ".duration_us");
  for (const auto& [symbol, range] : predict.valid)
    GAVOTTE_CHECK(
        symbols.contains(symbol) && range.min <= range.max,
        where + ".valid: expected symbols of the run and min up to max, got '" + symbol + "'");
}

void check_launch(const manifest::Launch& launch, const Buffers& buffers, const Symbols& symbols,
                  const std::string& where) {
  for (const auto* segments : {&launch.segments.reads, &launch.segments.writes})
    for (const Segment& segment : *segments)
      check_segment(segment, buffers, symbols, where + ".segments");
  for (const std::string* formula :
       {&launch.shape.in_rows, &launch.shape.out_rows, &launch.shape.pairs})
    evaluate_count(*formula, symbols, where + ".shape");
  for (const auto& [formula, extent, name] :
       {std::tuple{&launch.grid_formula, &launch.grid, ".grid"},
        std::tuple{&launch.block_formula, &launch.block, ".block"}}) {
    if (!formula->v) continue;
    const std::int64_t count = evaluate_count(*formula->v, symbols, where + name + "_formula");
    GAVOTTE_CHECK(!extent->v || extent->v->front() == count,
                  where + name + ": expected first the value of " + *formula->v + " = " +
                      std::to_string(count) + ", got " + std::to_string(extent->v->front()));
  }
  std::set<std::int64_t> once;
  for (const std::int64_t other : launch.dependencies)
    GAVOTTE_CHECK(other >= 0 && other < launch.seq && once.insert(other).second,
                  where + ".dependencies: expected earlier launches, each once, got " +
                      std::to_string(other));
  check_prediction(launch.predict, symbols, where + ".predict");
}

void check_run_prediction(const manifest::RunPrediction& predict, const Symbols& symbols,
                          const std::string& where) {
  check_prediction(predict.total, symbols, where + ".total");
  for (const auto& [symbol, formula] : predict.sizes) {
    const std::string place = where + ".sizes." + symbol;
    GAVOTTE_CHECK(symbols.contains(symbol) && symbol != "points",
                  place + ": expected a symbol of the run, got another");
    const std::vector<std::string> of = {symbol == "N_in" ? "points" : "N_in"};
    linear_form(formula, of, place);
  }
}

}  // namespace

void check_consistency(const Manifest& manifest, const std::string& what) {
  for (const char* symbol : {"N_in", "N_out"})
    GAVOTTE_CHECK(manifest.run.symbols.contains(symbol),
                  what + ".run.symbols: '" + symbol + "' is missing");
  check_run_prediction(manifest.run.predict, manifest.run.symbols, what + ".run.predict");
  const Buffers buffers = check_buffers(manifest, what);
  std::set<std::string> keys;
  std::set<std::int64_t> groups;
  for (std::size_t i = 0; i < manifest.launches.size(); ++i) {
    const manifest::Launch& launch = manifest.launches[i];
    const std::string where = what + ".launches[" + std::to_string(i) + "]";
    GAVOTTE_CHECK(
        launch.seq == static_cast<std::int64_t>(i),
        where + ".seq: expected " + std::to_string(i) + ", got " + std::to_string(launch.seq));
    GAVOTTE_CHECK(
        keys.insert(launch.kernel.key).second,
        where + ".kernel.key: expected each key once, got '" + launch.kernel.key + "' twice");
    const std::int64_t group = launch.safety.restart_group;
    const bool goes_on = i > 0 && manifest.launches[i - 1].safety.restart_group == group;
    GAVOTTE_CHECK(goes_on || groups.insert(group).second,
                  where + ".safety.restart_group: expected launches of group " +
                      std::to_string(group) + " to be neighbours");
    check_launch(launch, buffers, manifest.run.symbols, where);
  }
}

}  // namespace gavotte::internal
