// A command's options, as the commands see the parser. CLI11 stands behind it in options.cpp: it is all header, and
// would cost each file of the command more of the compiler's time than all else in there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace gavotte::cli {

/// An option that was added to a command. Each function returns it, so that calls chain; a copy is the same option.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  /// The word for the value in --help.
  Option type_name(const std::string& name) const;
  /// The heading that it stands below in --help.
  Option group(const std::string& name) const;
  Option required(bool required = true) const;
  Option needs(Option other) const;
  /// So many values, or from `least` to `most`.
  Option expected(int values) const;
  Option expected(int least, int most) const;
  /// Values may stand in one word, with commas.
  Option comma_separated() const;

  /// What a value must be, else usage is wrong: both ends are in the range.
  Option in_range(std::int64_t least, std::int64_t most) const;
  Option at_least_zero() const;
  Option above_zero() const;
  Option one_of(const std::vector<std::string>& values) const;
  Option not_empty() const;

 private:
  CLI::Option* option_;
};

/// A command or one below it, owned by the parser; a copy is the same command.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  Command add_subcommand(const std::string& name, const std::string& description) const;
  /// Exactly one of the commands below must be given.
  void require_subcommand() const;
  /// `names` as "-o,--output", or "SCAN" for a place among the words without an option. The value is written while the
  /// arguments are parsed; options.cpp lists the types that it may have.
  template <class Value>
  Option add_option(const std::string& names, Value& value, const std::string& description) const;
  Option add_flag(const std::string& names, bool& value, const std::string& description) const;
  Option option(const std::string& name) const;
  /// Whether the user gave the option.
  bool given(const std::string& name) const;
  /// What --help ends with.
  void footer(const std::string& text) const;
  /// What runs where this is the command.
  void callback(std::function<void()> run) const;

 private:
  CLI::App* app_;
};

}  // namespace gavotte::cli
