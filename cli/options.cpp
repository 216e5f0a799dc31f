// The commands' options by CLI11.
#include "options.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

namespace gavotte::cli {

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
  return Option(option_->check(CLI::Range(least, most)));
}

Option Option::at_least_zero() const { return Option(option_->check(CLI::NonNegativeNumber)); }

Option Option::above_zero() const { return Option(option_->check(CLI::PositiveNumber)); }

Option Option::one_of(const std::vector<std::string>& values) const {
  return Option(option_->check(CLI::IsMember(values)));
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

template <class Value>
Option Command::add_option(const std::string& names, Value& value,
                           const std::string& description) const {
  return Option(app_->add_option(names, value, description));
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
