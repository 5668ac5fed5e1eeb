// For tests: the largest single allocation a piece of code asks for, to prove that no count in a file is believed.
#ifndef STERNA_FORMATS_TESTING_ALLOCATION_WATCH_H_
#define STERNA_FORMATS_TESTING_ALLOCATION_WATCH_H_

#include <cstddef>

namespace sterna::testing {

/// Counts from its construction, on this thread. The test program replaces operator new for this.
class AllocationWatch {
 public:
  AllocationWatch();
  size_t largest_bytes() const;
};

}  // namespace sterna::testing

#endif  // STERNA_FORMATS_TESTING_ALLOCATION_WATCH_H_
