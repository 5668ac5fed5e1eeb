// json.dumps, as the tojson filter of transformers calls it.
#include <fmt/format.h>

#include <cmath>

#include "base/json_escape.h"
#include "text/template/merge_sort.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

void AppendJsonString(std::string_view text, bool ensure_ascii, std::string& out) {
  out += '"';
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = NextCharacter(text, position);
    if (c < 0x80 && AppendJsonEscape(static_cast<char>(c), &out)) continue;
    if (ensure_ascii && c > 0x7E && c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else if (ensure_ascii && c >= 0x10000) {
      out +=
          fmt::format("\\u{:04x}\\u{:04x}", static_cast<uint32_t>(0xD7C0 + (c >> 10)), static_cast<uint32_t>(0xDC00 + (c & 0x3FF)));
    } else {
      out += text.substr(start, position - start);
    }
  }
  out += '"';
}

std::string JsonFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return FloatText(value);
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonLayout& layout, std::string& out) : runtime_(runtime), layout_(layout), out_(out) {}

  // Recurses over members, kMaxValueDepth deep at most.
  Status Append(const Value& value) {
    STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
    STERNA_RETURN_IF_ERROR(runtime_.CheckTextSize(out_.size()));
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        return {};
      case Kind::kBool:
        out_ += value.bool_value() ? "true" : "false";
        return {};
      case Kind::kInt:
        out_ += std::to_string(value.int_value());
        return {};
      case Kind::kFloat:
        out_ += JsonFloat(value.float_value());
        return {};
      case Kind::kString:
        STERNA_RETURN_IF_ERROR(runtime_.SpendOnBytes(value.text().size()));
        AppendJsonString(value.text(), layout_.ensure_ascii, out_);
        return {};
      case Kind::kList:
      case Kind::kTuple:
        return AppendList(AsList(value).items);
      case Kind::kDict:
        return AppendDict(AsDict(value));
      default:
        return InvalidArgument(fmt::format("Object of type {} is not JSON serializable", TypeName(value)));
    }
  }

 private:
  Status AppendList(const std::vector<Value>& items) {
    if (items.empty()) {
      out_ += "[]";
      return {};
    }
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += layout_.item_separator;
      STERNA_RETURN_IF_ERROR(BreakLine());
      STERNA_RETURN_IF_ERROR(Append(items[i]));
    }
    --level_;
    STERNA_RETURN_IF_ERROR(BreakLine());
    out_ += ']';
    return {};
  }

  Status AppendDict(const DictObject& dict) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return {};
    }
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (layout_.sort_keys) {
      STERNA_RETURN_IF_ERROR(MergeSort(entries, [this](const auto* left, const auto* right) {
        return Compare(runtime_, Operator::kLess, left->first, right->first);
      }));
    }
    out_ += '{';
    ++level_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += layout_.item_separator;
      STERNA_RETURN_IF_ERROR(BreakLine());
      STERNA_RETURN_IF_ERROR(AppendKey(entries[i]->first));
      out_ += layout_.key_separator;
      STERNA_RETURN_IF_ERROR(Append(entries[i]->second));
    }
    --level_;
    STERNA_RETURN_IF_ERROR(BreakLine());
    out_ += '}';
    return {};
  }

  Status AppendKey(const Value& key) {
    if (key.is(Kind::kString)) return Append(key);
    if (key.is(Kind::kTuple)) return InvalidArgument("keys must be str, int, float, bool or None, not tuple");
    out_ += '"';  // numbers, booleans and null become strings of themselves
    STERNA_RETURN_IF_ERROR(Append(key));
    out_ += '"';
    return {};
  }

  Status BreakLine() {
    if (!layout_.indent) return {};
    STERNA_RETURN_IF_ERROR(runtime_.CheckTextSize(out_.size() + level_ * layout_.indent->size()));
    out_ += '\n';
    for (size_t i = 0; i < level_; ++i) out_ += *layout_.indent;
    return {};
  }

  Runtime& runtime_;
  const JsonLayout& layout_;
  std::string& out_;
  size_t level_ = 0;
};

}  // namespace

Status AppendJson(Runtime& runtime, const Value& value, const JsonLayout& layout, std::string& out) {
  return JsonWriter(runtime, layout, out).Append(value);
}

}  // namespace sterna::jinja
