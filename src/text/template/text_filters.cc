// Filters that make a text of a text.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

// str(value), but a text stays what it is (markupsafe.soft_str).
Result<Value> SoftText(Runtime& runtime, const Value& value) {
  if (value.is(Kind::kString)) return value;
  STERNA_ASSIGN_OR_RETURN(std::string text, ToText(runtime, value));
  return runtime.MakeString(std::move(text));
}

Result<Value> Make(Runtime& runtime, const Value& like, std::string text) {
  return runtime.MakeString(std::move(text), AsString(like).is_markup);
}

template <std::string (*kMap)(std::string_view)>
Result<Value> Mapped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("filter", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(const Value text, SoftText(runtime, self));
  return Make(runtime, text, kMap(text.text()));
}

// do_title: a word starts behind white space and - ( { [ <.
std::string TitleWords(std::string_view text) {
  std::string out;
  size_t word = 0;
  const auto flush = [&](size_t end) {
    if (end == word) return;
    size_t rest = word;
    NextCharacter(text, rest);
    out += ToUpper(text.substr(word, rest - word)) + ToLower(text.substr(rest, end - rest));
  };
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = NextCharacter(text, position);
    if (!IsSpace(c) && (c > 0x7F || std::string_view("-({[<").find(static_cast<char>(c)) == std::string_view::npos)) continue;
    flush(start);
    out += text.substr(start, position - start);
    word = position;
  }
  flush(text.size());
  return out;
}

Result<Value> Trim(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("trim", arguments, {"chars"}));
  STERNA_ASSIGN_OR_RETURN(const Value text, SoftText(runtime, self));
  if (bound.IsNoneOrMissing(0)) return Make(runtime, text, std::string(StripSpace(text.text(), Side::kBoth)));
  STERNA_ASSIGN_OR_RETURN(const std::string_view characters, bound.Text(0));
  return Make(runtime, text, std::string(StripCharacters(text.text(), characters, Side::kBoth)));
}

Result<Value> Text(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("string", arguments, {}).status());
  return SoftText(runtime, self);
}

Result<Value> Replace(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("replace", arguments, {"old", "new", "count"}, 2));
  STERNA_ASSIGN_OR_RETURN(std::string text, ToText(runtime, self));
  STERNA_ASSIGN_OR_RETURN(const std::string from, ToText(runtime, *bound.at(0)));
  STERNA_ASSIGN_OR_RETURN(const std::string to, ToText(runtime, *bound.at(1)));
  int64_t count = -1;
  if (!bound.IsNoneOrMissing(2)) {
    STERNA_ASSIGN_OR_RETURN(count, bound.IntOr(2, -1));
  }
  STERNA_ASSIGN_OR_RETURN(const Value plain, runtime.MakeString(std::move(text)));
  return ReplaceText(runtime, plain, from, to, count);
}

// Autoescaping is off, so markup matters only where `+` joins it to other text.
Result<Value> Safe(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("safe", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(std::string text, ToText(runtime, self));
  return runtime.MakeString(std::move(text), true);
}

Result<Value> Escape(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("escape", arguments, {}).status());
  if (self.is(Kind::kString) && AsString(self).is_markup) return self;
  STERNA_ASSIGN_OR_RETURN(const std::string text, ToText(runtime, self));
  return runtime.MakeString(EscapeHtml(text), true);
}

Result<Value> ForceEscape(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("forceescape", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(const std::string text, ToText(runtime, self));
  return runtime.MakeString(EscapeHtml(text), true);
}

Result<Value> Indent(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("indent", arguments, {"width", "first", "blank"}));
  if (self.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(self).message);
  if (!self.is(Kind::kString)) {
    return InvalidArgument(fmt::format("unsupported operand type(s) for +=: '{}' and 'str'", TypeName(self)));
  }
  std::string indention;
  if (bound.at(0) && bound.at(0)->is(Kind::kString)) {
    indention = bound.at(0)->text();
  } else {
    STERNA_ASSIGN_OR_RETURN(const int64_t width, bound.IntOr(0, 4));
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
    indention.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool indents_blank = bound.TruthOr(2, false);
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
  const std::string with_end = self.text() + "\n";  // so that the last line counts even where it is empty
  std::string out = bound.TruthOr(1, false) ? indention : std::string();
  bool is_first = true;
  for (const std::string_view line : SplitLines(with_end)) {
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{out.size()} + indention.size() + line.size() + 1));
    if (!is_first) {
      out += '\n';
      if (indents_blank || !line.empty()) out += indention;
    }
    out += line;
    is_first = false;
  }
  return Make(runtime, self, std::move(out));
}

Result<Value> Truncate(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind("truncate", arguments, {"length", "killwords", "end", "leeway"}));
  STERNA_ASSIGN_OR_RETURN(const int64_t length, bound.IntOr(0, 255));
  std::string_view ellipsis = "...";
  if (bound.at(2)) {
    STERNA_ASSIGN_OR_RETURN(ellipsis, bound.Text(2));
  }
  int64_t leeway = 5;
  if (!bound.IsNoneOrMissing(3)) {
    STERNA_ASSIGN_OR_RETURN(leeway, bound.IntOr(3, 5));
  }
  const auto ellipsis_length = static_cast<int64_t>(CountCharacters(ellipsis));
  if (length < ellipsis_length) return InvalidArgument(fmt::format("expected length >= {}, got {}", ellipsis_length, length));
  if (leeway < 0) return InvalidArgument(fmt::format("expected leeway >= 0, got {}", leeway));
  // A list has a length, too: a short one comes back as it is.
  STERNA_ASSIGN_OR_RETURN(const int64_t size, Length(runtime, self));
  if (size - length <= leeway) return self;
  if (!self.is(Kind::kString)) return InvalidArgument(fmt::format("truncate(): cannot cut a '{}' object", TypeName(self)));
  const Value& text = self;
  std::string out = text.text().substr(0, OffsetOfCharacter(text.text(), static_cast<size_t>(length - ellipsis_length)));
  if (!bound.TruthOr(1, false)) out = out.substr(0, out.rfind(' '));
  out += ellipsis;
  return Make(runtime, text, std::move(out));
}

// jinja2.utils.url_quote: a part of a query writes spaces as "+" and quotes slashes, too.
Status AppendUrlQuoted(Runtime& runtime, const Value& value, bool is_query, std::string& out) {
  STERNA_ASSIGN_OR_RETURN(const std::string text, ToText(runtime, value));
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(text.size()));
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{out.size()} + uint64_t{3} * text.size()));
  const std::string_view kept = is_query ? "_.-~" : "_.-~/";
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_plain || kept.find(c) != std::string_view::npos) {
      out += c;
    } else if (is_query && c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return {};
}

Result<Value> UrlEncode(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("urlencode", arguments, {}).status());
  std::string out;
  if (self.is(Kind::kString) || !IsIterable(self)) {
    STERNA_RETURN_IF_ERROR(AppendUrlQuoted(runtime, self, false, out));
    return runtime.MakeString(std::move(out));
  }
  Value pairs = self;
  if (self.is(Kind::kDict)) {
    STERNA_ASSIGN_OR_RETURN(pairs, runtime.MakeDictView(self, DictViewObject::What::kItems));
  }
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(pairs));
  for (bool is_first = true;; is_first = false) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<Value> item, cursor.Next(runtime));
    if (!item) return runtime.MakeString(std::move(out));
    STERNA_ASSIGN_OR_RETURN(const std::vector<Value> pair, Collect(runtime, *item));
    if (pair.size() != 2) return InvalidArgument(fmt::format("urlencode(): expected pairs, found {} values", pair.size()));
    if (!is_first) out += '&';
    STERNA_RETURN_IF_ERROR(AppendUrlQuoted(runtime, pair[0], true, out));
    out += '=';
    STERNA_RETURN_IF_ERROR(AppendUrlQuoted(runtime, pair[1], true, out));
  }
}

Result<Value> WordCount(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("wordcount", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(const Value text, SoftText(runtime, self));
  int64_t count = 0;
  bool inside = false;
  for (size_t position = 0; position < text.text().size();) {
    const size_t start = position;
    const char32_t c = NextCharacter(text.text(), position);
    const bool is_word =
        c == '_' || AllCharactersAre(std::string_view(text.text()).substr(start, position - start), CharacterClass::kAlphanumeric);
    count += is_word && !inside ? 1 : 0;
    inside = is_word;
  }
  return Value::Int(count);
}

Result<Value> Center(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("center", arguments, {"width"}));
  STERNA_ASSIGN_OR_RETURN(const Value text, SoftText(runtime, self));
  return FindMethod(Kind::kString, "center")(runtime, text, {{bound.ValueOr(0, Value::Int(80))}, {}});
}

Result<Value> Format(Runtime& runtime, const Value& self, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return InvalidArgument("can't handle positional and keyword arguments at the same time");
  }
  STERNA_ASSIGN_OR_RETURN(const Value text, SoftText(runtime, self));
  if (arguments.named.empty()) {
    STERNA_ASSIGN_OR_RETURN(const Value tuple, runtime.MakeTuple(arguments.positional));
    return FormatPrintf(runtime, text, tuple);
  }
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& [name, value] : arguments.named) entries.emplace_back(Value::String(name), value);
  STERNA_ASSIGN_OR_RETURN(const Value dict, runtime.MakeDict(std::move(entries)));
  return FormatPrintf(runtime, text, dict);
}

constexpr NamedBuiltin kFilters[] = {
    {"capitalize", Mapped<Capitalize>},
    {"center", Center},
    {"e", Escape},
    {"escape", Escape},
    {"forceescape", ForceEscape},
    {"format", Format},
    {"indent", Indent},
    {"lower", Mapped<ToLower>},
    {"replace", Replace},
    {"safe", Safe},
    {"string", Text},
    {"title", Mapped<TitleWords>},
    {"trim", Trim},
    {"truncate", Truncate},
    {"upper", Mapped<ToUpper>},
    {"urlencode", UrlEncode},
    {"wordcount", WordCount},
};

}  // namespace

std::span<const NamedBuiltin> TextFilters() {
  return kFilters;
}

}  // namespace sterna::jinja
