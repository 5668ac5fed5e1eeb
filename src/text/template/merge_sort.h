// A stable sort whose comparison may fail, and may contradict itself as NaN does: std::sort would then leave its bounds.
#ifndef STERNA_TEXT_TEMPLATE_MERGE_SORT_H_
#define STERNA_TEXT_TEMPLATE_MERGE_SORT_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"

namespace sterna::jinja {

/// `less`: Result<bool>(const T&, const T&). Its first error ends the sort and leaves some order. n log n comparisons.
template <class T, class Less>
Status MergeSort(std::vector<T>& items, Less less) {
  std::vector<T> merged(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t start = 0; start < items.size(); start += 2 * width) {
      size_t left = start, right = std::min(start + width, items.size());
      const size_t middle = right, end = std::min(right + width, items.size());
      for (size_t out = start; out < end; ++out) {
        bool takes_right = left == middle;
        if (left < middle && right < end) {
          STERNA_ASSIGN_OR_RETURN(takes_right, less(items[right], items[left]));
        }
        merged[out] = std::move(items[takes_right ? right++ : left++]);
      }
    }
    items.swap(merged);
  }
  return {};
}

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_MERGE_SORT_H_
