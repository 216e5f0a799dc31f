// Two columns: the name of an option and its description, wrapped.
#include "help_format.h"

#include <sstream>

namespace gavotte::cli {
namespace {

constexpr std::size_t kWidth = 100;       // of the whole text
constexpr std::size_t kDescription = 24;  // where the second column begins

std::string two_columns(const std::string& name, const std::string& description) {
  std::string out;
  std::string line = "  " + name;
  bool first = true;  // word of its line
  if (line.size() + 2 > kDescription) {
    out += line + "\n";
    line.clear();
  }
  line.resize(kDescription, ' ');
  std::istringstream words(description);
  for (std::string word; words >> word;) {
    if (!first && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line.assign(kDescription, ' ');
      first = true;
    }
    line += (first ? "" : " ") + word;
    first = false;
  }
  return out + line + "\n";
}

}  // namespace

std::string HelpFormat::make_help(const CLI::App* app, std::string name,
                                  CLI::AppFormatMode mode) const {
  // CLI11 puts two empty lines between groups of options.
  std::string text = Formatter::make_help(app, std::move(name), mode);
  for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
  return text;
}

std::string HelpFormat::make_option(const CLI::Option* option, bool is_positional) const {
  return two_columns(make_option_name(option, is_positional) + make_option_opts(option),
                     make_option_desc(option));
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  std::string text;
  // The word of the option alone: CLI11 appends the checks to it after a colon.
  const std::string type = option->get_type_name();
  if (option->get_type_size() != 0 && !type.empty()) text += " " + type.substr(0, type.find(':'));
  if (option->get_positional() && option->get_expected_max() > 1) text += "...";
  return text;
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  return two_columns(command->get_name(), command->get_description());
}

}  // namespace gavotte::cli
