// Metrics in a word.
#pragma once

#include <string>
#include <utility>

#include "build_commit.h"
#include "gavotte/manifest.h"

namespace gavotte::internal {

template <class T>
manifest::Metric<T> metric(T value, manifest::Source source, std::string how) {
  return {std::move(value), source, std::move(how)};
}
template <class T>
manifest::Metric<T> measured(T value, std::string how) {
  return metric(std::move(value), manifest::Source::measured, std::move(how));
}
template <class T>
manifest::Metric<T> derived(T value, std::string how) {
  return metric(std::move(value), manifest::Source::derived, std::move(how));
}
template <class T>
manifest::Metric<T> declared(T value, std::string how) {
  return metric(std::move(value), manifest::Source::declared, std::move(how));
}
template <class T>
manifest::Metric<T> estimated(T value, std::string how) {
  return metric(std::move(value), manifest::Source::estimated, std::move(how));
}
/// What nobody knows, and why.
template <class Metric>
void leave_out(std::string why, Metric& metric) {
  metric = Metric{{}, manifest::Source::unavailable, std::move(why)};
}
template <class... Metrics>
void leave_out_all(const std::string& why, Metrics&... metrics) {
  (leave_out(why, metrics), ...);
}

/// Of the library's sources.
inline manifest::Words commit() {
  if (build_commit().empty())
    return {{}, manifest::Source::unavailable, "the sources lay in no checkout of git"};
  return declared(std::string(build_commit()), "git, when the build was configured");
}

}  // namespace gavotte::internal
