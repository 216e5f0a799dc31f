#include "peak/peak.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <utility>

#include "peak/machine.h"
#include "peak/multiply_adds.h"
#include "peak/streams.h"
#include "peak/together.h"

namespace gavotte::peak {
namespace {

// One figure, and how a round of it is run: the rate that it reached.
struct Task {
  Figure figure;
  std::function<double()> round;
  std::vector<double> samples = {};
};

// So many iterations that they take about `seconds`: doubled until a tenth of that is measured,
// then scaled.
std::int64_t iterations_for(const MultiplyAdds& loop, double seconds) {
  for (std::int64_t iterations = 1 << 10;; iterations *= 2) {
    const double taken = seconds_together(1, [&](int) { loop.run(iterations); });
    if (taken >= seconds / 10)
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(static_cast<double>(iterations) * seconds / taken));
  }
}

void append_arithmetic(const Options& options, std::vector<Task>& tasks) {
  for (const MultiplyAdds& loop : multiply_adds()) {
    const std::int64_t iterations = iterations_for(loop, options.round_s);
    for (const int threads : thread_counts(options.threads)) {
      const auto round = [loop, iterations, threads] {
        const double seconds = seconds_together(threads, [&](int) { loop.run(iterations); });
        return static_cast<double>(loop.operations) * static_cast<double>(iterations) * threads /
               seconds / 1e9;
      };
      Figure figure{loop.dtype, loop.instruction, loop.vector_bits, threads, {}};
      tasks.push_back({std::move(figure), round});
    }
  }
}

// Three arrays, each thread with its slice of them.
class Arrays {
 public:
  Arrays(std::int64_t bytes, int threads)
      : elements_(std::max<std::int64_t>(bytes / static_cast<std::int64_t>(sizeof(float)), 1)) {
    elements_ = (elements_ + kStreamStep - 1) / kStreamStep * kStreamStep;
    for (auto& array : arrays_) {
      array = hwy::AllocateAligned<float>(static_cast<std::size_t>(elements_));
      if (!array) throw std::bad_alloc();
    }
    // A page lies near the thread that touches it first.
    seconds_together(threads, [&](int thread) {
      const auto [first, end] = slice(thread, threads);
      for (auto& array : arrays_) std::fill(array.get() + first, array.get() + end, 1.0F);
    });
  }

  std::int64_t bytes() const { return elements_ * static_cast<std::int64_t>(sizeof(float)); }

  // Bytes a second, 10^9.
  double rate(Stream stream, int threads) const {
    const double seconds = seconds_together(threads, [&](int thread) {
      const auto [first, end] = slice(thread, threads);
      run_stream(stream, arrays_[0].get() + first, arrays_[1].get() + first,
                 arrays_[2].get() + first, end - first);
    });
    return static_cast<double>(elements_) * bytes_per_element(stream) / seconds / 1e9;
  }

 private:
  std::pair<std::int64_t, std::int64_t> slice(int thread, int threads) const {
    const std::int64_t steps = elements_ / kStreamStep;
    return {steps * thread / threads * kStreamStep, steps * (thread + 1) / threads * kStreamStep};
  }

  std::int64_t elements_;
  hwy::AlignedFreeUniquePtr<float[]> arrays_[3];
};

void append_memory(const Options& options, const Arrays& arrays, std::vector<Task>& tasks) {
  for (const Stream stream : kStreams) {
    for (const int threads : thread_counts(options.threads)) {
      Figure figure{name_of(stream), "", 0, threads, {}};
      const auto round = [&arrays, stream, threads] { return arrays.rate(stream, threads); };
      tasks.push_back({std::move(figure), round});
    }
  }
}

}  // namespace

std::vector<int> thread_counts(int most) {
  std::vector<int> counts;
  for (int count = 1; count < most; count *= 2) counts.push_back(count);
  counts.push_back(most);
  return counts;
}

Rate rate_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double fraction) {
    const double at = fraction * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return std::lerp(samples[below], samples[above], at - static_cast<double>(below));
  };
  const double median = quantile(0.5);
  return {median, samples.back(), (quantile(0.75) - quantile(0.25)) / median};
}

Peak measure(const Options& options, const std::function<void(int done, int total)>& progress) {
  Peak peak;
  peak.last_level_cache_bytes = last_level_cache_bytes();
  const std::int64_t wanted = options.array_bytes > 0
                                  ? options.array_bytes
                                  : array_bytes_beyond(peak.last_level_cache_bytes, memory_bytes());
  const Arrays arrays(wanted, options.threads);
  peak.array_bytes = arrays.bytes();

  std::vector<Task> tasks;
  append_arithmetic(options, tasks);
  const std::size_t arithmetic = tasks.size();
  append_memory(options, arrays, tasks);

  const int total = static_cast<int>(tasks.size()) * options.rounds;
  int done = 0;
  for (int round = 0; round < options.rounds; ++round) {
    for (Task& task : tasks) {
      task.samples.push_back(task.round());
      progress(++done, total);
    }
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].figure.rate = rate_of(std::move(tasks[i].samples));
    (i < arithmetic ? peak.arithmetic : peak.memory).push_back(std::move(tasks[i].figure));
  }
  return peak;
}

}  // namespace gavotte::peak
