// Fills the parts of autotune/report: tables in plain HTML, which need no script, and the JSON that charts are drawn from.
#include "report_page.h"

#include <fmt/format.h>

#include <map>

#include "config_text.h"
#include "report_parts.h"
#include "table.h"

namespace gavotte::cli {
namespace {

std::string text_of(const Json& value) { return html_text(value.get<std::string>()); }

std::string name_of(const Json& entry) {
  return html_text(short_layer_name(entry["name"].get<std::string>()));
}

// A number to be read, with the one that it was rounded from.
std::string number(const Json& value, const std::string& shown) {
  return "<data value=\"" + value.dump() + "\">" + html_text(shown) + "</data>";
}
std::string count(const Json& value) {
  return number(value, with_commas(value.get<std::int64_t>()));
}
std::string ms(const Json& value) { return number(value, ms_text(value.get<double>())); }
std::string gain(const Json& value) {
  return number(value, fmt::format("{:.2f}x", value.get<double>()));
}
std::string percent(const Json& value) {
  return number(value, fmt::format("{:.1f}", 100 * value.get<double>()));
}

struct Column {
  const char* head;
  const char* unit;
  const char* style;  // class of its cells
};

class HtmlTable {
 public:
  HtmlTable(std::string id, std::vector<Column> columns) : columns_(std::move(columns)) {
    text_ = "<div class=\"scroll\"><table" + (id.empty() ? "" : " id=\"" + id + "\"") +
            ">\n<thead><tr>";
    for (const Column& column : columns_)
      text_ += fmt::format("<th class=\"{}\">{}<small>{}</small></th>", column.style, column.head,
                           column.unit);
    text_ += "</tr></thead>\n<tbody>\n";
  }
  void add_row(const std::vector<std::string>& cells) {
    text_ += "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i)
      text_ += fmt::format("<td class=\"{}\">", columns_[i].style) + cells[i] + "</td>";
    text_ += "</tr>\n";
  }
  std::string to_string() const { return text_ + "</tbody></table></div>\n"; }

 private:
  std::vector<Column> columns_;
  std::string text_;
};

std::string channels(const Json& layer) {
  const auto groups = layer["groups"].get<int>();
  return fmt::format("{} &rarr; {}", layer["in_channels"].get<std::int64_t>(),
                     layer["out_channels"].get<std::int64_t>()) +
         (groups > 1 ? fmt::format(", groups {}", groups) : "");
}

std::string layer_table(const Json& layers) {
  HtmlTable table("layers", {{"layer", "", "text name"},
                             {"direction", "", "text"},
                             {"default", "ms", ""},
                             {"tuned", "ms", ""},
                             {"gain", "", ""},
                             {"noise", "%", ""},
                             {"padding", "", ""},
                             {"config", "", "text config"},
                             {"voxels", "", ""},
                             {"kernel", "", "text"},
                             {"channels", "", ""},
                             {"dtype", "", "text"}});
  for (const Json& layer : layers) {
    const auto times = layer["layers"].get<int>();
    table.add_row({name_of(layer) + (times > 1 ? fmt::format(" (x {})", times) : ""),
                   text_of(layer["direction"]), ms(layer["default_ms"]), ms(layer["ms"]),
                   gain(layer["gain"]), percent(layer["noise"]),
                   number(layer["padding"], fmt::format("{:.2f}", layer["padding"].get<double>())),
                   text_of(layer["config"]), count(layer["voxels"]), text_of(layer["kernel"]),
                   channels(layer), text_of(layer["dtype"])});
  }
  return table.to_string();
}

std::string map_table(const Json& maps) {
  HtmlTable table("maps", {{"kernel", "", "text"},
                           {"voxels", "", ""},
                           {"default", "ms", ""},
                           {"tuned", "ms", ""},
                           {"gain", "", ""},
                           {"noise", "%", ""},
                           {"config", "", "text config"}});
  for (const Json& map : maps)
    table.add_row({text_of(map["kernel"]), count(map["voxels"]), ms(map["default_ms"]),
                   ms(map["ms"]), gain(map["gain"]), percent(map["noise"]),
                   text_of(map["config"])});
  return table.to_string();
}

std::string candidate_table(const Json& entry) {
  HtmlTable table("", {{"candidate", "", "text config"},
                       {"verdict", "", "text"},
                       {"time", "ms", ""},
                       {"predicted", "ms", ""},
                       {"samples", "", ""}});
  for (const Json& candidate : entry["candidates"]) {
    const std::string verdict = text_of(candidate["verdict"]);
    table.add_row(
        {text_of(candidate["config"]) + (candidate["default"].get<bool>() ? " (the default)" : ""),
         "<span class=\"" + verdict + "\">" + verdict + "</span>", ms(candidate["ms"]),
         ms(candidate["predicted_ms"]), count(candidate["samples"])});
  }
  return table.to_string();
}

std::string chart(const char* kind, const char* entries, std::size_t index,
                  const std::string& label) {
  return fmt::format(
             "<div class=\"chart\"><canvas data-chart=\"{}\" data-entries=\"{}\" "
             "data-index=\"{}\" role=\"img\" aria-label=\"",
             kind, entries, index) +
         label + "\"></canvas></div>\n";
}

std::string candidate_cards(const Json& list, const char* entries) {
  std::string text = "<div class=\"cards\">\n";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    const std::string name = name_of(entry);
    text += "<section class=\"card\">\n<h3>" + name + "</h3>\n<p class=\"about\">" +
            text_of(entry["what"]) + "<br>";
    if (entry["candidates"].empty()) {
      text += "Taken from the file; not timed in this run.</p>\n</section>\n";
      continue;
    }
    text += "default " + ms(entry["default_ms"]) + " ms, tuned " + ms(entry["ms"]) +
            " ms, <strong>" + gain(entry["gain"]) + "</strong></p>\n" +
            chart("candidates", entries, i,
                  "Candidates of " + name + ": time relative to the default") +
            fmt::format("<details><summary>{} candidates</summary>\n", entry["candidates"].size()) +
            candidate_table(entry) + "</details>\n</section>\n";
  }
  return text + "</div>\n";
}

constexpr const char* kLegend =
    "<ul class=\"legend\">"
    "<li><b class=\"winner\">&#9679;</b>winner: has the entry</li>"
    "<li><b class=\"slower\">&#8226;</b>slower: timed to the end</li>"
    "<li><b class=\"rejected\">&#9650;</b>rejected: clearly slower after a few samples</li>"
    "<li><b class=\"pruned\">&#9671;</b>pruned: not timed, predicted to be slow</li>"
    "<li><b class=\"wrong\">&#10005;</b>wrong: other result than the reference</li>"
    "<li><b class=\"unfinished\">&#9675;</b>unfinished: the time was over</li>"
    "<li>dashed line: the default's time; at 0: no time known</li></ul>\n";

std::string body(const Json& report) {
  const Json& layers = report["layers"];
  const Json& maps = report["maps"];
  std::string text;
  if (!layers.empty())
    text += "<h2>Layers</h2>\n<div class=\"card\">\n" +
            chart("times", "layers", 0, "Default and tuned time of each layer, in milliseconds") +
            layer_table(layers) + "</div>\n";
  if (!maps.empty())
    text += "<h2>Kernel maps</h2>\n<div class=\"card\">\n" +
            chart("times", "maps", 0, "Default and tuned time of each map, in milliseconds") +
            map_table(maps) + "</div>\n";
  if (!layers.empty())
    text += std::string("<h2>Candidates of each layer</h2>\n") + kLegend +
            candidate_cards(layers, "layers");
  if (!maps.empty())
    text += std::string("<h2>Candidates of each kernel map</h2>\n") +
            (layers.empty() ? kLegend : "") + candidate_cards(maps, "maps");
  return text;
}

std::string facts(const Json& report) {
  std::string text;
  const auto add = [&](const char* name, const std::string& value) {
    text += std::string("<div><dt>") + name + "</dt><dd>" + value + "</dd></div>\n";
  };
  std::string scans;
  for (const Json& scan : report["scans"])
    scans += (scans.empty() ? "" : ", ") + text_of(scan["name"]) + " (" + count(scan["voxels"]) +
             " voxels)";
  add("device", text_of(report["device"]));
  add("threads", count(report["threads"]));
  add("scans", scans);
  add("budget",
      number(report["budget_s"], fmt::format("{:g} s", report["budget_s"].get<double>())));
  add("used", number(report["seconds"], fmt::format("{:.1f} s", report["seconds"].get<double>())));
  add("timed in this run", count(report["timed"]) + " of " +
                               std::to_string(report["layers"].size() + report["maps"].size()) +
                               " layers and maps");
  add("noise", percent(report["noise"]) + " % of the median");
  return text;
}

// Every {{name}} of the template by its part, in one pass: what a part holds is not looked at.
std::string fill(std::string_view page, const std::map<std::string_view, std::string>& parts) {
  std::string text;
  while (true) {
    const std::size_t open = page.find("{{");
    if (open == std::string_view::npos) return text.append(page);
    const std::size_t close = page.find("}}", open);
    text.append(page.substr(0, open)).append(parts.at(page.substr(open + 2, close - open - 2)));
    page.remove_prefix(close + 2);
  }
}

}  // namespace

bool has_report_page() noexcept { return !report_parts::chart_min_js().empty(); }

std::string html_text(std::string_view text) {
  std::string safe;
  for (const char c : printable(std::string(text))) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string script_json(const Json& json) {
  std::string safe;
  // Of what is ASCII alone; these three occur in JSON within texts only, where an escape stands for them.
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string report_page(const Json& raw) {
  // A path is bytes, a page is UTF-8.
  const Json report = Json::parse(raw.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::string notes;
  for (const Json& note : report["notes"]) notes += "<p class=\"note\">" + text_of(note) + "</p>\n";
  return fill(report_parts::page_html(), {{"title", text_of(report["title"])},
                                          {"lead", "<strong>" + gain(report["gain"]) +
                                                       "</strong> over all layers, each counted "
                                                       "as often as it occurs"},
                                          {"notes", notes},
                                          {"facts", facts(report)},
                                          {"body", body(report)},
                                          {"version", text_of(report["version"])},
                                          {"json", script_json(report)},
                                          {"style", std::string(report_parts::page_css())},
                                          {"chart", std::string(report_parts::chart_min_js())},
                                          {"script", std::string(report_parts::page_js())}});
}

}  // namespace gavotte::cli
