// Attribute and item access. Only the kinds of TemplateValue have attributes, and only those listed: there is nothing behind them
// that a template could reach.
#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"
#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

// jinja2.utils.object_type_repr.
std::string DescribeType(const Value& value) {
  if (value.is(Kind::kNone)) return "None";
  return fmt::format("{} object", TypeName(value));
}

Result<Value> MissingAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  return runtime.MakeUndefined(
      fmt::format("{} has no attribute {}", QuotedText(DescribeType(value)), QuotedText(name.substr(0, 200))));
}

Result<Value> UnsafeAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  return runtime.MakeUndefined(
      fmt::format("access to attribute {} of '{}' object is unsafe.", QuotedText(name.substr(0, 200)), TypeName(value)));
}

// The attribute that Python finds on the type, before members of a dict are looked at. Nothing where it has none.
Result<std::optional<Value>> TypeAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  using Found = std::optional<Value>;
  if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
  if (value.is(Kind::kLoop)) return GetLoopAttribute(runtime, value, name);
  if (value.is(Kind::kTuple) && AsList(value).is_group && (name == "grouper" || name == "list")) {
    return Found(value.items()[name == "list" ? 1 : 0]);
  }
  if (value.is(Kind::kNamespace)) {
    const auto& attributes = AsNamespace(value).attributes;
    const auto found = attributes.find(std::string(name));
    if (found != attributes.end()) return Found(found->second);
  }
  if (IsRefusedMethod(value.kind(), name) || (name.starts_with("__") && name.ends_with("__") && name.size() > 4)) {
    STERNA_ASSIGN_OR_RETURN(Value undefined, UnsafeAttribute(runtime, value, name));
    return Found(std::move(undefined));
  }
  if (const Builtin method = FindMethod(value.kind(), name)) {
    STERNA_ASSIGN_OR_RETURN(Value bound, runtime.MakeMethod(method, value));
    return Found(std::move(bound));
  }
  return Found();
}

std::optional<Value> Member(const Value& value, const Value& key) {
  if (!value.is(Kind::kDict)) return std::nullopt;
  const Value* found = AsDict(value).Find(key);
  return found ? std::optional<Value>(*found) : std::nullopt;
}

// Index of an element, negative ones counted from the end; nothing where there is no such element.
std::optional<size_t> Place(int64_t index, int64_t size) {
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

Result<std::optional<Value>> Element(Runtime& runtime, const Value& value, int64_t index) {
  using Found = std::optional<Value>;
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple: {
      const auto& items = AsList(value).items;
      const auto place = Place(index, static_cast<int64_t>(items.size()));
      return place ? Found(items[*place]) : Found();
    }
    case Kind::kRange: {
      const auto place = Place(index, AsRange(value).size);
      if (!place) return Found();
      return Found(Value::Int(AsRange(value).start + static_cast<int64_t>(*place) * AsRange(value).step));
    }
    case Kind::kString: {
      const std::string& text = value.text();
      STERNA_ASSIGN_OR_RETURN(const int64_t size, Length(runtime, value));
      const auto place = Place(index, size);
      if (!place) return Found();
      const size_t start = OffsetOfCharacter(text, *place);
      size_t end = start;
      NextCharacter(text, end);
      STERNA_ASSIGN_OR_RETURN(Value character, runtime.MakeString(text.substr(start, end - start), AsString(value).is_markup));
      return Found(std::move(character));
    }
    default:
      return Found();
  }
}

struct SliceBounds {
  int64_t start = 0, step = 1, count = 0;
};

// slice.indices of Python, and the number of elements it selects.
Result<SliceBounds> Bounds(const Value& start, const Value& stop, const Value& step, int64_t size) {
  SliceBounds out;
  for (const Value* part : {&start, &stop, &step}) {
    if (part->is(Kind::kUndefined)) return InvalidArgument(AsUndefined(*part).message);
    if (!part->is(Kind::kNone) && !IntegerOf(*part)) {
      return InvalidArgument("slice indices must be integers or None or have an __index__ method");
    }
  }
  out.step = IntegerOf(step).value_or(1);
  if (out.step == 0) return InvalidArgument("slice step cannot be zero");
  out.step = std::max(out.step, -INT64_MAX);
  const bool forward = out.step > 0;
  const int64_t lowest = forward ? 0 : -1, highest = forward ? size : size - 1;
  const auto clamp = [&](const Value& part, int64_t fallback) {
    const std::optional<int64_t> index = IntegerOf(part);
    if (!index) return fallback;
    return *index < 0 ? std::max(*index + size, lowest) : std::min(*index, highest);
  };
  out.start = clamp(start, forward ? lowest : highest);
  const int64_t end = clamp(stop, forward ? highest : lowest);
  const int64_t distance = forward ? end - out.start : out.start - end;
  if (distance > 0) out.count = (distance - 1) / (forward ? out.step : -out.step) + 1;
  return out;
}

}  // namespace

Result<Value> GetAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  STERNA_ASSIGN_OR_RETURN(std::optional<Value> found, TypeAttribute(runtime, value, name));
  if (found) return *std::move(found);
  if (value.is(Kind::kDict)) {
    if (const Value* member = AsDict(value).Find(name)) return *member;
  }
  return MissingAttribute(runtime, value, name);
}

Result<Value> GetItem(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
  if (value.is(Kind::kDict) && !key.is(Kind::kString)) STERNA_RETURN_IF_ERROR(runtime.Spend(AsDict(value).entries.size()));
  if (std::optional<Value> member = Member(value, key)) return *std::move(member);
  if (const std::optional<int64_t> index = IntegerOf(key)) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> element, Element(runtime, value, *index));
    if (element) return *std::move(element);
  }
  if (key.is(Kind::kString)) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> attribute, TypeAttribute(runtime, value, key.text()));
    if (attribute) return *std::move(attribute);
    return MissingAttribute(runtime, value, key.text());
  }
  return runtime.MakeUndefined(fmt::format("{} has no element {}", DescribeType(value), ShortRepr(runtime, key)));
}

Result<Value> GetSlice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
  const bool is_list = value.is(Kind::kList) || value.is(Kind::kTuple);
  if (value.is(Kind::kDict)) return InvalidArgument("unhashable type: 'slice'");
  // Slices go to Python itself, past the environment that turns a missing element into undefined.
  if (!is_list && !value.is(Kind::kString) && !value.is(Kind::kRange)) {
    return InvalidArgument(fmt::format("'{}' object is not subscriptable", TypeName(value)));
  }
  STERNA_ASSIGN_OR_RETURN(const int64_t size, Length(runtime, value));
  STERNA_ASSIGN_OR_RETURN(const SliceBounds bounds, Bounds(start, stop, step, size));
  STERNA_RETURN_IF_ERROR(runtime.Spend(static_cast<uint64_t>(bounds.count) / 8));
  if (value.is(Kind::kRange)) {
    const RangeObject& range = AsRange(value);
    if (bounds.count == 0) return runtime.MakeRange(range.start, range.start, 1);
    const int64_t first = range.start + bounds.start * range.step;
    const int64_t stride = bounds.count == 1 ? 1 : range.step * bounds.step;
    const auto stop_value = CheckedAdd(first + (bounds.count - 1) * stride, stride);
    if (!stop_value) return InvalidArgument("the end of the range does not fit 64 bits");
    return runtime.MakeRange(first, *stop_value, stride);
  }
  if (value.is(Kind::kString)) {
    const std::string& text = value.text();
    STERNA_RETURN_IF_ERROR(runtime.CheckItemCount(text.size() / 4));
    std::string out;
    if (bounds.step == 1) {
      const size_t from = OffsetOfCharacter(text, static_cast<size_t>(bounds.start));
      const std::string_view rest = std::string_view(text).substr(from);
      out = rest.substr(0, OffsetOfCharacter(rest, static_cast<size_t>(bounds.count)));
    } else {
      const std::vector<size_t> offsets = CharacterOffsets(text);
      for (int64_t i = 0; i < bounds.count; ++i) {
        const auto at = static_cast<size_t>(bounds.start + i * bounds.step);
        out.append(text, offsets[at], offsets[at + 1] - offsets[at]);
      }
    }
    return runtime.MakeString(std::move(out), AsString(value).is_markup);
  }
  const auto& items = AsList(value).items;
  std::vector<Value> out;
  out.reserve(static_cast<size_t>(bounds.count));
  for (int64_t i = 0; i < bounds.count; ++i) out.push_back(items[static_cast<size_t>(bounds.start + i * bounds.step)]);
  return value.is(Kind::kList) ? runtime.MakeList(std::move(out)) : runtime.MakeTuple(std::move(out));
}

}  // namespace sterna::jinja
