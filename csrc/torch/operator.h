// An operator's schema and the function that runs it on CUDA tensors, in the file that holds the function. The CPU
// reference and the fake kernel are registered in Python.
#pragma once

#include <torch/csrc/stable/library.h>

// The last line of csrc/<family>/<op>.cpp: defines warpwright::<op>, which takes and gives what `schema` says, with the
// function of that name. Each file adds its own part to the library that csrc/library.cpp names, so that no list of all
// operators is kept by hand.
#define WARPWRIGHT_OPERATOR(op, schema)                               \
  STABLE_TORCH_LIBRARY_FRAGMENT(warpwright, m) { m.def(#op schema); } \
  STABLE_TORCH_LIBRARY_IMPL(warpwright, CUDA, m) { m.impl(#op, TORCH_BOX(&op)); }
