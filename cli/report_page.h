// The page of `gavotte tune --report`: one HTML file with all that it needs in it.
#pragma once

#include <string>
#include <string_view>

#include "output.h"

namespace gavotte::cli {

/// False in a build without GAVOTTE_WITH_REPORT.
bool has_report_page() noexcept;

/// The page of what tune_json() made. Names in it may hold anything: none reaches the page as markup or script.
std::string report_page(const Json& report);

/// Text between tags, or within quotes of an attribute.
std::string html_text(std::string_view text);

/// JSON for the inside of a <script>: no text in it ends the script or opens a comment.
std::string script_json(const Json& json);

}  // namespace gavotte::cli
