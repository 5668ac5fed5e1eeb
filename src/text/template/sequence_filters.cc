// Filters on what can be walked over: order, ends, sums and pieces.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "text/template/attribute_path.h"
#include "text/template/builtins.h"
#include "text/template/merge_sort.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

Result<Value> LengthFilter(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("length", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(const int64_t length, Length(runtime, self));
  return Value::Int(length);
}

Result<Value> List(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("list", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, self));
  return runtime.MakeList(std::move(items));
}

Result<Value> First(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("first", arguments, {}).status());
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
  if (item) return *std::move(item);
  return runtime.MakeUndefined("No first item, sequence was empty.");
}

Result<Value> Last(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("last", arguments, {}).status());
  if (self.is(Kind::kIterator) || !IsIterable(self)) {
    return InvalidArgument(fmt::format("'{}' object is not reversible", TypeName(self)));
  }
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, self));
  if (!items.empty()) return std::move(items.back());
  return runtime.MakeUndefined("No last item, sequence was empty.");
}

Result<Value> Reverse(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("reverse", arguments, {}).status());
  if (self.is(Kind::kString)) return GetSlice(runtime, self, Value(), Value(), Value::Int(-1));
  if (!IsIterable(self)) return InvalidArgument("argument must be iterable");
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, self));
  std::reverse(items.begin(), items.end());
  return runtime.MakeIterator(std::move(items));
}

Result<Value> Items(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_RETURN_IF_ERROR(BoundArguments::Bind("items", arguments, {}).status());
  if (self.is(Kind::kUndefined)) return runtime.MakeIterator({});
  if (!self.is(Kind::kDict)) return InvalidArgument("Can only get item pairs from a mapping.");
  STERNA_ASSIGN_OR_RETURN(const Value view, runtime.MakeDictView(self, DictViewObject::What::kItems));
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, view));
  return runtime.MakeIterator(std::move(items));
}

Result<Value> Join(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("join", arguments, {"d", "attribute"}));
  std::string separator;
  if (bound.at(0)) {
    STERNA_ASSIGN_OR_RETURN(separator, ToText(runtime, *bound.at(0)));
  }
  const AttributePath path = AttributePath::Parse(bound.at(1));
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  std::string out;
  for (bool is_first = true;; is_first = false) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return runtime.MakeString(std::move(out));
    if (!is_first) out += separator;
    STERNA_ASSIGN_OR_RETURN(const Value part, path.Follow(runtime, *std::move(item)));
    STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(out.size()));
    STERNA_RETURN_IF_ERROR(AppendText(runtime, part, out));
  }
}

Result<Value> Sum(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("sum", arguments, {"attribute", "start"}));
  const AttributePath path = AttributePath::Parse(bound.at(0));
  Value total = bound.ValueOr(1, Value::Int(0));
  if (total.is(Kind::kString)) return InvalidArgument("sum() can't sum strings [use ''.join(seq) instead]");
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return total;
    STERNA_ASSIGN_OR_RETURN(const Value addend, path.Follow(runtime, *std::move(item)));
    STERNA_ASSIGN_OR_RETURN(total, Arithmetic(runtime, Operator::kAdd, total, addend));
  }
}

struct Keyed {
  std::vector<Value> keys;
  Value item;
};

// Stable; descending order keeps equal items in place too, as Python's sorted does.
template <class Less>
Status SortKeyed(std::vector<Keyed>& items, bool descending, Less less) {
  return MergeSort(items,
                   [&](const Keyed& left, const Keyed& right) { return descending ? less(right, left) : less(left, right); });
}

// By lists of keys, from the first to the last, of which only two that are unequal need to have an order.
Status SortByAllKeys(Runtime& runtime, std::vector<Keyed>& items, bool descending) {
  return SortKeyed(items, descending, [&](const Keyed& low, const Keyed& high) -> Result<bool> {
    for (size_t i = 0; i < low.keys.size(); ++i) {
      STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, low.keys[i], high.keys[i]));
      if (!equal) return Compare(runtime, Operator::kLess, low.keys[i], high.keys[i]);
    }
    return false;
  });
}

// By the first key itself: keys without an order are an error even where they are equal.
Status SortByFirstKey(Runtime& runtime, std::vector<Keyed>& items, bool descending) {
  return SortKeyed(items, descending, [&](const Keyed& low, const Keyed& high) {
    return Compare(runtime, Operator::kLess, low.keys[0], high.keys[0]);
  });
}

Result<Value> ListOfItems(Runtime& runtime, std::vector<Keyed> items) {
  std::vector<Value> out;
  out.reserve(items.size());
  for (Keyed& keyed : items) out.push_back(std::move(keyed.item));
  return runtime.MakeList(std::move(out));
}

Result<Value> Sort(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
  const std::vector<AttributePath> paths = AttributePath::ParseList(bound.at(2));
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, self));
  std::vector<Keyed> keyed(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    for (const AttributePath& path : paths) {
      STERNA_ASSIGN_OR_RETURN(Value key, path.Follow(runtime, items[i]));
      STERNA_ASSIGN_OR_RETURN(key, SortKey(runtime, std::move(key), bound.TruthOr(1, false)));
      keyed[i].keys.push_back(std::move(key));
    }
    keyed[i].item = std::move(items[i]);
  }
  STERNA_RETURN_IF_ERROR(SortByAllKeys(runtime, keyed, bound.TruthOr(0, false)));
  return ListOfItems(runtime, std::move(keyed));
}

Result<Value> DictSort(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
  std::string_view by = "key";
  if (bound.at(1)) {
    STERNA_ASSIGN_OR_RETURN(by, bound.Text(1));
  }
  if (by != "key" && by != "value") return InvalidArgument("You can only sort by either \"key\" or \"value\"");
  if (self.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(self).message);
  if (!self.is(Kind::kDict)) return InvalidArgument(fmt::format("'{}' object has no attribute 'items'", TypeName(self)));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : AsDict(self).entries) {
    STERNA_ASSIGN_OR_RETURN(Value sort_key, SortKey(runtime, by == "key" ? key : value, bound.TruthOr(0, false)));
    STERNA_ASSIGN_OR_RETURN(Value pair, runtime.MakeTuple({key, value}));
    keyed.push_back({{std::move(sort_key)}, std::move(pair)});
  }
  STERNA_RETURN_IF_ERROR(SortByFirstKey(runtime, keyed, bound.TruthOr(2, false)));
  return ListOfItems(runtime, std::move(keyed));
}

Result<Value> GroupBy(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1));
  const AttributePath path = AttributePath::Parse(bound.at(0));
  STERNA_ASSIGN_OR_RETURN(std::vector<Value> items, Collect(runtime, self));
  std::vector<Keyed> keyed(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    STERNA_ASSIGN_OR_RETURN(Value key, path.Follow(runtime, items[i], bound.at(1)));
    STERNA_ASSIGN_OR_RETURN(Value sort_key, SortKey(runtime, key, bound.TruthOr(2, false)));
    keyed[i].keys = {std::move(sort_key), std::move(key)};
    keyed[i].item = std::move(items[i]);
  }
  STERNA_RETURN_IF_ERROR(SortByFirstKey(runtime, keyed, false));
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    std::vector<Value> members;
    for (; end < keyed.size(); ++end) {
      STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, keyed[begin].keys[0], keyed[end].keys[0]));
      if (!equal) break;
      members.push_back(std::move(keyed[end].item));
    }
    if (members.empty()) return InvalidArgument("groupby: a key that is not equal to itself");
    STERNA_ASSIGN_OR_RETURN(Value list, runtime.MakeList(std::move(members)));
    STERNA_ASSIGN_OR_RETURN(Value group, runtime.MakeGroup(keyed[begin].keys[1], std::move(list)));
    groups.push_back(std::move(group));
  }
  return runtime.MakeList(std::move(groups));
}

template <bool kLargest>
Result<Value> Extreme(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound,
                          BoundArguments::Bind(kLargest ? "max" : "min", arguments, {"case_sensitive", "attribute"}));
  const AttributePath path = AttributePath::Parse(bound.at(1));
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  std::optional<Value> best, best_key;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) break;
    STERNA_ASSIGN_OR_RETURN(Value key, path.Follow(runtime, *item));
    STERNA_ASSIGN_OR_RETURN(key, SortKey(runtime, std::move(key), bound.TruthOr(0, false)));
    bool is_better = !best;
    if (best) {
      STERNA_ASSIGN_OR_RETURN(is_better, Compare(runtime, kLargest ? Operator::kGreater : Operator::kLess, key, *best_key));
    }
    if (is_better) {
      best = std::move(item);
      best_key = std::move(key);
    }
  }
  if (best) return *std::move(best);
  return runtime.MakeUndefined("No aggregated item, sequence was empty.");
}

Result<Value> Unique(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("unique", arguments, {"case_sensitive", "attribute"}));
  const AttributePath path = AttributePath::Parse(bound.at(1));
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  std::unordered_set<std::string> seen_texts;
  std::vector<Value> seen_others, out;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) return runtime.MakeIterator(std::move(out));
    STERNA_ASSIGN_OR_RETURN(Value key, path.Follow(runtime, *item));
    STERNA_ASSIGN_OR_RETURN(key, SortKey(runtime, std::move(key), bound.TruthOr(0, false)));
    if (key.is(Kind::kString)) {
      if (seen_texts.insert(key.text()).second) out.push_back(*std::move(item));
      continue;
    }
    STERNA_RETURN_IF_ERROR(key.is(Kind::kTuple) ? Status() : CheckHashable(key));
    bool is_new = true;
    for (const Value& other : seen_others) {
      STERNA_ASSIGN_OR_RETURN(const bool equal, EqualWithin(runtime, other, key));
      if (equal) is_new = false;
    }
    if (!is_new) continue;
    seen_others.push_back(std::move(key));
    out.push_back(*std::move(item));
  }
}

Result<Value> Batch(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("batch", arguments, {"linecount", "fill_with"}, 1));
  STERNA_ASSIGN_OR_RETURN(const int64_t count, bound.IntOr(0, 1));
  STERNA_ASSIGN_OR_RETURN(Cursor cursor, Cursor::Over(self));
  std::vector<Value> batches, batch;
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> item, cursor.Next(runtime));
    if (!item) break;
    if (static_cast<int64_t>(batch.size()) == count) {
      STERNA_ASSIGN_OR_RETURN(Value full, runtime.MakeList(std::exchange(batch, {})));
      batches.push_back(std::move(full));
    }
    batch.push_back(*std::move(item));
  }
  if (!batch.empty()) {
    if (!bound.IsNoneOrMissing(1) && count > static_cast<int64_t>(batch.size())) {
      STERNA_RETURN_IF_ERROR(runtime.CheckItemCount(static_cast<uint64_t>(count)));
      batch.resize(static_cast<size_t>(count), *bound.at(1));
    }
    STERNA_ASSIGN_OR_RETURN(Value rest, runtime.MakeList(std::move(batch)));
    batches.push_back(std::move(rest));
  }
  return runtime.MakeIterator(std::move(batches));
}

Result<Value> Slice(Runtime& runtime, const Value& self, const Arguments& arguments) {
  STERNA_ASSIGN_OR_RETURN(const BoundArguments bound, BoundArguments::Bind("slice", arguments, {"slices", "fill_with"}, 1));
  STERNA_ASSIGN_OR_RETURN(const int64_t slices, bound.IntOr(0, 1));
  if (slices == 0) return InvalidArgument("integer division or modulo by zero");
  if (slices < 0) return runtime.MakeIterator({});
  STERNA_RETURN_IF_ERROR(runtime.Spend(static_cast<uint64_t>(slices)));
  STERNA_ASSIGN_OR_RETURN(const std::vector<Value> items, Collect(runtime, self));
  const auto count = static_cast<size_t>(slices);
  const size_t each = items.size() / count, longer = items.size() % count;
  std::vector<Value> out;
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t end = next + each + (i < longer ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<ptrdiff_t>(next), items.begin() + static_cast<ptrdiff_t>(end));
    if (!bound.IsNoneOrMissing(1) && i >= longer) part.push_back(*bound.at(1));
    next = end;
    STERNA_ASSIGN_OR_RETURN(Value list, runtime.MakeList(std::move(part)));
    out.push_back(std::move(list));
  }
  return runtime.MakeIterator(std::move(out));
}

constexpr NamedBuiltin kFilters[] = {
    {"batch", Batch},       {"count", LengthFilter}, {"dictsort", DictSort}, {"first", First},         {"items", Items},
    {"groupby", GroupBy},   {"join", Join},          {"last", Last},         {"length", LengthFilter}, {"list", List},
    {"max", Extreme<true>}, {"min", Extreme<false>}, {"reverse", Reverse},   {"slice", Slice},         {"sort", Sort},
    {"sum", Sum},           {"unique", Unique},
};

}  // namespace

std::span<const NamedBuiltin> SequenceFilters() {
  return kFilters;
}

}  // namespace sterna::jinja
