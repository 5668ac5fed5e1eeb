// Methods that look into a str, list, tuple or dict and change nothing.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

// The part of a text that optional start and end arguments select, and the index of its first character.
struct Window {
  std::string_view text;
  size_t first_character = 0;
  bool exists = true;  // a start behind the end selects nothing, not even the empty text
};

Result<Window> SelectWindow(Runtime& runtime, const Value& self, const BoundArguments& bound) {
  Window out{self.text(), 0, true};
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(out.text.size()));
  if (bound.IsNoneOrMissing(1) && bound.IsNoneOrMissing(2)) return out;
  const auto size = static_cast<int64_t>(CountCharacters(out.text));
  int64_t start = 0, end = size;
  if (!bound.IsNoneOrMissing(1)) {
    STERNA_ASSIGN_OR_RETURN(start, bound.IntOr(1, 0));
  }
  if (!bound.IsNoneOrMissing(2)) {
    STERNA_ASSIGN_OR_RETURN(end, bound.IntOr(2, size));
  }
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (end < 0) end = std::max<int64_t>(end + size, 0);
  if (start > size) return Window{{}, 0, false};
  end = std::clamp(end, start, size);
  const size_t from = OffsetOfCharacter(out.text, static_cast<size_t>(start));
  const size_t to = OffsetOfCharacter(out.text, static_cast<size_t>(end));
  return Window{out.text.substr(from, to - from), static_cast<size_t>(start), true};
}

template <bool kFromRight, bool kMustExist>
Result<Value> Find(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("find", arguments, {"sub", "start", "end"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view what, bound.Text(0));
  STERNA_ASSIGN_OR_RETURN(const Window window, SelectWindow(runtime, self, bound));
  std::optional<size_t> found;
  if (window.exists) found = kFromRight ? FindLastText(window.text, what) : FindText(window.text, what);
  if (found) return Value::Int(static_cast<int64_t>(window.first_character + CountCharacters(window.text.substr(0, *found))));
  if (kMustExist) return InvalidArgument("substring not found");
  return Value::Int(-1);
}

Result<Value> CountText(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("count", arguments, {"sub", "start", "end"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view what, bound.Text(0));
  STERNA_ASSIGN_OR_RETURN(const Window window, SelectWindow(runtime, self, bound));
  if (!window.exists) return Value::Int(0);
  if (what.empty()) return Value::Int(static_cast<int64_t>(CountCharacters(window.text)) + 1);
  int64_t count = 0;
  for (std::optional<size_t> at = FindText(window.text, what); at; at = FindText(window.text, what, *at + what.size())) ++count;
  return Value::Int(count);
}

template <bool kAtEnd>
Result<Value> HasAffix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const std::string_view name = kAtEnd ? "endswith" : "startswith";
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind(name, arguments, {"affix", "start", "end"}, 1));
  STERNA_ASSIGN_OR_RETURN(const Window window, SelectWindow(runtime, self, bound));
  const auto fits = [&window](const Value& affix) {
    if (!window.exists) return false;
    return kAtEnd ? window.text.ends_with(affix.text()) : window.text.starts_with(affix.text());
  };
  const Value& affix = *bound.at(0);
  if (affix.is(Kind::kString)) return Value::Bool(fits(affix));
  if (affix.is(Kind::kUndefined)) {
    return InvalidArgument(fmt::format("{} first arg must be str or a tuple of str, not Undefined", name));
  }
  const bool is_tuple_of_texts = affix.is(Kind::kTuple) && std::all_of(affix.items().begin(), affix.items().end(),
                                                                       [](const Value& item) { return item.is(Kind::kString); });
  if (!is_tuple_of_texts) {
    return InvalidArgument(fmt::format("{} first arg must be str or a tuple of str, not {}", name, TypeName(affix)));
  }
  return Value::Bool(std::any_of(affix.items().begin(), affix.items().end(), fits));
}

template <CharacterClass kClass>
Result<Value> IsOfClass(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("str method", arguments, {}).status());
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
  return Value::Bool(AllCharactersAre(self.text(), kClass));
}

template <bool (*kPredicate)(std::string_view)>
Result<Value> Asked(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("str method", arguments, {}).status());
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
  return Value::Bool(kPredicate(self.text()));
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Result<Value> IndexOfItem(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("index", arguments, {"value"}, 1));
  for (size_t i = 0; i < self.items().size(); ++i) {
    STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, self.items()[i], *bound.at(0)));
    if (equal) return Value::Int(static_cast<int64_t>(i));
  }
  return InvalidArgument(fmt::format("{} is not in {}", ShortRepr(runtime, *bound.at(0)), TypeName(self)));
}

Result<Value> CountItem(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("count", arguments, {"value"}, 1));
  int64_t count = 0;
  for (const Value& item : self.items()) {
    STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, item, *bound.at(0)));
    count += equal ? 1 : 0;
  }
  return Value::Int(count);
}

// Values never change, so the same one serves as its copy.
Result<Value> Copy(Runtime&, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("copy", arguments, {}).status());
  return self;
}

Result<Value> Get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("get", arguments, {"key", "default"}, 1));
  STERNA_RETURN_IF_ERROR(CheckHashable(*bound.at(0)));
  if (!bound.at(0)->is(Kind::kString)) STERNA_RETURN_IF_ERROR(runtime.Spend(AsDict(self).entries.size()));
  const Value* found = AsDict(self).Find(*bound.at(0));
  return found ? *found : bound.ValueOr(1, Value());
}

template <DictViewObject::What kWhat>
Result<Value> View(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("dict method", arguments, {}).status());
  return runtime.MakeDictView(self, kWhat);
}

constexpr NamedBuiltin kStringMethods[] = {
    {"count", CountText},
    {"endswith", HasAffix<true>},
    {"find", Find<false, false>},
    {"index", Find<false, true>},
    {"isalnum", IsOfClass<CharacterClass::kAlphanumeric>},
    {"isalpha", IsOfClass<CharacterClass::kAlphabetic>},
    {"isascii", Asked<IsAscii>},
    {"isdecimal", IsOfClass<CharacterClass::kDecimal>},
    {"isdigit", IsOfClass<CharacterClass::kDigit>},
    {"islower", Asked<IsLower>},
    {"isnumeric", IsOfClass<CharacterClass::kNumeric>},
    {"isprintable", IsOfClass<CharacterClass::kPrintable>},
    {"isspace", IsOfClass<CharacterClass::kSpace>},
    {"istitle", Asked<IsTitle>},
    {"isupper", Asked<IsUpper>},
    {"rfind", Find<true, false>},
    {"rindex", Find<true, true>},
    {"startswith", HasAffix<false>},
};

constexpr NamedBuiltin kListMethods[] = {{"copy", Copy}, {"count", CountItem}, {"index", IndexOfItem}};

constexpr NamedBuiltin kTupleMethods[] = {{"count", CountItem}, {"index", IndexOfItem}};

constexpr NamedBuiltin kDictMethods[] = {
    {"copy", Copy},
    {"get", Get},
    {"items", View<DictViewObject::What::kItems>},
    {"keys", View<DictViewObject::What::kKeys>},
    {"values", View<DictViewObject::What::kValues>},
};

}  // namespace

std::span<const NamedBuiltin> StringQueryMethods() {
  return kStringMethods;
}
std::span<const NamedBuiltin> ListMethods() {
  return kListMethods;
}
std::span<const NamedBuiltin> TupleMethods() {
  return kTupleMethods;
}
std::span<const NamedBuiltin> DictMethods() {
  return kDictMethods;
}

}  // namespace sterna::jinja
