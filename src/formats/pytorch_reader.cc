#include "formats/pytorch_reader.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "base/checked_math.h"
#include "formats/pickle_reader.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"
#include "formats/zip_reader.h"

namespace sterna {
namespace {

constexpr std::string_view kPickle = "data.pkl";

/// The records of a checkpoint by name, without the folder that holds all of them.
using Records = std::map<std::string_view, std::span<const std::byte>>;

Result<Records> RecordsOf(std::span<const ZipEntry> entries, std::string_view name) {
  Records records;
  std::string_view folder;
  for (const ZipEntry& entry : entries) {
    const size_t slash = entry.name.find('/');
    if (slash == std::string::npos) {
      return Malformed(fmt::format("{}: entry {}: expected all entries in one folder", name, Quoted(entry.name)));
    }
    const std::string_view own_folder = std::string_view(entry.name).substr(0, slash);
    if (folder.empty()) folder = own_folder;
    if (own_folder != folder) {
      return Malformed(fmt::format("{}: entry {}: expected all entries in folder {}", name, Quoted(entry.name), Quoted(folder)));
    }
    records.emplace(std::string_view(entry.name).substr(slash + 1), entry.data);
  }
  return records;
}

Status CheckWord(const Records& records, std::string_view record, std::initializer_list<std::string_view> expected,
                 std::string_view name) {
  const auto found = records.find(record);
  if (found == records.end()) return Status::Ok();  // older files have none
  std::string_view word = AsText(found->second);
  while (!word.empty() && (word.back() == '\n' || word.back() == ' ')) word.remove_suffix(1);
  for (const std::string_view accepted : expected) {
    if (word == accepted) return Status::Ok();
  }
  return Unsupported(fmt::format("{}: record {}: expected {}, found {}", name, record, *(expected.end() - 1), Quoted(word)));
}

/// The elements of a strided tensor in the order of its indices. `storage`: its whole record, inside which all of them lie.
void Gather(const PickledTensor& tensor, std::span<const std::byte> storage, size_t element_bytes, std::byte* out) {
  std::vector<int64_t> index(tensor.shape.size(), 0);
  int64_t element = tensor.first_element;
  while (true) {
    std::memcpy(out, storage.data() + static_cast<size_t>(element) * element_bytes, element_bytes);
    out += element_bytes;
    size_t axis = index.size();
    while (axis > 0) {
      --axis;
      element += tensor.strides[axis];
      if (++index[axis] < tensor.shape[axis]) break;
      element -= tensor.shape[axis] * tensor.strides[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
  }
}

/// `budget`: bytes that copies may still take.
Result<std::shared_ptr<const Buffer>> CopyStrided(const PickledTensor& tensor, std::span<const std::byte> storage, size_t bytes,
                                                  size_t* budget) {
  if (bytes > *budget) {
    return Unsupported(
        fmt::format("shape {} with strides {}: copies of tensors whose elements do not follow each other would be larger "
                    "than the file; save them with .contiguous()",
                    ToString(tensor.shape), ToString(tensor.strides)));
  }
  *budget -= bytes;
  STERNA_ASSIGN_OR_RETURN(Buffer copy, Buffer::Allocate(bytes));
  Gather(tensor, storage, static_cast<size_t>(Info(tensor.dtype).block_bytes), copy.data());
  return std::make_shared<const Buffer>(std::move(copy));
}

}  // namespace

Result<std::vector<TensorEntry>> ParsePyTorch(std::span<const std::byte> bytes, std::string_view name,
                                              std::vector<std::shared_ptr<const Buffer>>* copies) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries, ParseZip(bytes, name));
  STERNA_ASSIGN_OR_RETURN(const Records records, RecordsOf(entries, name));
  if (records.contains("constants.pkl")) {
    return Unsupported(fmt::format("{}: a TorchScript program: save the state dictionary with torch.save instead", name));
  }
  const auto pickle = records.find(kPickle);
  if (pickle == records.end())
    return Malformed(fmt::format("{}: expected a PyTorch checkpoint with {}, found none", name, kPickle));
  for (const ZipEntry& entry : entries) STERNA_RETURN_IF_ERROR(CheckZipEntry(entry, name));
  STERNA_RETURN_IF_ERROR(CheckWord(records, "version", {"2", "3"}, name));
  STERNA_RETURN_IF_ERROR(CheckWord(records, "byteorder", {"little"}, name));
  const std::string pickle_name = fmt::format("{}: {}", name, kPickle);
  STERNA_ASSIGN_OR_RETURN(std::vector<PickledTensor> tensors, ReadPickledTensors(pickle->second, pickle_name));
  std::vector<TensorEntry> out;
  size_t budget = bytes.size();  // of copies: what the file makes us hold stays in proportion to it
  for (PickledTensor& tensor : tensors) {
    const auto record = records.find("data/" + tensor.storage);
    if (record == records.end()) {
      return Malformed(fmt::format("{}: tensor {}: expected record {}, found none", name, Quoted(tensor.name),
                                   Quoted("data/" + tensor.storage)));
    }
    const int64_t element_bytes = Info(tensor.dtype).block_bytes;
    const auto storage_bytes = CheckedMul(tensor.storage_elements, element_bytes);
    if (!storage_bytes || static_cast<uint64_t>(*storage_bytes) != record->second.size()) {
      return Malformed(fmt::format("{}: tensor {}: expected {} {} elements in record {}, found {} bytes", name, Quoted(tensor.name),
                                   tensor.storage_elements, Name(tensor.dtype), Quoted("data/" + tensor.storage),
                                   record->second.size()));
    }
    // The interpreter has checked that the elements lie inside the storage.
    STERNA_ASSIGN_OR_RETURN(const int64_t tensor_bytes, TensorBytes(tensor.dtype, tensor.shape));
    TensorEntry entry;
    if (tensor.strides.empty()) {
      entry.data =
          record->second.subspan(static_cast<size_t>(tensor.first_element * element_bytes), static_cast<size_t>(tensor_bytes));
    } else {
      if (copies == nullptr) {
        return Unsupported(fmt::format("{}: tensor {}: its elements do not follow each other", name, Quoted(tensor.name)));
      }
      auto copy = CopyStrided(tensor, record->second, static_cast<size_t>(tensor_bytes), &budget);
      if (!copy.ok()) return copy.status().WithContext(fmt::format("{}: tensor {}", name, Quoted(tensor.name)));
      entry.data = (*copy)->bytes();
      copies->push_back(*std::move(copy));
    }
    entry.name = std::move(tensor.name);
    entry.dtype = tensor.dtype;
    entry.shape = std::move(tensor.shape);
    out.push_back(std::move(entry));
  }
  if (const auto twice = FirstRepeatedName(out)) {
    return Malformed(fmt::format("{}: tensor name: expected each name once, found {} again", name, Quoted(*twice)));
  }
  return out;
}

}  // namespace sterna
