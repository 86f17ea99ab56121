// MS_API marks what libmidstream.so exports: the public C++ API and the types that it speaks of.
#ifndef MIDSTREAM_CORE_BASE_EXPORT_H_
#define MIDSTREAM_CORE_BASE_EXPORT_H_

#define MS_API [[gnu::visibility("default")]]

#endif  // MIDSTREAM_CORE_BASE_EXPORT_H_
