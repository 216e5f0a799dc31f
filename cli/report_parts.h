// The files of autotune/report and Chart.js, as bytes of the program: cmake/embed.cmake makes the definitions.
#pragma once

#include <string_view>

namespace gavotte::cli::report_parts {

std::string_view page_html();
std::string_view page_css();
std::string_view page_js();
/// Chart.js; empty in a build without GAVOTTE_WITH_REPORT.
std::string_view chart_min_js();

}  // namespace gavotte::cli::report_parts
