// Values as Python prints them: str(), repr(), and the names of types in messages.
#ifndef STERNA_TEXT_TEMPLATE_PRINT_H_
#define STERNA_TEXT_TEMPLATE_PRINT_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "text/template/heap_object.h"

namespace sterna::jinja {

/// Python's name of the value's type: "str", "NoneType", …
std::string_view TypeName(const Value& value);
/// repr(str).
std::string QuotedText(std::string_view text);
/// repr(float): the shortest decimal that reads back the same.
std::string FloatText(double value);

/// Appends str(value). Spends steps by size; ResourceExhausted where `out` would pass the output limit.
Status AppendText(Runtime& runtime, const Value& value, std::string& out);
Status AppendRepr(Runtime& runtime, const Value& value, std::string& out);
Result<std::string> ToText(Runtime& runtime, const Value& value);
/// repr(value) for messages, cut after 80 characters.
std::string ShortRepr(Runtime& runtime, const Value& value);

/// json.dumps with these arguments. An empty `indent` pointer means one line.
struct JsonLayout {
  bool ensure_ascii = false;
  bool sort_keys = false;
  const std::string* indent = nullptr;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
Status AppendJson(Runtime& runtime, const Value& value, const JsonLayout& layout, std::string& out);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_PRINT_H_
