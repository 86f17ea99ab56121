// A thread of the plugin: it takes no signal, which are the host's.
#ifndef MIDSTREAM_PLUGINS_PYTHON_THREAD_H_
#define MIDSTREAM_PLUGINS_PYTHON_THREAD_H_

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace midstream::python {

template <typename Body>
std::thread QuietThread(Body&& body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    const sigset_t* mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, mask, nullptr); }
  } restore{&before};
  return std::thread(std::forward<Body>(body));
}

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_THREAD_H_
