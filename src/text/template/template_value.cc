#include "text/template/template_value.h"

#include <algorithm>

#include "text/template/heap_object.h"
#include "text/template/operators.h"

namespace sterna {

using jinja::DictObject;
using jinja::ListObject;
using jinja::StringObject;

TemplateValue TemplateValue::Bool(bool value) {
  TemplateValue out;
  out.kind_ = Kind::kBool;
  out.scalar_.boolean = value;
  return out;
}

TemplateValue TemplateValue::Int(int64_t value) {
  TemplateValue out;
  out.kind_ = Kind::kInt;
  out.scalar_.integer = value;
  return out;
}

TemplateValue TemplateValue::Float(double value) {
  TemplateValue out;
  out.kind_ = Kind::kFloat;
  out.scalar_.real = value;
  return out;
}

TemplateValue TemplateValue::String(std::string text) {
  auto object = std::make_shared<StringObject>();
  object->text = std::move(text);
  return TemplateValue(Kind::kString, std::move(object));
}

TemplateValue TemplateValue::List(std::vector<TemplateValue> items) {
  auto object = std::make_shared<ListObject>();
  for (const TemplateValue& item : items) object->depth = std::max(object->depth, item.depth());
  object->depth += 1;
  object->items = std::move(items);
  return TemplateValue(Kind::kList, std::move(object));
}

TemplateValue TemplateValue::Dict(std::vector<Member> members) {
  auto object = std::make_shared<DictObject>();
  for (Member& member : members) {
    object->depth = std::max(object->depth, member.second.depth());
    object->Set(String(std::move(member.first)), std::move(member.second));
  }
  object->depth += 1;
  return TemplateValue(Kind::kDict, std::move(object));
}

int TemplateValue::depth() const {
  return object_ ? object_->depth : 0;
}

const std::string& TemplateValue::text() const {
  return jinja::AsString(*this).text;
}

const std::vector<TemplateValue>& TemplateValue::items() const {
  return jinja::AsList(*this).items;
}

const TemplateValue* TemplateValue::Find(std::string_view key) const {
  return jinja::AsDict(*this).Find(key);
}

std::vector<TemplateValue::Member> TemplateValue::Members() const {
  std::vector<Member> out;
  for (const auto& [key, value] : jinja::AsDict(*this).entries) {
    if (key.is(Kind::kString)) out.emplace_back(key.text(), value);
  }
  return out;
}

namespace jinja {

std::optional<size_t> DictObject::Place(std::string_view key) const {
  if (entries.size() > kLinearSearch) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].first.is(Kind::kString) && entries[i].first.text() == key) return i;
  }
  return std::nullopt;
}

const Value* DictObject::Find(std::string_view key) const {
  const std::optional<size_t> place = Place(key);
  return place ? &entries[*place].second : nullptr;
}

const Value* DictObject::Find(const Value& key) const {
  if (key.is(Kind::kString)) return Find(key.text());
  for (const auto& entry : entries) {
    if (Equal(entry.first, key)) return &entry.second;
  }
  return nullptr;
}

void DictObject::Set(Value key, Value value) {
  if (const Value* found = Find(key)) {
    *const_cast<Value*>(found) = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  // The keys are on the heap, so the views stay valid when `entries` moves.
  if (entries.size() == kLinearSearch + 1) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].first.is(Kind::kString)) index_.emplace(entries[i].first.text(), i);
    }
  } else if (entries.size() > kLinearSearch && entries.back().first.is(Kind::kString)) {
    index_.emplace(entries.back().first.text(), entries.size() - 1);
  }
}

}  // namespace jinja
}  // namespace sterna
