// The commands' options by CLI11.
#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

#include "joined.h"

namespace gavotte::cli {
namespace {

/// Nothing where not all of the text is a number of the type.
template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number number{};
  const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A check that says what it expected, as all errors of the command do; CLI11's own write the limits of their type.
CLI::Option* expect(CLI::Option* option, const std::string& what,
                    std::function<bool(const std::string&)> is_right) {
  return option->check(CLI::Validator(
      [what, is_right = std::move(is_right)](std::string& given) {
        return is_right(given) ? std::string{} : "expected " + what + ", got '" + given + "'";
      },
      ""));
}

template <class Value>
struct Element {
  using Type = Value;
};
template <class Value>
struct Element<std::vector<Value>> : Element<Value> {};
template <class Value>
struct Element<std::optional<Value>> : Element<Value> {};

/// What can be converted, before any other check.
template <class Value>
CLI::Option* of_type(CLI::Option* option) {
  using Number = typename Element<Value>::Type;
  if constexpr (std::is_integral_v<Number>) {
    const std::string what = std::is_signed_v<Number> ? "a whole number" : "a whole number from 0";
    return expect(option, what,
                  [](const std::string& text) { return parsed<Number>(text).has_value(); });
  } else if constexpr (std::is_floating_point_v<Number>) {
    return expect(option, "a number",
                  [](const std::string& text) { return parsed<Number>(text).has_value(); });
  } else {
    return option;
  }
}

}  // namespace

Option Option::type_name(const std::string& name) const { return Option(option_->type_name(name)); }

Option Option::group(const std::string& name) const { return Option(option_->group(name)); }

Option Option::required(bool required) const { return Option(option_->required(required)); }

Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }

Option Option::expected(int values) const { return Option(option_->expected(values)); }

Option Option::expected(int least, int most) const {
  return Option(option_->expected(least, most));
}

Option Option::comma_separated() const { return Option(option_->delimiter(',')); }

Option Option::in_range(std::int64_t least, std::int64_t most) const {
  const std::string what =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  return Option(expect(option_, what, [least, most](const std::string& text) {
    const auto number = parsed<std::int64_t>(text);
    return number && *number >= least && *number <= most;
  }));
}

Option Option::at_least_zero() const {
  return Option(expect(option_, "a number from 0", [](const std::string& text) {
    const auto number = parsed<double>(text);
    return number && std::isfinite(*number) && *number >= 0;
  }));
}

Option Option::above_zero() const {
  return Option(expect(option_, "a number above 0", [](const std::string& text) {
    const auto number = parsed<double>(text);
    return number && std::isfinite(*number) && *number > 0;
  }));
}

Option Option::one_of(const std::vector<std::string>& values) const {
  return Option(expect(option_, "one of " + joined(values), [values](const std::string& text) {
    return std::find(values.begin(), values.end(), text) != values.end();
  }));
}

Option Option::not_empty() const {
  return Option(expect(option_, "a value", [](const std::string& text) { return !text.empty(); }));
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

template <class Value>
Option Command::add_option(const std::string& names, Value& value,
                           const std::string& description) const {
  return Option(of_type<Value>(app_->add_option(names, value, description)));
}

using Text = const std::string&;
template Option Command::add_option(Text, int&, Text) const;
template Option Command::add_option(Text, std::int64_t&, Text) const;
template Option Command::add_option(Text, std::uint64_t&, Text) const;
template Option Command::add_option(Text, double&, Text) const;
template Option Command::add_option(Text, std::string&, Text) const;
template Option Command::add_option(Text, std::vector<int>&, Text) const;
template Option Command::add_option(Text, std::vector<float>&, Text) const;
template Option Command::add_option(Text, std::vector<std::string>&, Text) const;
template Option Command::add_option(Text, std::optional<std::int64_t>&, Text) const;
template Option Command::add_option(Text, std::optional<std::uint64_t>&, Text) const;

Option Command::add_flag(const std::string& names, bool& value,
                         const std::string& description) const {
  return Option(app_->add_flag(names, value, description));
}

Option Command::option(const std::string& name) const { return Option(app_->get_option(name)); }

bool Command::given(const std::string& name) const { return app_->get_option(name)->count() > 0; }

void Command::footer(const std::string& text) const { app_->footer(text); }

void Command::callback(std::function<void()> run) const { app_->callback(std::move(run)); }

}  // namespace gavotte::cli
