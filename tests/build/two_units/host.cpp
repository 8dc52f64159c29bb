// A function that other flags, headers and times make another one.
#include <cmath>
#if __has_include(<poison.h>)
#include <poison.h>
#endif

#ifdef POISON
extern "C" int poisoned() { return POISON; }
#endif
extern "C" float host(float x) { return std::sin(x) * x + x / 3.0f; }
extern "C" const char* when() { return __DATE__ " " __TIME__; }
