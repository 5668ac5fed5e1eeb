#include "text/json_rewriter.h"

#include <fmt/format.h>

namespace sterna {

std::string JsonQuoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<uint8_t>(c));
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string RewriteObject(simdjson::dom::object object,
                          FunctionRef<std::string(std::string_view key, simdjson::dom::element value)> value_of) {
  std::string out = "{";
  for (const auto& [key, value] : object) {
    const std::string text = value_of(key, value);
    if (text.empty()) continue;
    if (out.size() > 1) out.push_back(',');
    out += JsonQuoted(key) + ':' + text;
  }
  out.push_back('}');
  return out;
}

}  // namespace sterna
