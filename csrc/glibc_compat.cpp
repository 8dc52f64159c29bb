// Keeps the binary running on glibc 2.28 and newer, whatever newer glibc and GCC it is built with; the audit's platform
// policy is what says whether it does. What stands here may go when the floor of the wheels is glibc 2.34.

#include <ios>
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

// GLIBCXX_3.4.32: what includes <iostream> asks for it, so that the library sets cout and its like up; libraries before
// GCC 13 leave that to an object in each unit, which stands here for all of them.
__attribute__((visibility("hidden"))) void ios_base_library_init() {}
}  // namespace std
static std::ios_base::Init standard_streams;

// glibc 2.34 moved libpthread, libdl and librt into libc and gave their functions that version; the old versions are
// still there and are the same functions. The static CUDA runtime asks for them without a version, and the linker would
// take the newest. Each is therefore defined here, hidden, as a jump to its old version, which leaves the caller's
// return address as it is (dlopen looks at it).
#if defined(__x86_64__)
#define WARPWRIGHT_OLDEST "GLIBC_2.2.5"
#define WARPWRIGHT_DLMOPEN "GLIBC_2.3.4"
#define WARPWRIGHT_JUMP "jmp "
#define WARPWRIGHT_PLT "@PLT"
#elif defined(__aarch64__)
#define WARPWRIGHT_OLDEST "GLIBC_2.17"
#define WARPWRIGHT_DLMOPEN "GLIBC_2.17"
#define WARPWRIGHT_JUMP "b "
#define WARPWRIGHT_PLT ""
#else
#error "warpwright is built for x86_64 and aarch64"
#endif

#define WARPWRIGHT_OLD_VERSION(name, version)                                  \
  asm(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" \
      ".symver old_" #name ", " #name "@" version "\n" #name ":\n"             \
      WARPWRIGHT_JUMP "old_" #name WARPWRIGHT_PLT "\n.size " #name ", .-" #name "\n");
#define WARPWRIGHT_OLD(name) WARPWRIGHT_OLD_VERSION(name, WARPWRIGHT_OLDEST)

// glibc 2.38 gave C23's strtol a name of its own, which reads 0b11 as a number too. Nothing here needs that.
#define WARPWRIGHT_JUMP_FROM(name, to)                                                                     \
  asm(".text\n.globl " name "\n.hidden " name "\n.type " name ", %function\n" name ":\n"                 \
      WARPWRIGHT_JUMP to WARPWRIGHT_PLT "\n.size " name ", .-" name "\n");
#define WARPWRIGHT_C17(name) WARPWRIGHT_JUMP_FROM("__isoc23_" #name, #name)

// clang-format off
WARPWRIGHT_C17(strtol) WARPWRIGHT_C17(strtoul) WARPWRIGHT_C17(strtoll) WARPWRIGHT_C17(strtoull)
WARPWRIGHT_OLD_VERSION(dlmopen, WARPWRIGHT_DLMOPEN)
WARPWRIGHT_OLD(dladdr) WARPWRIGHT_OLD(dlclose) WARPWRIGHT_OLD(dlerror)
WARPWRIGHT_OLD(dlopen) WARPWRIGHT_OLD(dlsym) WARPWRIGHT_OLD(dlvsym)
WARPWRIGHT_OLD(pthread_condattr_setpshared) WARPWRIGHT_OLD(pthread_create) WARPWRIGHT_OLD(pthread_detach)
WARPWRIGHT_OLD(pthread_getspecific) WARPWRIGHT_OLD(pthread_join) WARPWRIGHT_OLD(pthread_key_create)
WARPWRIGHT_OLD(pthread_key_delete) WARPWRIGHT_OLD(pthread_kill) WARPWRIGHT_OLD(pthread_mutex_trylock)
WARPWRIGHT_OLD(pthread_mutexattr_destroy) WARPWRIGHT_OLD(pthread_mutexattr_init)
WARPWRIGHT_OLD(pthread_mutexattr_setpshared) WARPWRIGHT_OLD(pthread_mutexattr_settype) WARPWRIGHT_OLD(pthread_once)
WARPWRIGHT_OLD(pthread_rwlock_destroy) WARPWRIGHT_OLD(pthread_rwlock_init) WARPWRIGHT_OLD(pthread_rwlock_rdlock)
WARPWRIGHT_OLD(pthread_rwlock_timedrdlock) WARPWRIGHT_OLD(pthread_rwlock_timedwrlock)
WARPWRIGHT_OLD(pthread_rwlock_tryrdlock) WARPWRIGHT_OLD(pthread_rwlock_trywrlock)
WARPWRIGHT_OLD(pthread_rwlock_unlock) WARPWRIGHT_OLD(pthread_rwlock_wrlock) WARPWRIGHT_OLD(pthread_rwlockattr_destroy)
WARPWRIGHT_OLD(pthread_rwlockattr_init) WARPWRIGHT_OLD(pthread_rwlockattr_setpshared)
WARPWRIGHT_OLD(pthread_setspecific) WARPWRIGHT_OLD(pthread_spin_destroy) WARPWRIGHT_OLD(pthread_spin_init)
WARPWRIGHT_OLD(pthread_spin_lock) WARPWRIGHT_OLD(pthread_spin_trylock) WARPWRIGHT_OLD(pthread_spin_unlock)
WARPWRIGHT_OLD(sem_destroy) WARPWRIGHT_OLD(sem_init) WARPWRIGHT_OLD(sem_post) WARPWRIGHT_OLD(sem_timedwait)
WARPWRIGHT_OLD(sem_trywait) WARPWRIGHT_OLD(sem_wait) WARPWRIGHT_OLD(shm_open) WARPWRIGHT_OLD(shm_unlink)
// clang-format on
