// Methods of str that make a new text or a list of texts.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<Value> Make(Runtime& runtime, const Value& self, std::string text) {
  return runtime.MakeString(std::move(text), AsString(self).is_markup);
}

template <std::string (*kMap)(std::string_view)>
Result<Value> Mapped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("str method", arguments, {}).status());
  return Make(runtime, self, kMap(self.text()));
}

template <Side kSide>
Result<Value> Strip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("strip", arguments, {"chars"}));
  if (bound.IsNoneOrMissing(0)) return Make(runtime, self, std::string(StripSpace(self.text(), kSide)));
  STERNA_ASSIGN_OR_RETURN(const std::string_view characters, bound.Text(0));
  return Make(runtime, self, std::string(StripCharacters(self.text(), characters, kSide)));
}

class Pieces {
 public:
  explicit Pieces(Runtime& runtime, const Value& self) : runtime_(runtime), self_(self) {}
  Status Add(std::string_view piece) {
    STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
    STERNA_ASSIGN_OR_RETURN(Value value, Make(runtime_, self_, std::string(piece)));
    items_.push_back(std::move(value));
    return {};
  }
  void Reverse() { std::reverse(items_.begin(), items_.end()); }
  Result<Value> List() { return runtime_.MakeList(std::move(items_)); }
  Result<Value> Tuple() { return runtime_.MakeTuple(std::move(items_)); }

 private:
  Runtime& runtime_;
  const Value& self_;
  std::vector<Value> items_;
};

Status SplitAtSpace(std::string_view rest, int64_t limit, Pieces& pieces) {
  while (true) {
    rest = StripSpace(rest, Side::kLeft);
    if (rest.empty()) return {};
    size_t end = 0;
    if (limit-- == 0) return pieces.Add(rest);
    while (end < rest.size()) {
      size_t next = end;
      if (IsSpace(NextCharacter(rest, next))) break;
      end = next;
    }
    STERNA_RETURN_IF_ERROR(pieces.Add(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
}

Status SplitAtSpaceFromRight(std::string_view rest, int64_t limit, Pieces& pieces) {
  while (true) {
    rest = StripSpace(rest, Side::kRight);
    if (rest.empty()) return {};
    if (limit-- == 0) return pieces.Add(rest);
    size_t start = 0;  // behind the last white space
    for (size_t position = 0; position < rest.size();) {
      if (IsSpace(NextCharacter(rest, position))) start = position;
    }
    STERNA_RETURN_IF_ERROR(pieces.Add(rest.substr(start)));
    rest = rest.substr(0, start);
  }
}

Result<Value> Split(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("split", arguments, {"sep", "maxsplit"}));
  STERNA_ASSIGN_OR_RETURN(int64_t limit, bound.IntOr(1, -1));
  limit = std::max<int64_t>(limit, -1);
  Pieces pieces(runtime, self);
  std::string_view rest = self.text();
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(rest.size()));
  if (bound.IsNoneOrMissing(0)) {
    STERNA_RETURN_IF_ERROR(SplitAtSpace(rest, limit, pieces));
    return pieces.List();
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view separator, bound.Text(0));
  if (separator.empty()) return InvalidArgument("empty separator");
  while (limit-- != 0) {
    const std::optional<size_t> found = FindText(rest, separator);
    if (!found) break;
    STERNA_RETURN_IF_ERROR(pieces.Add(rest.substr(0, *found)));
    rest.remove_prefix(*found + separator.size());
  }
  STERNA_RETURN_IF_ERROR(pieces.Add(rest));
  return pieces.List();
}

Result<Value> RightSplit(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("rsplit", arguments, {"sep", "maxsplit"}));
  STERNA_ASSIGN_OR_RETURN(int64_t limit, bound.IntOr(1, -1));
  limit = std::max<int64_t>(limit, -1);
  Pieces pieces(runtime, self);
  std::string_view rest = self.text();
  if (bound.IsNoneOrMissing(0)) {
    if (limit < 0) return Split(runtime, self, Arguments());
    STERNA_RETURN_IF_ERROR(runtime.Spend(static_cast<uint64_t>(limit) * (rest.size() / 256)));
    STERNA_RETURN_IF_ERROR(SplitAtSpaceFromRight(rest, limit, pieces));
    pieces.Reverse();
    return pieces.List();
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view separator, bound.Text(0));
  if (separator.empty()) return InvalidArgument("empty separator");
  while (limit-- != 0) {
    STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(rest.size()));
    const std::optional<size_t> found = FindLastText(rest, separator);
    if (!found) break;
    STERNA_RETURN_IF_ERROR(pieces.Add(rest.substr(*found + separator.size())));
    rest = rest.substr(0, *found);
  }
  STERNA_RETURN_IF_ERROR(pieces.Add(rest));
  pieces.Reverse();
  return pieces.List();
}

Result<Value> SplitLinesMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("splitlines", arguments, {"keepends"}));
  STERNA_RETURN_IF_ERROR(runtime.SpendOnBytes(self.text().size()));
  Pieces pieces(runtime, self);
  for (const std::string_view line : SplitLines(self.text(), bound.TruthOr(0, false))) STERNA_RETURN_IF_ERROR(pieces.Add(line));
  return pieces.List();
}

template <bool kFromRight>
Result<Value> Partition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("partition", arguments, {"sep"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view separator, bound.Text(0));
  if (separator.empty()) return InvalidArgument("empty separator");
  const std::string_view text = self.text();
  const std::optional<size_t> found = kFromRight ? FindLastText(text, separator) : FindText(text, separator);
  Pieces pieces(runtime, self);
  if (!found) {
    for (int i = 0; i < 3; ++i) STERNA_RETURN_IF_ERROR(pieces.Add(i == (kFromRight ? 2 : 0) ? text : std::string_view()));
    return pieces.Tuple();
  }
  STERNA_RETURN_IF_ERROR(pieces.Add(text.substr(0, *found)));
  STERNA_RETURN_IF_ERROR(pieces.Add(separator));
  STERNA_RETURN_IF_ERROR(pieces.Add(text.substr(*found + separator.size())));
  return pieces.Tuple();
}

Result<Value> Join(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("join", arguments, {"iterable"}, 1));
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(*bound.at(0)));
  std::string out;
  for (size_t i = 0;; ++i) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<Value> item, cursor.Next(runtime));
    if (!item) break;
    if (!item->is(Kind::kString)) {
      return InvalidArgument(fmt::format("sequence item {}: expected str instance, {} found", i, TypeName(*item)));
    }
    if (i > 0) STERNA_RETURN_IF_ERROR(AppendText(runtime, self, out));
    STERNA_RETURN_IF_ERROR(AppendText(runtime, *item, out));
  }
  return Make(runtime, self, std::move(out));
}

enum class Alignment : uint8_t { kLeft, kRight, kCenter };

template <Alignment kAlignment>
Result<Value> Pad(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("padding", arguments, {"width", "fillchar"}, 1));
  STERNA_ASSIGN_OR_RETURN(const int64_t width, bound.IntOr(0, 0));
  std::string_view fill = " ";
  if (bound.at(1)) {
    STERNA_ASSIGN_OR_RETURN(fill, bound.Text(1));
    if (CountCharacters(fill) != 1) return InvalidArgument("The fill character must be exactly one character long");
  }
  STERNA_ASSIGN_OR_RETURN(const int64_t size, Length(runtime, self));
  if (width <= size) return self;
  const auto missing = static_cast<uint64_t>(width - size);
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(missing));
  // Python puts the odd character to the left where the width is odd.
  const uint64_t left = kAlignment == Alignment::kLeft    ? 0
                        : kAlignment == Alignment::kRight ? missing
                                                          : missing / 2 + (missing & static_cast<uint64_t>(width) & 1);
  std::string out;
  for (uint64_t i = 0; i < left; ++i) out += fill;
  out += self.text();
  for (uint64_t i = left; i < missing; ++i) out += fill;
  return Make(runtime, self, std::move(out));
}

Result<Value> ZeroFill(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("zfill", arguments, {"width"}, 1));
  STERNA_ASSIGN_OR_RETURN(const int64_t width, bound.IntOr(0, 0));
  STERNA_ASSIGN_OR_RETURN(const int64_t size, Length(runtime, self));
  if (width <= size) return self;
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(static_cast<uint64_t>(width)));
  std::string out = self.text();
  const bool has_sign = out.starts_with('-') || out.starts_with('+');
  out.insert(has_sign ? 1 : 0, std::string(static_cast<size_t>(width - size), '0'));
  return Make(runtime, self, std::move(out));
}

Result<Value> RemovePrefix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("removeprefix", arguments, {"prefix"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view prefix, bound.Text(0));
  return self.text().starts_with(prefix) ? Make(runtime, self, self.text().substr(prefix.size())) : Result<Value>(self);
}

Result<Value> RemoveSuffix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("removesuffix", arguments, {"suffix"}, 1));
  STERNA_ASSIGN_OR_RETURN(const std::string_view suffix, bound.Text(0));
  if (suffix.empty() || !self.text().ends_with(suffix)) return self;
  return Make(runtime, self, self.text().substr(0, self.text().size() - suffix.size()));
}

Result<Value> Replace(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("replace", arguments, {"old", "new", "count"}, 2));
  STERNA_ASSIGN_OR_RETURN(const std::string_view from, bound.Text(0));
  STERNA_ASSIGN_OR_RETURN(const std::string_view to, bound.Text(1));
  STERNA_ASSIGN_OR_RETURN(const int64_t count, bound.IntOr(2, -1));
  return ReplaceText(runtime, self, from, to, count);
}

constexpr NamedBuiltin kMethods[] = {
    {"capitalize", Mapped<Capitalize>},
    {"casefold", Mapped<CaseFold>},
    {"center", Pad<Alignment::kCenter>},
    {"format", FormatBraces},
    {"join", Join},
    {"ljust", Pad<Alignment::kLeft>},
    {"lower", Mapped<ToLower>},
    {"lstrip", Strip<Side::kLeft>},
    {"partition", Partition<false>},
    {"removeprefix", RemovePrefix},
    {"removesuffix", RemoveSuffix},
    {"replace", Replace},
    {"rjust", Pad<Alignment::kRight>},
    {"rpartition", Partition<true>},
    {"rsplit", RightSplit},
    {"rstrip", Strip<Side::kRight>},
    {"split", Split},
    {"splitlines", SplitLinesMethod},
    {"strip", Strip<Side::kBoth>},
    {"swapcase", Mapped<SwapCase>},
    {"title", Mapped<ToTitle>},
    {"upper", Mapped<ToUpper>},
    {"zfill", ZeroFill},
};

}  // namespace

Result<Value> ReplaceText(Runtime& runtime, const Value& self, std::string_view from, std::string_view to, int64_t count) {
  const std::string& text = self.text();
  std::string out;
  size_t position = 0;
  for (; count != 0 && position <= text.size(); count -= count > 0 ? 1 : 0) {
    const std::optional<size_t> found = FindText(text, from, position);
    if (!found) break;
    STERNA_RETURN_IF_ERROR(runtime.Spend(1));
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(uint64_t{out.size()} + to.size() + (*found - position)));
    out.append(text, position, *found - position);
    out += to;
    position = *found + from.size();
    if (from.empty()) {  // an empty text is found before each character and at the end
      if (position == text.size()) {
        position = text.size() + 1;
        break;
      }
      const size_t start = position;
      NextCharacter(text, position);
      out.append(text, start, position - start);
    }
  }
  if (position < text.size()) out.append(text, position);
  return Make(runtime, self, std::move(out));
}

std::span<const NamedBuiltin> StringMethods() {
  return kMethods;
}

}  // namespace sterna::jinja
