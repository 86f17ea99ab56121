/* An extension of the backend interface: a plugin that keeps files between runs, such as compiled kernels.
 *
 * ms_plugin.get_extension(MS_EXT_CACHE) is not NULL: device_open understands the option "cache_dir", the folder for
 * these files. The core adds it, unless [backends.NAME] names one itself; without it nothing is to be kept. The plugin
 * makes its own folder in there when it needs it, and does not trust what it reads back. */
#ifndef MIDSTREAM_CACHE_H_
#define MIDSTREAM_CACHE_H_

#define MS_EXT_CACHE "midstream.cache/1"
#define MS_OPTION_CACHE_DIR "cache_dir"

#endif /* MIDSTREAM_CACHE_H_ */
