// str.format, with the sandbox's attribute access.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/number_format.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<FormatSpec> ParseSpec(std::string_view text) {
  FormatSpec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  size_t next = 0;
  if (!text.empty()) {
    size_t behind_first = 0;
    NextCharacter(text, behind_first);
    if (behind_first < text.size() && is_align(text[behind_first])) {
      spec.fill = text.substr(0, behind_first);
      spec.align = text[behind_first];
      next = behind_first + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      next = 1;
    }
  }
  const auto peek = [&] { return next < text.size() ? text[next] : '\0'; };
  const auto number = [&] {
    int64_t out = 0;
    for (; peek() >= '0' && peek() <= '9'; ++next) out = std::min<int64_t>(out * 10 + (peek() - '0'), INT32_MAX);
    return out;
  };
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[next++];
  if (peek() == '#') spec.is_alternate = true, ++next;
  if (peek() == '0' && spec.align == '\0') spec.align = '=', spec.fill = "0";
  spec.width = number();
  if (peek() == ',' || peek() == '_') spec.grouping = text[next++];
  if (peek() == '.') {
    ++next;
    if (!(peek() >= '0' && peek() <= '9')) return InvalidArgument("Format specifier missing precision");
    spec.precision = number();
  }
  if (next < text.size()) spec.type = text[next++];
  if (next < text.size()) return InvalidArgument("Invalid format specifier");
  return spec;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Arguments& arguments) : runtime_(runtime), arguments_(arguments) {}

  // `depth`: how many levels of fields inside specifications may follow.
  Result<std::string> Run(std::string_view format, int depth) {
    std::string out;
    for (size_t next = 0; next < format.size();) {
      const char c = format[next];
      STERNA_RETURN_IF_ERROR(runtime_.CheckTextSize(out.size()));
      if (c != '{' && c != '}') {
        const size_t end = std::min(format.find_first_of("{}", next), format.size());
        out += format.substr(next, end - next);
        next = end;
      } else if (next + 1 < format.size() && format[next + 1] == c) {
        out += c;
        next += 2;
      } else if (c == '}') {
        return InvalidArgument("Single '}' encountered in format string");
      } else {
        if (depth == 0) return InvalidArgument("Max string recursion exceeded");
        const size_t end = FieldEnd(format, next + 1);
        if (end == std::string_view::npos) return InvalidArgument("expected '}' before end of string");
        STERNA_ASSIGN_OR_RETURN(const std::string field, Field(format.substr(next + 1, end - next - 1), depth));
        out += field;
        next = end + 1;
      }
    }
    return out;
  }

 private:
  static size_t FieldEnd(std::string_view format, size_t next) {
    for (int open = 1; next < format.size(); ++next) {
      if (format[next] == '{') ++open;
      if (format[next] == '}' && --open == 0) return next;
    }
    return std::string_view::npos;
  }

  Result<std::string> Field(std::string_view field, int depth) {
    STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
    const size_t name_end = std::min(field.find_first_of("!:"), field.size());
    STERNA_ASSIGN_OR_RETURN(Value value, Resolve(field.substr(0, name_end)));
    std::string_view rest = field.substr(name_end);
    if (rest.starts_with('!')) {
      const char conversion = rest.size() > 1 ? rest[1] : '\0';
      if ((conversion != 's' && conversion != 'r') || (rest.size() > 2 && rest[2] != ':')) {
        return InvalidArgument("Unknown conversion specifier in format string");
      }
      std::string text;
      STERNA_RETURN_IF_ERROR(conversion == 's' ? AppendText(runtime_, value, text) : AppendRepr(runtime_, value, text));
      STERNA_ASSIGN_OR_RETURN(value, runtime_.MakeString(std::move(text)));
      rest.remove_prefix(2);
    }
    if (!rest.empty()) rest.remove_prefix(1);
    STERNA_ASSIGN_OR_RETURN(const std::string spec_text, Run(rest, depth - 1));
    return Layout(value, spec_text);
  }

  Result<Value> Resolve(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    STERNA_ASSIGN_OR_RETURN(Value value, Argument(name.substr(0, first_end)));
    name.remove_prefix(first_end);
    while (!name.empty()) {
      if (name[0] == '.') {
        const size_t end = std::min(name.find_first_of(".[", 1), name.size());
        STERNA_ASSIGN_OR_RETURN(value, GetAttribute(runtime_, value, name.substr(1, end - 1)));
        name.remove_prefix(end);
      } else if (name[0] == '[') {
        const size_t end = name.find(']');
        if (end == std::string_view::npos) return InvalidArgument("Missing ']' in format string");
        const std::string_view key = name.substr(1, end - 1);
        const std::optional<int64_t> index = ParseIndex(key);
        STERNA_ASSIGN_OR_RETURN(value, GetItem(runtime_, value, index ? Value::Int(*index) : Value::String(std::string(key))));
        name.remove_prefix(end + 1);
      } else {
        return InvalidArgument("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  static std::optional<int64_t> ParseIndex(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return ParseInteger(text, 10);
  }

  Result<Value> Argument(std::string_view name) {
    std::optional<int64_t> index = ParseIndex(name);
    if (name.empty() || index) {
      const bool is_automatic = name.empty();
      if (is_automatic_ && *is_automatic_ != is_automatic) {
        return InvalidArgument(is_automatic ? "cannot switch from manual field specification to automatic field numbering"
                                            : "cannot switch from automatic field numbering to manual field specification");
      }
      is_automatic_ = is_automatic;
      if (is_automatic) index = next_automatic_++;
      if (*index >= static_cast<int64_t>(arguments_.positional.size())) {
        return InvalidArgument(fmt::format("Replacement index {} out of range for positional args tuple", *index));
      }
      return arguments_.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key == name) return value;
    }
    return InvalidArgument(QuotedText(name.substr(0, 200)));
  }

  Result<std::string> Layout(const Value& value, const std::string& spec_text) {
    if (spec_text.empty()) return ToText(runtime_, value);
    STERNA_ASSIGN_OR_RETURN(const FormatSpec spec, ParseSpec(spec_text));
    if (value.is(Kind::kString)) {
      if (spec.type != '\0' && spec.type != 's') {
        return InvalidArgument(fmt::format("Unknown format code '{}' for object of type 'str'", spec.type));
      }
      if (spec.align == '=' && spec.fill != "0") return InvalidArgument("'=' alignment not allowed in string format specifier");
      if (spec.grouping != '\0') return InvalidArgument(fmt::format("Cannot specify '{}' with 's'.", spec.grouping));
      FormatSpec text_spec = spec;
      if (spec.align == '=') text_spec.align = '<';
      return FormatText(runtime_, value.text(), text_spec);
    }
    if (const std::optional<int64_t> integer = IntegerOf(value)) {
      if (spec.precision && std::string_view("eEfFgG%").find(spec.type) == std::string_view::npos) {
        return InvalidArgument("Precision not allowed in integer format specifier");
      }
      return FormatInteger(runtime_, *integer, spec);
    }
    if (value.is(Kind::kFloat)) return FormatFloat(runtime_, value.float_value(), spec);
    return InvalidArgument(fmt::format("unsupported format string passed to {}.__format__", TypeName(value)));
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  std::optional<bool> is_automatic_;
  int64_t next_automatic_ = 0;
};

}  // namespace

Result<Value> FormatBraces(Runtime& runtime, const Value& format, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(std::string text, BraceFormatter(runtime, arguments).Run(format.text(), 2));
  return runtime.MakeString(std::move(text), AsString(format).is_markup);
}

}  // namespace sterna::jinja
