// How --help is laid out: descriptions wrapped to the width of a terminal, no validator in the way.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace gavotte::cli {

class HelpFormat : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace gavotte::cli
