// The Python face of the extension: an empty module, whose import loads the library and so registers the operators.
//
// Python.h is not used: a bare machine has no python3-dev, and the object does not depend on the Python that builds it.
// What stands here is part of CPython's stable ABI since 3.5 (PEP 384, "Structures": PyModuleDef is exposed whole;
// PEP 489 for PyModuleDef_Init), and abi3audit checks the result.

#include <cstddef>

struct _typeobject;
struct PyObject;

struct PyModuleDefBase {
  std::ptrdiff_t reference_count;
  _typeobject* type;
  PyObject* (*init)();
  std::ptrdiff_t index;
  PyObject* copy;
};

struct PyModuleDef {
  PyModuleDefBase base;
  const char* name;
  const char* doc;
  std::ptrdiff_t size;
  void* methods;
  void* slots;
  void* traverse;
  void* clear;
  void* free;
};

extern "C" PyObject* PyModuleDef_Init(PyModuleDef*);

static PyModuleDef module = {{1, nullptr, nullptr, 0, nullptr}, "_C", "Operators of warpwright.", 0,
                             nullptr, nullptr, nullptr, nullptr, nullptr};

extern "C" __attribute__((visibility("default"))) PyObject* PyInit__C() { return PyModuleDef_Init(&module); }
