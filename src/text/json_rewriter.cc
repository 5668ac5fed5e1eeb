#include "text/json_rewriter.h"

#include "base/json_escape.h"

namespace sterna {

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
