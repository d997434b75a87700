#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace wherry {

using error_code = boost::system::error_code;

/// A value, or why there is none. For failures that the world causes; never for bugs.
template <class T>
using Result = boost::system::result<T>;

}  // namespace wherry
