#include "text/template/print.h"

#include <fmt/format.h>

#include "text/template/python_text.h"
#include "text/template/runtime.h"
#include "text/template/syntax_tree.h"

namespace sterna::jinja {
namespace {

Status AppendMembers(Runtime& runtime, const std::vector<Value>& items, std::string& out) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    STERNA_RETURN_IF_ERROR(AppendRepr(runtime, items[i], out));
  }
  return {};
}

Status AppendDictRepr(Runtime& runtime, const DictObject& dict, std::string& out) {
  out += '{';
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0) out += ", ";
    STERNA_RETURN_IF_ERROR(AppendRepr(runtime, dict.entries[i].first, out));
    out += ": ";
    STERNA_RETURN_IF_ERROR(AppendRepr(runtime, dict.entries[i].second, out));
  }
  out += '}';
  return {};
}

Status AppendViewRepr(Runtime& runtime, const DictViewObject& view, std::string& out) {
  const auto& entries = AsDict(view.dict).entries;
  out += view.what == DictViewObject::What::kKeys     ? "dict_keys(["
         : view.what == DictViewObject::What::kValues ? "dict_values(["
                                                      : "dict_items([";
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out += ", ";
    const auto& [key, value] = entries[i];
    if (view.what == DictViewObject::What::kItems) out += '(';
    if (view.what != DictViewObject::What::kValues) STERNA_RETURN_IF_ERROR(AppendRepr(runtime, key, out));
    if (view.what == DictViewObject::What::kItems) out += ", ";
    if (view.what != DictViewObject::What::kKeys) STERNA_RETURN_IF_ERROR(AppendRepr(runtime, value, out));
    if (view.what == DictViewObject::What::kItems) out += ')';
  }
  out += "])";
  return {};
}

}  // namespace

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return AsString(value).is_markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kDict:
      return "dict";
    case Kind::kTuple:
      return "tuple";
    case Kind::kRange:
      return "range";
    case Kind::kDictView:
      switch (AsDictView(value).what) {
        case DictViewObject::What::kKeys:
          return "dict_keys";
        case DictViewObject::What::kValues:
          return "dict_values";
        default:
          return "dict_items";
      }
    case Kind::kIterator:
      return "generator";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kCallable:
      return "builtin_function_or_method";
    case Kind::kMacro:
      return "Macro";
    case Kind::kNamespace:
      return "TemplateNamespace";
    case Kind::kLoop:
      return "LoopContext";
  }
  return "object";
}

std::string QuotedText(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos, has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t position = 0; position < text.size();) {
    const char32_t c = NextCharacter(text, position);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsPrintable(c)) {
      AppendCharacter(c, out);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
  }
  out += quote;
  return out;
}

Status AppendText(Runtime& runtime, const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kString:
      STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{out.size()} + value.text().size()));
      STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(value.text().size()));
      out += value.text();
      return {};
    case Kind::kUndefined:
      return {};
    default:
      return AppendRepr(runtime, value, out);
  }
}

// Recurses over members, kMaxValueDepth deep at most; the steps and the output limit bound how much a shared member is repeated.
Status AppendRepr(Runtime& runtime, const Value& value, std::string& out) {
  STERNA_RETURN_IF_ERROR(runtime.Spend(1));
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(out.size()));
  switch (value.kind()) {
    case Kind::kNone:
      out += "None";
      return {};
    case Kind::kBool:
      out += value.bool_value() ? "True" : "False";
      return {};
    case Kind::kInt:
      out += std::to_string(value.int_value());
      return {};
    case Kind::kFloat:
      out += FloatText(value.float_value());
      return {};
    case Kind::kString:
      STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(value.text().size()));
      out += AsString(value).is_markup ? "Markup(" + QuotedText(value.text()) + ")" : QuotedText(value.text());
      return {};
    case Kind::kList:
      out += '[';
      STERNA_RETURN_IF_ERROR(AppendMembers(runtime, AsList(value).items, out));
      out += ']';
      return {};
    case Kind::kTuple:
      out += '(';
      STERNA_RETURN_IF_ERROR(AppendMembers(runtime, AsList(value).items, out));
      out += AsList(value).items.size() == 1 ? ",)" : ")";
      return {};
    case Kind::kDict:
      return AppendDictRepr(runtime, AsDict(value), out);
    case Kind::kDictView:
      return AppendViewRepr(runtime, AsDictView(value), out);
    case Kind::kRange: {
      const RangeObject& range = AsRange(value);
      out += range.step == 1 ? fmt::format("range({}, {})", range.start, range.stop)
                             : fmt::format("range({}, {}, {})", range.start, range.stop, range.step);
      return {};
    }
    case Kind::kUndefined:
      out += "Undefined";
      return {};
    case Kind::kMacro: {
      const Statement& definition = *AsMacro(value).definition;
      const bool is_named = definition.kind == StatementKind::kMacro;
      out += is_named ? fmt::format("<Macro {}>", QuotedText(definition.text)) : "<Macro anonymous>";
      return {};
    }
    // Python prints addresses or members here; a template that shows them is broken, and members may form a cycle.
    default:
      out += fmt::format("<{}>", TypeName(value));
      return {};
  }
}

Result<std::string> ToText(Runtime& runtime, const Value& value) {
  std::string out;
  STERNA_RETURN_IF_ERROR(AppendText(runtime, value, out));
  return out;
}

std::string ShortRepr(Runtime& runtime, const Value& value) {
  if (value.is(Kind::kString) && value.text().size() > 80) return QuotedText(value.text().substr(0, 80)) + "...";
  std::string out;
  if (!AppendRepr(runtime, value, out).ok()) return fmt::format("<{}>", TypeName(value));
  if (out.size() > 80) out = out.substr(0, OffsetOfCharacter(out, 80)) + "...";
  return out;
}

}  // namespace sterna::jinja
