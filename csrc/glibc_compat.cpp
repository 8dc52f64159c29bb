// Three symbols that GCC 11 and newer want from a younger libc or libstdc++ than manylinux_2_28 has. Defined here with
// hidden visibility, they leave the binary running on every glibc >= 2.28. May go when the floor is glibc 2.32 and
// GCC 11's libstdc++.

#include <sstream>

// glibc 2.32 says by it whether a process has one thread, which lets shared_ptr skip its atomics. A process with torch
// has many threads.
extern "C" {
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

// GLIBCXX_3.4.26: the default constructors, which older libraries had inline.
namespace std {
template __attribute__((visibility("hidden"))) basic_stringstream<char>::basic_stringstream();
template __attribute__((visibility("hidden"))) basic_ostringstream<char>::basic_ostringstream();
}  // namespace std
